#include "common.cl"
#include "products.cl"
#include "weight_gradient.cl"
#include "trees.cl"
#include "tiles_local.cl"
// sums[slice, n, k] = Σ over the rows of a slice of dY[r, n]·X[r, k].
// Work-items [16·tiles of columns of X, 16·tiles of columns of dY, slices] in groups of 16×16×1.
#define FETCH(i0) { \
    EACH(i, LOADS_A) { \
        int at = id + 256 * i, j = (i0) + at / TILE_M, n = first_n + at % TILE_M; \
        next_a[i] = j < length && n < rows ? AT(dy)[ROW_OF(list_of[j]) * dy_row + A_COLUMN(n)] : 0.0f; } \
    EACH(i, LOADS_B) { \
        int at = id + 256 * i, j = (i0) + at / TILE_N, k = first_k + at % TILE_N; \
        next_b[i] = j < length && k < columns && (!clears || list_of[j] >= 0) ? AT(x)[ROW_OF(list_of[j]) * x_row + k] : 0.0f; } }

__kernel __attribute__((reqd_work_group_size(16, 16, 1))) void weight_gradient(
    INPUT(dy), long dy_row, int rows, INPUT(x), long x_row, int columns, __global const int* order, int list, int blocks, int slices, int clears,
    BUFFER(sums)) {
    __local float tile_a[2 * DEPTH * A_PITCH] __attribute__((aligned(16)));
    __local float tile_b[2 * DEPTH * TILE_N] __attribute__((aligned(16)));
    int u = get_local_id(0), v = get_local_id(1), id = 16 * v + u, slice = get_global_id(2), side = 0;
    long first_n = (long)(get_global_id(1) - v) * RM, first_k = get_group_id(0) * TILE_N;
    __global float* to = AT(sums) + (long)slice * rows * columns;
    int begin = order[slices + slice], end = order[slices + slice + 1];
    float sum[RM][RN], next_a[LOADS_A], next_b[LOADS_B];
    for (int block = begin; block < end; block++) {
        int length = order[blocks + block + 1] - order[blocks + block];
        __global const int* list_of = order + list + order[blocks + block];
        EACH(i, RM) EACH(j, RN) sum[i][j] = 0.0f;
        FETCH(0)
        for (int from = 0; from < length; from += DEPTH, side ^= 1) {
            __local float* to_a = tile_a + side * DEPTH * A_PITCH;
            __local float* to_b = tile_b + side * DEPTH * TILE_N;
            EACH(i, LOADS_A) to_a[(id + 256 * i) / TILE_M * A_PITCH + (id + 256 * i) % TILE_M] = next_a[i];
            EACH(i, LOADS_B) to_b[id + 256 * i] = next_b[i];
            barrier(CLK_LOCAL_MEM_FENCE);
            if (from + DEPTH < length)
                FETCH(from + DEPTH)
            multiply_turn(to_a, to_b, min(DEPTH, length - from), u, v, sum);
        }
        EACH(i, RM) EACH(j, RN) {
            long n = first_n + PLACE(v, i), k = first_k + PLACE(u, j);
            if (n < rows && k < columns)
                to[n * columns + k] = block > begin ? to[n * columns + k] + sum[i][j] : sum[i][j];
        }
    }
}

// gradient[row(n), k] = (adds: +=) the slices' sums, combined in the tree. Work-items [columns of X, columns of dY].
__kernel void add_slices(INPUT(sums), int slices, BUFFER(gradient), int rows, int columns, int gates, int gate_order, int hidden, int adds) {
    long k = get_global_id(0), n = get_global_id(1), length = (long)rows * columns;
    if (k >= columns)
        return;
    __global const float* from = AT(sums) + n * columns + k;
    float tree[LEVELS];
    int top = 0;
    for (int slice = 0; slice < slices; slice++) {
        float sum = from[slice * length];
        top = push_slice(tree, top, slice, sum);
    }
    float total = sum_of_slices(tree, top);
    __global float* to = AT(gradient) + weight_row(n, gates, gate_order, hidden) * columns + k;
    *to = adds ? *to + total : total;
}
