#include "common.cl"
#include "products.cl"
#include "tiles_local.cl"
// C[m, n] = chain(start[m, n]; A[m, k]·B[k, n], k ascending): one fused multiply-add a k, so the bits are those of the CPU back end.
// A [rows, depth], row-major. B [depth][columns padded to BLOCK_N], zero padded. start: nothing, rows of N numbers, or C itself.
// Work-items [16·tiles of columns, 16·tiles of rows] in groups of 16×16. padded: the chain ends with + 0, as where the depth is padded with zeros.
#define FETCH(k0) { \
    EACH(i, LOADS_A) { \
        int at = id + 256 * i, k = (k0) + at % DEPTH, m = first_m + at / DEPTH; \
        next_a[i] = k < depth && m < rows ? from_a[m * a_row + A_COLUMN(k)] : 0.0f; } \
    EACH(i, LOADS_B) { \
        int at = id + 256 * i, k = (k0) + at / TILE_N; \
        next_b[i] = k < depth ? from_b[(long)k * b_row + at % TILE_N] : 0.0f; } }

__kernel __attribute__((reqd_work_group_size(16, 16, 1))) void gemm(
    INPUT(a), long a_row, INPUT(b), INPUT(s), long start_row, int start, BUFFER(c), long c_row,
    int rows, int columns, int depth, int padded) {
    __local float tile_a[2 * DEPTH * A_PITCH] __attribute__((aligned(16)));
    __local float tile_b[2 * DEPTH * TILE_N] __attribute__((aligned(16)));
    int x = get_local_id(0), y = get_local_id(1), id = 16 * y + x;
    long first_m = (long)(get_global_id(1) - y) * RM, first_n = get_group_id(0) * TILE_N, b_row = (columns + BLOCK_N - 1) / BLOCK_N * BLOCK_N;
    __global const float* from_a = AT(a);
    __global const float* from_b = AT(b) + first_n;
    float sum[RM][RN], next_a[LOADS_A], next_b[LOADS_B];
    EACH(i, RM) EACH(j, RN) {
        long m = first_m + PLACE(y, i), n = first_n + PLACE(x, j);
        sum[i][j] = start == START_ZERO || m >= rows || n >= columns ? 0.0f : AT(s)[m * start_row + (start == START_PRESENT ? C_COLUMN(n) : n)];
    }
    FETCH(0)
    for (int from = 0, side = 0; from < depth; from += DEPTH, side ^= 1) {
        __local float* to_a = tile_a + side * DEPTH * A_PITCH;
        __local float* to_b = tile_b + side * DEPTH * TILE_N;
        EACH(i, LOADS_A) to_a[(id + 256 * i) % DEPTH * A_PITCH + (id + 256 * i) / DEPTH] = next_a[i];
        EACH(i, LOADS_B) to_b[id + 256 * i] = next_b[i];
        barrier(CLK_LOCAL_MEM_FENCE);
        if (from + DEPTH < depth)
            FETCH(from + DEPTH)
        multiply_turn(to_a, to_b, min(DEPTH, depth - from), x, y, sum);
    }
    EACH(i, RM) EACH(j, RN) {
        long m = first_m + PLACE(y, i), n = first_n + PLACE(x, j);
        if (m < rows && n < columns)
            AT(c)[m * c_row + C_COLUMN(n)] = padded ? sum[i][j] + 0.0f : sum[i][j];
    }
}
