// Rows that move: see the CPU's GatherRows and embedding.
#include "lines.cl"

// Row r of the destination receives row rows[r] of the source times a factor; a negative index stands for zeros, no indices for row r.
// mode 0: y = x; 1: y += x; 2: y = y·x.
__kernel void gather_rows(
    INPUT(source), __global const int *rows, BUFFER(destination), long source_stride, long destination_stride, long source_column,
    long destination_column, long columns, float factor, int mode)
{
    long first = LINE_INDEX * LINE, count = columns - first;
    if (count <= 0)
        return;
    long row = rows == 0 ? ROW : rows[ROW];
    __global float *to = AT(destination) + ROW * destination_stride + destination_column + first;
    if (row < 0)
    {
        if (mode != 1)
            store_line(to, count, ALL(0.0f));
        return;
    }
    lanes value = load_line(AT(source) + row * source_stride + source_column + first, count, 0.0f) * factor;
    if (mode != 0)
    {
        lanes old = load_line(to, count, 0.0f);
        value = mode == 1 ? old + value : old * value;
    }
    store_line(to, count, value);
}

// table[token] += its rows of dY, in ascending order: the lists say which. One work-item has one line of one token, so nothing is added in another order.
// lists: for the k-th token that occurs its number, where its rows begin and where they end; then the rows.
__kernel void add_rows(INPUT(dy), __global const int *lists, BUFFER(table), long columns)
{
    long first = LINE_INDEX * LINE, count = columns - first;
    if (count <= 0)
        return;
    __global const int *list = lists + 3 * ROW;
    __global float *to = AT(table) + list[0] * columns + first;
    lanes sum = load_line(to, count, 0.0f);
    for (int i = list[1]; i < list[2]; i++)
        sum += load_line(AT(dy) + lists[i] * columns + first, count, 0.0f);
    store_line(to, count, sum);
}
