// Updates of weights: see the CPU's OptimizerUpdate, whose order of roundings this is. Every element is on its own.
#include "lines.cl"

#define START long first = LINE_INDEX * LINE, count = length - first; if (count <= 0) return
#define LOAD(x) load_line(AT(x) + first, count, 0.0f)
#define STORE(x, value) store_line(AT(x) + first, count, value)

// w -= rate·(scale·g)
__kernel void sgd(BUFFER(w), INPUT(g), long length, float rate, float scale)
{
    START;
    STORE(w, nfma(ALL(rate), scale * LOAD(g), LOAD(w)));
}

// m = b1·m + (1-b1)·g   v = b2·v + (1-b2)·g^2   w -= step·m/(sqrt(v)/root2 + epsilon) (Kingma, Ba 2015)
__kernel void adam(
    BUFFER(w), INPUT(g), BUFFER(m), BUFFER(v), long length, float scale, float beta1, float rest1, float beta2, float rest2, float step, float root2,
    float epsilon)
{
    START;
    lanes gradient = scale * LOAD(g);
    lanes mean = flush(fma(ALL(beta1), LOAD(m), rest1 * gradient));
    lanes second = flush(fma(ALL(beta2), LOAD(v), rest2 * gradient * gradient));
    STORE(m, mean);
    STORE(v, second);
    STORE(w, nfma(ALL(step), mean / (sqrt(second) / root2 + epsilon), LOAD(w)));
}

// All other optimisers; absent arrays are null.
__kernel void update(
    BUFFER(w), INPUT(g), BUFFER(m), BUFFER(v), BUFFER(c), BUFFER(most), long length, float scale, float l2, float weight_factor, float second_keep,
    float second_add, float mean_keep, float mean_add, float epsilon_inside, float root_divisor, float epsilon_outside, int first_of_quotient,
    float first_keep, float first_add, float rate_of_first, float rate_of_gradient)
{
    START;
    lanes weight = LOAD(w), gradient = fma(ALL(l2), weight, scale * LOAD(g)), divisor = ALL(1.0f);
    if (HAS(v))
    {
        lanes s = flush(fma(ALL(second_keep), LOAD(v), second_add * gradient * gradient));
        STORE(v, s);
        if (HAS(c))
        {
            lanes mean = flush(fma(ALL(mean_keep), LOAD(c), mean_add * gradient));
            STORE(c, mean);
            s = max_of(ALL(0.0f), nfma(mean, mean, s));
        }
        if (HAS(most))
        {
            s = max_of(LOAD(most), s);
            STORE(most, s);
        }
        divisor = sqrt(s + epsilon_inside) / root_divisor + epsilon_outside;
    }
    lanes source = first_of_quotient ? gradient / divisor : gradient, change = (0.0f - rate_of_gradient) * source;
    if (HAS(m))
    {
        lanes mean = flush(fma(ALL(first_keep), LOAD(m), first_add * source));
        STORE(m, mean);
        change = fma(ALL(0.0f - rate_of_first), mean, change);
    }
    if (HAS(v) && !first_of_quotient)
        change = change / divisor;
    STORE(w, fma(ALL(weight_factor), weight, change));
}

// x = min(max(x, -limit), limit); NaN stays.
__kernel void clamp_values(BUFFER(x), long length, float limit)
{
    START;
    STORE(x, clamp_to(LOAD(x), limit));
}

// g = fma(slope2, w, g) + slope1·sign(w)
__kernel void add_slopes(INPUT(w), BUFFER(g), long length, float slope1, float slope2)
{
    START;
    lanes weight = LOAD(w), sum = fma(ALL(slope2), weight, LOAD(g));
    STORE(g, weight == 0.0f ? sum : sum + copysign(ALL(slope1), weight));
}
