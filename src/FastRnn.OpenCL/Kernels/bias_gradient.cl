#include "common.cl"
#include "products.cl"
#include "weight_gradient.cl"
#include "trees.cl"
// bias[row(n)] += Σ over all rows of dY[r, n], in the order of the weight gradients.

// sums[block, column]: one chain of additions from zero a block. A work-item takes LANES neighbouring columns of one block: on a CPU some whole lines of
// every row, of which it reads few at a time otherwise.
static void sum_columns(
    __global const float *from, long row, __global const int *entries, int count, int lanes, __global float *to)
{
    for (int lane = 0; lane < lanes; lane++) {
        float sum = 0.0f;
        for (int i = 0; i < count; i++)
            sum += from[ROW_OF(entries[i]) * row + lane];
        to[lane] = sum;
    }
}

// Work-items [columns in use of dY's rows / LANES, blocks].
__kernel void sum_blocks(INPUT(dy), long dy_row, __global const int *order, int list, int blocks, BUFFER(sums), int width)
{
    long column = get_global_id(0) * LANES, block = get_global_id(1);
    if (column >= width)
        return;
    int first = order[blocks + block], count = order[blocks + block + 1] - first;
    __global const int *entries = order + list + first;
    __global const float *from = AT(dy) + column;
    __global float *to = AT(sums) + block * width + column;
#if LANES == 64
    if (column + LANES <= width) {
        float16 s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
        for (int i = 0; i < count; i++) {
            __global const float *row = from + ROW_OF(entries[i]) * dy_row;
            s0 += vload16(0, row);
            s1 += vload16(1, row);
            s2 += vload16(2, row);
            s3 += vload16(3, row);
        }
        vstore16(s0, 0, to);
        vstore16(s1, 1, to);
        vstore16(s2, 2, to);
        vstore16(s3, 3, to);
        return;
    }
#endif
    sum_columns(from, dy_row, entries, count, min(LANES, (int)(width - column)), to);
}

// Blocks of a slice in turn, slices in the tree, spans from the last to the first. Work-items [n].
__kernel void add_bias(
    INPUT(sums), int width, __global const int* order, int slices, int slice_count, int spans, BUFFER(bias_a), BUFFER(bias_b), int count,
    int gates, int gate_order, int hidden) {
    int n = get_global_id(0);
    if (n >= count)
        return;
    long row = weight_row(n, gates, gate_order, hidden);
    __global const float* from = AT(sums) + A_COLUMN(n);
    float a = AT(bias_a)[row], b = HAS(bias_b) ? AT(bias_b)[row] : 0.0f, tree[LEVELS];
    for (int span = spans - 1; span >= 0; span--) {
        int top = 0;
        for (int slice = 0; slice < slice_count; slice++) {
            __global const int* of = order + slices + span * (slice_count + 1) + slice;
            float sum = from[(long)of[0] * width];
            for (int block = of[0] + 1; block < of[1]; block++)
                sum += from[(long)block * width];
            top = push_slice(tree, top, slice, sum);
        }
        float total = sum_of_slices(tree, top);
        a += total;
        b += total;
    }
    AT(bias_a)[row] = a;
    if (HAS(bias_b))
        AT(bias_b)[row] = b;
}
