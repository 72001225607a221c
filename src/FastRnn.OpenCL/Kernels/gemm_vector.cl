#include "common.cl"
#include "products.cl"
// C[m, n] = chain(start[m, n]; A[m, k]·B[k, n], k ascending): one fused multiply-add a k, so the bits are those of the CPU back end.
// For devices whose work-items have wide vectors: a work-item computes some rows of one panel, ROWS by 16·VECTORS at a time in registers.
// A [rows, depth], row-major. B: panels [panel][k][16·VECTORS], zero padded. start: nothing, rows of N numbers, or C itself.
//
// PoCL 3.1, skylake-avx512: fma of float16 is one vfmadd231ps zmm. 6×4 vectors, of a core's 242 GFLOP/s: 50×1024×256 76 %, 2500×2048×512 72 %. With one k a
// turn 69 %; 8×3 vectors 72 and 68 %; 12×2 73 and 61 %.
#define PANEL (16 * VECTORS)

#if C_COUNT == C_STEP
#define C_DENSE 1
#else
#define C_DENSE 0
#endif

// Where the chains of a tile start, into private memory. Only for what the tile does not read itself: panels that end early, groups of columns. Written
// out in every tile it made the program compile three times as long; all tiles by way of here, K = 64: 11 % slower.
static void load_tile(float *tile, __global const float *from, long row, int rows, int n, int columns, int start)
{
    for (int m = 0; m < rows; m++, tile += PANEL, from += row)
        for (int i = 0; i < PANEL; i++)
            tile[i] = n + i >= columns ? 0.0f : from[start == START_PRESENT ? C_COLUMN(n + i) : n + i];
}

// The tile's results to their columns. padded: with + 0.
static void store_tile(const float *tile, __global float *to, long row, int rows, int n, int columns, int padded)
{
    int width = min(PANEL, columns - n);
    for (int m = 0; m < rows; m++, tile += PANEL, to += row)
        for (int i = 0; i < width; i++)
            to[C_COLUMN(n + i)] = padded ? tile[i] + 0.0f : tile[i];
}

// One k of a tile of R rows.
#define TURN(R, k) { \
    float16 w[VECTORS]; \
    EACH(v, VECTORS) w[v] = vload16(v, b); \
    EACH(m, R) { \
        float16 x = (float16)(a[m * a_row + (k)]); \
        EACH(v, VECTORS) sum[m][v] = fma(x, w[v], sum[m][v]); \
    } \
    b += PANEL; }

#if A_COUNT == A_STEP
#define CHAIN(R) \
    for (; depth >= 4; depth -= 4, a += 4) { TURN(R, 0) TURN(R, 1) TURN(R, 2) TURN(R, 3) } \
    for (; depth > 0; depth--, a++) TURN(R, 0)
#else
#define CHAIN(R) for (; depth > 0; depth -= A_COUNT, a += A_STEP) { EACH(g, A_COUNT) TURN(R, g) }
#endif

// from and to are null where the tile goes through private memory.
#define TILE(R) \
static void tile_##R( \
    __global const float *a, long a_row, __global const float *b, __global const float *from, long from_row, __global float *to, long to_row, float *tile, int depth) \
{ \
    float16 sum[R][VECTORS]; \
    if (from != 0) \
        EACH(m, R) EACH(v, VECTORS) sum[m][v] = vload16(v, from + m * from_row); \
    else \
        EACH(m, R) EACH(v, VECTORS) sum[m][v] = vload16(m * VECTORS + v, tile); \
    CHAIN(R) \
    if (to != 0) \
        EACH(m, R) EACH(v, VECTORS) vstore16(sum[m][v], v, to + m * to_row); \
    else \
        EACH(m, R) EACH(v, VECTORS) vstore16(sum[m][v], m * VECTORS + v, tile); \
}
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#if ROWS == 8
TILE(7) TILE(8)
#endif

#define CASE(R) case R: tile_##R(x, a_row, w, from, start_row, to, c_row, tile, depth); break;

// Work-items [chunks of rows, panels]. padded: the chain ends with + 0, as where the depth is padded with zeros.
__kernel void gemm(
    INPUT(a), long a_row, INPUT(b), INPUT(s), long start_row, int start, BUFFER(c), long c_row,
    int rows, int columns, int depth, int padded) {
    long chunk = get_global_id(0), chunks = get_global_size(0), panel = get_global_id(1);
    int first = rows * chunk / chunks, count = rows * (chunk + 1) / chunks - first, tiles = (count + ROWS - 1) / ROWS, n = panel * PANEL;
    int whole = n + PANEL <= columns;
    float tile[ROWS * PANEL] __attribute__((aligned(64)));
    __global const float* w = AT(b) + panel * depth * PANEL;
    for (int i = 0; i < tiles; i++) {
        // Rows are split evenly: a tile of one or two has too few chains to hide the latency.
        long row = first + count * i / tiles, next = first + count * (i + 1) / tiles;
        __global const float* x = AT(a) + row * a_row;
        __global const float *from = whole && (start == START_ROWS || (start == START_PRESENT && C_DENSE)) ? AT(s) + row * start_row + n : 0;
        __global float *to = whole && C_DENSE && !padded ? AT(c) + row * c_row + n : 0;
        if (from == 0 && start != START_ZERO)
            load_tile(tile, AT(s) + row * start_row, start_row, next - row, n, columns, start);
        else if (from == 0)
            for (int j = 0; j < (next - row) * PANEL; j++)
                tile[j] = 0.0f;
        switch (next - row) {
            CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#if ROWS == 8
            CASE(7) CASE(8)
#endif
        }
        if (to == 0)
            store_tile(tile, AT(c) + row * c_row, c_row, next - row, n, columns, padded);
    }
}
