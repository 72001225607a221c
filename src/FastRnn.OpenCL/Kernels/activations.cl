// y = f(x) and dX = dY·f'(x): see the CPU's Activations, LogSoftmax and Softmax.
#include "lines.cl"

__kernel void activation_forward(INPUT(x), BUFFER(y), long columns, int kind, int function, float alpha, float beta)
{
    long first = LINE_INDEX * LINE, at = ROW * columns + first, count = columns - first;
    if (count > 0)
        store_line(AT(y) + at, count, activation_value(kind, function, alpha, beta, load_line(AT(x) + at, count, 0.0f)));
}

// Rows that are not active are not read; their dX is zero.
__kernel void activation_backward(
    INPUT(x), INPUT(y), INPUT(dy), BUFFER(dx), __global const uchar *active, long columns, int kind, int function, float alpha,
    float beta)
{
    long first = LINE_INDEX * LINE, at = ROW * columns + first, count = columns - first;
    if (count <= 0)
        return;
    lanes value = ALL(0.0f);
    if (active == 0 || active[ROW] != 0)
    {
        value = activation_gradient(
            kind, function, alpha, beta, load_line(AT(x) + at, count, 0.0f), load_line(AT(y) + at, count, 0.0f), load_line(AT(dy) + at, count, 0.0f));
    }
    store_line(AT(dx) + at, count, value);
}

// y = (x - max x) - log sum exp(x - max x); y may be x.
__kernel void log_softmax_forward(INPUT(x), BUFFER(y), long rows, int columns)
{
    SHARED;
    long row = min(ROW, rows - 1);
    int count = EXISTING(rows, columns), body = BODY(count);
    __global const float *from = AT(x) + row * columns;
    __global float *to = AT(y) + row * columns;
    lanes tail;
    float most = maximum(from, count, &tail, shared);
    lanes sum = ALL(0.0f);
    for (long i = 0; i < body; i += LINE)
        sum += exp_of(load_line(from + i, LINE, 0.0f) - most);
    sum += exp_of(tail - most);
    float log_of_sum = FIRST(log_of(ALL(tree_of(sum, shared))));
    if (ROW >= rows)
        return;
    for (long i = 0; i < body; i += LINE)
        store_line(to + i, LINE, load_line(from + i, LINE, 0.0f) - most - log_of_sum);
    store_line(to + body, count - body, tail - most - log_of_sum);
}

// dX = dY - exp(y)·sum dY; dX may be dY.
__kernel void log_softmax_backward(INPUT(y), INPUT(dy), BUFFER(dx), __global const uchar *active, long rows, int columns)
{
    SHARED;
    long row = min(ROW, rows - 1);
    int count = EXISTING(rows, columns);
    __global const float *output = AT(y) + row * columns, *from = AT(dy) + row * columns;
    __global float *to = AT(dx) + row * columns;
    lanes sum = ALL(0.0f);
    for (long i = 0; i < count; i += LINE)
        sum += load_line(from + i, count - i, 0.0f);
    lanes all = ALL(tree_of(sum, shared));
    if (ROW >= rows)
        return;
    int is_active = active == 0 || active[row] != 0;
    for (long i = 0; i < columns; i += LINE)
    {
        lanes value = nfma(exp_of(load_line(output + i, columns - i, 0.0f)), all, load_line(from + i, columns - i, 0.0f));
        store_line(to + i, columns - i, is_active ? value : ALL(0.0f));
    }
}

// y = exp(x - max x) / sum exp(x - max x); y may be x.
__kernel void softmax_forward(INPUT(x), BUFFER(y), long rows, int columns)
{
    SHARED;
    long row = min(ROW, rows - 1);
    int count = EXISTING(rows, columns), body = BODY(count);
    __global const float *from = AT(x) + row * columns;
    __global float *to = AT(y) + row * columns;
    lanes tail;
    float most = maximum(from, count, &tail, shared);
    lanes sum = ALL(0.0f);
    for (long i = 0; i < body; i += LINE)
        sum += exp_of(load_line(from + i, LINE, 0.0f) - most);
    tail = exp_of(tail - most);
    lanes total = ALL(tree_of(sum + tail, shared));
    if (ROW >= rows)
        return;
    for (long i = 0; i < body; i += LINE)
        store_line(to + i, LINE, exp_of(load_line(from + i, LINE, 0.0f) - most) / total);
    store_line(to + body, count - body, tail / total);
}

// dX = y·(dY - sum y·dY); dX may be dY.
__kernel void softmax_backward(INPUT(y), INPUT(dy), BUFFER(dx), __global const uchar *active, long rows, int columns)
{
    SHARED;
    long row = min(ROW, rows - 1);
    int count = EXISTING(rows, columns);
    __global const float *output = AT(y) + row * columns, *from = AT(dy) + row * columns;
    __global float *to = AT(dx) + row * columns;
    lanes sum = ALL(0.0f);
    for (long i = 0; i < count; i += LINE)
        sum = fma(load_line(output + i, count - i, 0.0f), load_line(from + i, count - i, 0.0f), sum);
    lanes mean = ALL(tree_of(sum, shared));
    if (ROW >= rows)
        return;
    int is_active = active == 0 || active[row] != 0;
    for (long i = 0; i < columns; i += LINE)
    {
        lanes value = load_line(output + i, columns - i, 0.0f) * (load_line(from + i, columns - i, 0.0f) - mean);
        store_line(to + i, columns - i, is_active ? value : ALL(0.0f));
    }
}
