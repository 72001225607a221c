// Functions of one element: the CPU's VectorMath, CellFunctions and Activations, operation by operation, so that the bits are the same wherever fma,
// division and square root round correctly. Bounds, origins and what was rejected stand there. Comparisons are false for NaN, as they are there.
// "lanes" is float, or float16 where a program asks for LANES=16.
#pragma OPENCL FP_CONTRACT OFF

#if defined(LANES) && LANES == 16
typedef float16 lanes;
typedef int16 int_lanes;
typedef uint16 uint_lanes;
#define AS_FLOAT as_float16
#define AS_INT as_int16
#define AS_UINT as_uint16
#define TO_INT convert_int16_rte
#define TO_FLOAT convert_float16
#else
typedef float lanes;
typedef int int_lanes;
typedef uint uint_lanes;
#define AS_FLOAT as_float
#define AS_INT as_int
#define AS_UINT as_uint
#define TO_INT convert_int_rte
#define TO_FLOAT convert_float
#endif

#define ALL(x) ((lanes)(x))
#define SMALLEST_NORMAL 1.17549435e-38f
#define LOG_OF_2_HIGH 0.693145752f
#define LOG_OF_2_LOW 1.42860677e-6f
#define LOG2_OF_E 1.44269502f
#define EXP3 0.16666576666119928f
#define EXP4 0.04166655421298415f
#define EXP5 0.008363232883682618f
#define EXP6 0.0013926250831497611f

// States and their gradients below it are stored as +0.
#ifndef FLUSH_LIMIT
#define FLUSH_LIMIT 0x1p-100f
#endif

// The second operand when either is NaN.
static lanes min_of(lanes a, lanes b) { return a < b ? a : b; }
static lanes max_of(lanes a, lanes b) { return a > b ? a : b; }

// c - a·b, rounded once.
static lanes nfma(lanes a, lanes b, lanes c) { return fma(-a, b, c); }

static lanes magnitude_of(lanes x) { return AS_FLOAT(AS_UINT(x) & 0x7FFFFFFFu); }

// x, or +0 where |x| < 2^-100. NaN passes.
static lanes flush(lanes x) { return magnitude_of(x) < FLUSH_LIMIT ? ALL(0.0f) : x; }

// min(max(x, -limit), limit); NaN passes.
static lanes clamp_to(lanes x, float limit) { return min_of(ALL(limit), max_of(ALL(0.0f - limit), x)); }

// ---- exponentials -------------------------------------------------------------------------------------------------------------

// x - n·ln 2 in two steps, the first of them exact.
static lanes reduce_exp(lanes x, lanes n) { return nfma(n, ALL(LOG_OF_2_LOW), nfma(n, ALL(LOG_OF_2_HIGH), x)); }

static lanes reduced_expm1(lanes r)
{
    lanes q = fma(ALL(EXP6), r, ALL(EXP5));
    q = fma(q, r, ALL(EXP4));
    q = fma(q, r, ALL(EXP3));
    q = fma(q, r, ALL(0.5f));
    return fma(r * r, q, r);
}

static lanes power_of_2(int_lanes n) { return AS_FLOAT(AS_UINT(n + 127) << 23); }

// e^x; 2 ulp.
static lanes exp_of(lanes x)
{
    x = max_of(ALL(-104.0f), min_of(ALL(89.0f), x));
    lanes n = rint(x * LOG2_OF_E);
    lanes p = ALL(1.0f) + reduced_expm1(reduce_exp(x, n));
    int_lanes bits = TO_INT(n), part = bits >> 1;
    lanes result = p * power_of_2(part) * power_of_2(bits - part);
    return result < SMALLEST_NORMAL ? ALL(0.0f) : result;
}

// e^x - 1 for x <= 0; 2 ulp. A positive x counts as 0.
static lanes expm1_of(lanes x)
{
    lanes y = max_of(ALL(-30.0f), min_of(ALL(0.0f), x));
    lanes n = rint(y * LOG2_OF_E);
    lanes scale = power_of_2(TO_INT(n));
    return fma(reduced_expm1(reduce_exp(y, n)), scale, scale - 1.0f);
}

// 1/(1 + e^-x); 2 ulp.
static lanes sigmoid_of(lanes x)
{
    lanes y = x < -87.3365447f ? ALL(-88.75f) : min_of(ALL(80.0f), x);
    lanes t = nfma(y, ALL(LOG2_OF_E), ALL(12583039.0f)); // 1.5·2^23 + 127
    lanes n = t - 12583039.0f;
    lanes scale = AS_FLOAT(AS_UINT(t) << 23);
    lanes r = fma(n, ALL(LOG_OF_2_LOW), fma(n, ALL(LOG_OF_2_HIGH), y));
    lanes square = r * r;
    lanes p = nfma(ALL(EXP3), r, ALL(0.5f));
    lanes q = fma(ALL(EXP6), square, nfma(ALL(EXP5), r, ALL(EXP4)));
    p = nfma(square * square, q, nfma(square, p, r));
    return ALL(1.0f) / (scale + nfma(scale, p, ALL(1.0f)));
}

// ---- tanh -------------------------------------------------------------------------------------------------------------------

// Of eight constants the one that the lowest three bits number: choices, since a table would be a gather for every coefficient. Each bit stands
// where select() looks for it, at the top.
#define LOOKUP_4(x0, x1, x2, x3) select(select(ALL(x0), ALL(x1), bit0), select(ALL(x2), ALL(x3), bit0), bit1)
#define LOOKUP(x0, x1, x2, x3, x4, x5, x6, x7) select(LOOKUP_4(x0, x1, x2, x3), LOOKUP_4(x4, x5, x6, x7), bit2)

// "small" is |x|, or 0 for a result of 0.
static lanes tanh_of_magnitude(lanes x, lanes magnitude, lanes small)
{
    int_lanes bits = AS_INT(magnitude), limit = AS_INT(ALL(9.01091385f));
    lanes t = fma(AS_FLOAT(bits < limit ? bits : limit), ALL(0.774999976f), ALL(0.5f));
    uint_lanes span = AS_UINT(t) >> 22;
    int_lanes bit0 = AS_INT(span << 31), bit1 = AS_INT((span & 2u) << 30), bit2 = AS_INT((span & 4u) << 29);
    lanes r = min_of(ALL(9.01091385f), small)
        - LOOKUP(2.58018851f, 3.87113905f, 5.80700684f, 8.05670357f, 0.0f, 0.48390308f, 0.967811167f, 1.61254537f);
    lanes c0 = LOOKUP(0.988586426f, 0.999132216f, 0.99998194f, 0.999999821f, 0.0f, 0.449364007f, 0.747740865f, 0.923535287f);
    lanes c1 = LOOKUP(0.022697458f, 0.00173499016f, 3.64291336e-05f, 4.02352441e-07f, 1.0f, 0.79807204f, 0.440884203f, 0.147082195f);
    lanes c2 = LOOKUP(-0.0224370435f, -0.00173345907f, -3.64004045e-05f, -4.02338571e-07f, -4.92970548e-06f, -0.358624995f, -0.329671115f, -0.135835364f);
    lanes c3 = LOOKUP(0.0146040125f, 0.00115027581f, 2.2800059e-05f, 2.63833329e-07f, -0.333150178f, -0.104886763f, 0.0994992629f, 0.0764504224f);
    lanes c4 = LOOKUP(-0.00697759632f, -0.000573329977f, -1.14438171e-05f, -1.31930349e-07f, -0.00250305398f, 0.166680604f, 0.0356180184f, -0.0253207199f);
    lanes c5 = LOOKUP(0.00258441106f, 0.00024385225f, 6.32433648e-06f, 6.23190033e-08f, 0.148977086f, -0.0209746901f, -0.0490438379f, 0.000609542534f);
    lanes c6 = LOOKUP(-0.000645383378f, -7.97508183e-05f, -2.08971346e-06f, -2.07821778e-08f, -0.0461473987f, -0.0535981618f, 0.0161829721f, 0.00460431818f);
    lanes square = r * r;
    lanes p = fma(fma(c6, r, c5), square, fma(c4, r, c3));
    p = fma(fma(p, square, fma(c2, r, c1)), r, c0);
    return AS_FLOAT(AS_UINT(p) | (AS_UINT(x) ^ AS_UINT(magnitude)));
}

// 3 ulp; subnormal x give 0.
static lanes tanh_of(lanes x)
{
    lanes magnitude = magnitude_of(x);
    return tanh_of_magnitude(x, magnitude, magnitude < SMALLEST_NORMAL ? ALL(0.0f) : magnitude);
}

// The same, but that a subnormal x is its own result: for what is flushed later.
static lanes tanh_of_any(lanes x)
{
    lanes magnitude = magnitude_of(x);
    return tanh_of_magnitude(x, magnitude, magnitude);
}

// ---- logarithms -------------------------------------------------------------------------------------------------------------

// ln x; 2 ulp.
static lanes log_of(lanes x)
{
    lanes scaled = x < SMALLEST_NORMAL ? x * 16777216.0f : x;
    lanes shift = x < SMALLEST_NORMAL ? ALL(-24.0f) : ALL(0.0f);
    int_lanes exponent_bits = (AS_INT(scaled) - 0x3F3504F3) >> 23;
    lanes exponent = TO_FLOAT(exponent_bits) + shift;
    lanes f = AS_FLOAT(AS_UINT(scaled) - (AS_UINT(exponent_bits) << 23)) - 1.0f;
    lanes p = fma(ALL(0.06971611471451172f), f, ALL(-0.11479733846637633f));
    p = fma(p, f, ALL(0.1168541992348674f));
    p = fma(p, f, ALL(-0.12425687331451106f));
    p = fma(p, f, ALL(0.1424905764569748f));
    p = fma(p, f, ALL(-0.16667802319501254f));
    p = fma(p, f, ALL(0.200007157488921f));
    p = fma(p, f, ALL(-0.24999996957950882f));
    p = fma(p, f, ALL(0.33333331180030046f));
    lanes square = f * f;
    lanes tail = fma(square * f, p, exponent * LOG_OF_2_LOW);
    tail = nfma(ALL(0.5f), square, tail);
    lanes result = fma(exponent, ALL(LOG_OF_2_HIGH), f + tail);
    result = x > FLT_MAX ? x : result;
    result = x < 1.401298464e-45f ? ALL(-INFINITY) : result;
    result = x < 0.0f ? ALL(NAN) : result;
    return x > -INFINITY ? result : x + NAN;
}

// ln(1 + e) for e in [0, 1], by Kahan's quotient.
static lanes log1p_of(lanes e)
{
    lanes u = ALL(1.0f) + e;
    return u > 1.0f ? log_of(u) * (e / (u - 1.0f)) : e;
}

static lanes softplus_of(lanes x)
{
    return max_of(ALL(0.0f), x) + log1p_of(exp_of(AS_FLOAT(AS_UINT(x) | 0x80000000u)));
}

// ---- functions of cells, by CellFunction's numbers; known when a program is built -------------------------------------------

#define TANH 0
#define RELU 1
#define SIGMOID 2
#define IDENTITY 3
#define HARD_SIGMOID 4
#define SOFTSIGN 5
#define SOFTPLUS 6
#define ELU 7
#define LEAKY_RELU 8
#define THRESHOLDED_RELU 9
#define SCALED_TANH 10
#define AFFINE 11
#define SELU 12
#define EXPONENTIAL 13
#define CLIP 14

#define SELU_SCALE 1.05070102f
#define SELU_SCALE_ALPHA 1.75809932f

static lanes cell_value(int function, float alpha, float beta, lanes x)
{
    switch (function)
    {
        case TANH: return tanh_of(x);
        case RELU: return x < 0.0f ? ALL(0.0f) : x;
        case SIGMOID: return sigmoid_of(x);
        case HARD_SIGMOID: return min_of(ALL(1.0f), max_of(ALL(0.0f), fma(ALL(alpha), x, ALL(beta))));
        case SOFTSIGN: return x / (ALL(1.0f) + magnitude_of(x));
        case SOFTPLUS: return softplus_of(x);
        case ELU: return x < 0.0f ? alpha * expm1_of(x) : x;
        case LEAKY_RELU: return x < 0.0f ? alpha * x : x;
        case THRESHOLDED_RELU: return x > alpha ? x : (x < INFINITY ? ALL(0.0f) : x);
        case SCALED_TANH: return alpha * tanh_of(beta * x);
        case AFFINE: return fma(ALL(alpha), x, ALL(beta));
        case SELU: return x < 0.0f ? SELU_SCALE_ALPHA * expm1_of(x) : SELU_SCALE * x;
        case EXPONENTIAL: return exp_of(x);
        case CLIP: return min_of(ALL(beta), max_of(ALL(alpha), x));
        default: return x;
    }
}

// f'(x) from y = f(x).
static lanes cell_slope(int function, float alpha, float beta, lanes y)
{
    lanes rest = ALL(1.0f) - magnitude_of(y);
    switch (function)
    {
        case TANH: return nfma(y, y, ALL(1.0f));
        case RELU:
        case THRESHOLDED_RELU: return y > 0.0f ? ALL(1.0f) : ALL(0.0f);
        case SIGMOID: return y * (ALL(1.0f) - y);
        case HARD_SIGMOID: return y > 0.0f ? (y < 1.0f ? ALL(alpha) : ALL(0.0f)) : ALL(0.0f);
        case SOFTSIGN: return rest * rest;
        case SOFTPLUS: return ALL(0.0f) - expm1_of(ALL(0.0f) - y);
        case ELU: return y > 0.0f ? ALL(1.0f) : y + alpha;
        case LEAKY_RELU: return y > 0.0f ? ALL(1.0f) : ALL(alpha);
        case SCALED_TANH: return beta * nfma(y, y / alpha, ALL(alpha));
        case AFFINE: return ALL(alpha);
        case SELU: return y > 0.0f ? ALL(SELU_SCALE) : y + SELU_SCALE_ALPHA;
        case EXPONENTIAL: return y;
        case CLIP: return y > alpha ? (y < beta ? ALL(1.0f) : ALL(0.0f)) : ALL(0.0f);
        default: return ALL(1.0f);
    }
}

// dy·f'(x) as the cells without options have it: relu's selects, so that 0·∞ does not arise.
static lanes cell_gradient(int function, lanes y, lanes dy)
{
    switch (function)
    {
        case TANH: return dy * nfma(y, y, ALL(1.0f));
        case RELU: return y > 0.0f ? dy : ALL(0.0f);
        case SIGMOID: return dy * (y * (ALL(1.0f) - y));
        default: return dy;
    }
}

// ---- functions of outputs, by ActivationKind's numbers -----------------------------------------------------------------------

#define KIND_RELU 0
#define KIND_TANH 1
#define KIND_SIGMOID 2
#define KIND_HARD_SIGMOID 3
#define KIND_SOFTPLUS 4
#define KIND_SILU 5
#define KIND_GELU 6

// The distribution function of the normal distribution, and exp(-x*x/2): see the CPU's GeluFunction.
static lanes distribution_of(lanes x, lanes *bell)
{
    lanes a = min_of(ALL(16.0f), magnitude_of(x)), square = a * a, rounded = fma(a, a, ALL(0.0f) - square);
    lanes e = exp_of(square * -0.5f);
    *bell = e = nfma(e * rounded, ALL(0.5f), e);
    lanes t = ALL(1.0f) / fma(ALL(0.35f), a, ALL(1.0f));
    lanes p = fma(ALL(-0.02914594f), t, ALL(0.14397174f));
    p = fma(p, t, ALL(-0.25571433f));
    p = fma(p, t, ALL(0.15917425f));
    p = fma(p, t, ALL(-0.023109898f));
    p = fma(p, t, ALL(0.10550803f));
    p = fma(p, t, ALL(0.11983286f));
    p = fma(p, t, ALL(0.13986187f));
    p = fma(p, t, ALL(0.1396214f));
    lanes below = e * (p * t);
    return x < 0.0f ? below : ALL(1.0f) - below;
}

static lanes gelu_gradient(lanes x, lanes dy)
{
    lanes bell, distribution = distribution_of(x, &bell);
    return dy * fma(min_of(ALL(16.0f), max_of(ALL(-16.0f), x)), bell * 0.3989422804014327f, distribution);
}

// Every other kind is one of the cells' functions.
static lanes activation_value(int kind, int function, float alpha, float beta, lanes x)
{
    lanes bell;
    switch (kind)
    {
        case KIND_RELU: return x < 0.0f ? ALL(0.0f) : x;
        case KIND_TANH: return tanh_of(x);
        case KIND_SIGMOID: return sigmoid_of(x);
        case KIND_HARD_SIGMOID: return min_of(ALL(6.0f), max_of(ALL(0.0f), x + 3.0f)) / 6.0f;
        case KIND_SOFTPLUS: return softplus_of(x);
        case KIND_SILU: return x * sigmoid_of(x);
        case KIND_GELU: return max_of(ALL(-16.0f), x) * distribution_of(x, &bell);
        default: return cell_value(function, alpha, beta, x);
    }
}

// dy·f'(x), from x and y = f(x).
static lanes activation_gradient(int kind, int function, float alpha, float beta, lanes x, lanes y, lanes dy)
{
    lanes sigmoid;
    switch (kind)
    {
        case KIND_RELU: return cell_gradient(RELU, y, dy);
        case KIND_TANH: return cell_gradient(TANH, y, dy);
        case KIND_SIGMOID: return cell_gradient(SIGMOID, y, dy);
        case KIND_HARD_SIGMOID: return dy * (x < 3.0f ? (x > -3.0f ? ALL(1.0f / 6.0f) : ALL(0.0f)) : ALL(0.0f));
        case KIND_SOFTPLUS: return dy * sigmoid_of(x);
        case KIND_SILU:
            sigmoid = sigmoid_of(x);
            return dy * (sigmoid * fma(x, ALL(1.0f) - sigmoid, ALL(1.0f)));
        case KIND_GELU: return gelu_gradient(x, dy);
        default: return dy * cell_slope(function, alpha, beta, y);
    }
}
