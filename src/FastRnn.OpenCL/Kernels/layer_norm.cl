// Layer normalisation (Ba, Kiros, Hinton 2016) of pre-activations, a row each, in place; equations as in LayerNorm. A group of sixteen work-items is the
// CPU's sixteen accumulators, by unit mod 16, over units and then gates, with the same tree: the same bits. Strips of a unit are STRIPS neighbours; a
// product's "gates" begin at "first", and the cell's that belong to them at "cell". "order" holds PyTorch's gates in four bits each.
#include "cell.cl"
#include "trees.cl"

#define WIDTH 16
#define GAMMA(g, u) AT(gamma)[((order >> (4 * (g))) & 15) * units + (u)]
#define EACH_UNIT for (int u = get_local_id(0); u < units; u += WIDTH)
#define EACH_GATE for (int g = 0; g < gates; g++)

// The fixed tree over sixteen sums, by every work-item for itself.
static float tree(__local const float* sums)
{
    float x[WIDTH];
    for (int i = 0; i < WIDTH; i++)
        x[i] = sums[i];
    SUM_OF_SIXTEEN(x)
    return x[0];
}

// x becomes its normal form; the cell's strips become γ·that + bias, or, without a bias, γ·that more.
__kernel __attribute__((reqd_work_group_size(WIDTH, 1, 1)))
void norm_forward(BUFFER(strips), int first, int cell, int gates, int units, INPUT(gamma), int order, INPUT(bias), BUFFER(scales))
{
    __local float sums[WIDTH], squares[WIDTH];
    int lane = get_local_id(0);
    long row = get_global_id(1);
    __global float *x = AT(strips) + row * units * STRIPS + first, *a = AT(strips) + row * units * STRIPS + cell;
    float sum = 0.0f, count = gates * units;
    EACH_UNIT
        EACH_GATE
            sum += x[(long)u * STRIPS + g];
    sums[lane] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    float mean = tree(sums) / count, square = 0.0f;
    EACH_UNIT
        EACH_GATE
        {
            float centred = x[(long)u * STRIPS + g] - mean;
            square = fma(centred, centred, square);
        }
    squares[lane] = square;
    barrier(CLK_LOCAL_MEM_FENCE);
    float scale = 1.0f / sqrt(tree(squares) / count + 1e-5f);
    if (lane == 0)
        AT(scales)[row] = scale;
    EACH_UNIT
        EACH_GATE
        {
            float normal = (x[(long)u * STRIPS + g] - mean) * scale;
            x[(long)u * STRIPS + g] = normal;
            a[(long)u * STRIPS + g] = fma(GAMMA(g, u), normal, HAS(bias) ? AT(bias)[u * gates + g] : a[(long)u * STRIPS + g]);
        }
}

// The normal form becomes the gradient of x, from the cell's strips; γ's own is added to the sums of the row's sample. Rows are those of one step.
__kernel __attribute__((reqd_work_group_size(WIDTH, 1, 1)))
void norm_backward(
    BUFFER(strips), int first, int cell, int gates, int units, INPUT(gamma), int order, INPUT(scales), BUFFER(d_gamma), MARKS)
{
    __local float sums[WIDTH], products[WIDTH];
    int lane = get_local_id(0);
    long row = get_global_id(1);
    __global float *x = AT(strips) + row * units * STRIPS + first, *total = AT(d_gamma) + row * units * gates;
    __global const float* a = AT(strips) + row * units * STRIPS + cell;
    float sum = 0.0f, product = 0.0f, count = gates * units;
    bool counts = !HAS(marks) || (MARK(row) & ACTIVE) != 0;
    EACH_UNIT
        EACH_GATE
        {
            float normal = x[(long)u * STRIPS + g], da = a[(long)u * STRIPS + g], d_normal = da * GAMMA(g, u);
            if (counts)
                total[u * gates + g] = fma(da, normal, total[u * gates + g]);
            sum += d_normal;
            product = fma(d_normal, normal, product);
        }
    sums[lane] = sum;
    products[lane] = product;
    barrier(CLK_LOCAL_MEM_FENCE);
    float mean = tree(sums) / count, slope = tree(products) / count, scale = AT(scales)[row];
    EACH_UNIT
        EACH_GATE
        {
            float d_normal = a[(long)u * STRIPS + g] * GAMMA(g, u);
            float centred = fma(-x[(long)u * STRIPS + g], slope, d_normal - mean);
            x[(long)u * STRIPS + g] = counts ? centred * scale : 0.0f;
        }
}
