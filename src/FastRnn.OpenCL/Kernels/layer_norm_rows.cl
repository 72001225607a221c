// Layer normalisation of rows of features: see the CPU's LayerNorm and LayerNormRows.
#include "lines.cl"

// A line of x - mean; zero beyond the row.
static lanes centred_line(__global const float *x, long count, float mean) { return only(load_line(x, count, 0.0f) - mean, count); }

// 1/sqrt(variance + epsilon) of a row, and its mean.
static float scale_of(__global const float *x, int count, int columns, float epsilon, float *mean, SHARED_LINE shared)
{
    lanes sum = ALL(0.0f), square = ALL(0.0f);
    for (long i = 0; i < count; i += LINE)
        sum += load_line(x + i, count - i, 0.0f);
    *mean = tree_of(sum, shared) / (float)columns;
    for (long i = 0; i < count; i += LINE)
    {
        lanes centred = centred_line(x + i, count - i, *mean);
        square = fma(centred, centred, square);
    }
    return 1.0f / sqrt(tree_of(square, shared) / (float)columns + epsilon);
}

__kernel void rows_forward(INPUT(x), INPUT(gamma), INPUT(beta), BUFFER(y), long rows, int columns, float epsilon)
{
    SHARED;
    long row = min(ROW, rows - 1);
    __global const float *from = AT(x) + row * columns;
    __global float *to = AT(y) + row * columns;
    float mean, scale = scale_of(from, EXISTING(rows, columns), columns, epsilon, &mean, shared);
    if (ROW >= rows)
        return;
    for (long i = 0; i < columns; i += LINE)
    {
        lanes normal = centred_line(from + i, columns - i, mean) * scale;
        lanes slope = load_line(AT(gamma) + i, columns - i, 0.0f), start = load_line(AT(beta) + i, columns - i, 0.0f);
        store_line(to + i, columns - i, fma(slope, normal, start));
    }
}

// dX, unless there is none, and dY·x^, which the gradient of gamma is the sum of. Rows that are not active get zeros.
__kernel void rows_backward(
    INPUT(x), INPUT(gamma), INPUT(dy), BUFFER(dx), BUFFER(products), __global const uchar *active, long rows, int columns, float epsilon)
{
    SHARED;
    long row = min(ROW, rows - 1);
    int count = EXISTING(rows, columns);
    __global const float *from = AT(x) + row * columns, *above = AT(dy) + row * columns;
    __global float *to = AT(dx) + row * columns, *sums = AT(products) + row * columns;
    float mean, scale = scale_of(from, count, columns, epsilon, &mean, shared);
    lanes first = ALL(0.0f), second = ALL(0.0f);
    for (long i = 0; i < count; i += LINE)
    {
        lanes normal = centred_line(from + i, count - i, mean) * scale;
        lanes d_normal = load_line(above + i, count - i, 0.0f) * load_line(AT(gamma) + i, count - i, 0.0f);
        first += d_normal;
        second = fma(d_normal, normal, second);
    }
    float mean_gradient = tree_of(first, shared) / (float)columns, slope = tree_of(second, shared) / (float)columns;
    if (ROW >= rows)
        return;
    int is_active = active == 0 || active[row] != 0;
    for (long i = 0; i < columns; i += LINE)
    {
        lanes normal = centred_line(from + i, columns - i, mean) * scale, da = load_line(above + i, columns - i, 0.0f);
        lanes d_normal = da * load_line(AT(gamma) + i, columns - i, 0.0f);
        store_line(sums + i, columns - i, is_active ? fma(da, normal, ALL(0.0f)) : ALL(0.0f));
        if (HAS(dx))
            store_line(to + i, columns - i, is_active ? nfma(normal, ALL(slope), d_normal - mean_gradient) * scale : ALL(0.0f));
    }
}
