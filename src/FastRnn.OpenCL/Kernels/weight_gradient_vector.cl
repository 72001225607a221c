#include "common.cl"
#include "products.cl"
#include "weight_gradient.cl"
// dW[row(n), k] += Σ over the rows of a span of dY[r, n]·X[r, k], for devices whose work-items have wide vectors. A work-item takes 16 columns of dY
// and up to PASS columns of X through all slices; its sums, LEVELS of the tree, stay in private memory, in L2.
#define PANEL (16 * VECTORS)
#define PASS 256

// X of a span's rows, in their order, as panels [panel][row][16·VECTORS], zero padded: work-items [rows, panels].
__kernel void pack_rows(INPUT(x), long x_row, int columns, __global const int* order, int list, int count, int clears, BUFFER(packed)) {
    long i = get_global_id(0), panel = get_global_id(1);
    int entry = order[list + i];
    __global const float* from = AT(x) + ROW_OF(entry) * x_row + panel * PANEL;
    __global float* to = AT(packed) + (panel * count + i) * PANEL;
    int width = entry < 0 && clears ? 0 : min(PANEL, (int)(columns - panel * PANEL));
    if (width == PANEL) {
        EACH(v, VECTORS) vstore16(vload16(v, from), v, to);
        return;
    }
    for (int j = 0; j < PANEL; j++)
        to[j] = j < width ? from[j] : 0.0f;
}

// R columns of dY, in a strip of 16, with a panel: sums + chain over the block's rows, or the chain itself.
#define TILE(R) \
static void tile_##R(const float* a, __global const float* b, int count, float* sums, int add) { \
    float16 sum[R][VECTORS]; \
    EACH(m, R) EACH(v, VECTORS) sum[m][v] = (float16)(0.0f); \
    for (; count > 0; count--, a += 16, b += PANEL) { \
        float16 w[VECTORS]; \
        EACH(v, VECTORS) w[v] = vload16(v, b); \
        EACH(m, R) { \
            float16 x = (float16)(a[m]); \
            EACH(v, VECTORS) sum[m][v] = fma(x, w[v], sum[m][v]); \
        } \
    } \
    EACH(m, R) EACH(v, VECTORS) \
        vstore16(add ? vload16(v, sums + m * PANEL) + sum[m][v] : sum[m][v], v, sums + m * PANEL); \
}
TILE(5) TILE(6)

static void copy_strip(__global const float* dy, long dy_row, int n, int columns, __global const int* rows, int count, float* strip) {
    for (int i = 0; i < count; i++, strip += 16) {
        __global const float* from = dy + ROW_OF(rows[i]) * dy_row;
#if A_COUNT == A_STEP
        if (n + 16 <= columns) {
            vstore16(vload16(0, from + n), 0, strip);
            continue;
        }
#endif
        for (int j = 0; j < 16; j++)
            strip[j] = n + j < columns ? from[A_COLUMN(n + j)] : 0.0f;
    }
}

// Work-items [strips of 16 columns of dY, passes over X].
__kernel void weight_gradient(
    INPUT(dy), long dy_row, int rows, INPUT(packed), int count, int columns, __global const int* order, int list, int blocks, int slices, int slice_count,
    BUFFER(gradient), int gates, int gate_order, int hidden) {
    float strip[256 * 16] __attribute__((aligned(64)));
    float tree[LEVELS * 16 * PASS] __attribute__((aligned(64)));
    int n = get_global_id(0) * 16, first = get_global_id(1) * PASS, width = min(PASS, columns - first);
    int used = (width + PANEL - 1) / PANEL * PANEL, top = 0;
    long base = order[blocks + order[slices]];
    for (int slice = 0; slice < slice_count; slice++) {
        float* sums = tree + top * 16 * PASS;
        for (int block = order[slices + slice], begin = block; block < order[slices + slice + 1]; block++) {
            int start = order[blocks + block], length = order[blocks + block + 1] - start;
            copy_strip(AT(dy), dy_row, n, rows, order + list + start, length, strip);
            for (int k = 0; k < width; k += PANEL) {
                __global const float* b = AT(packed) + ((long)(first + k) / PANEL * count + start - base) * PANEL;
                tile_5(strip, b, length, sums + 16 * k, block > begin);
                tile_5(strip + 5, b, length, sums + 16 * k + 5 * PANEL, block > begin);
                tile_6(strip + 10, b, length, sums + 16 * k + 10 * PANEL, block > begin);
            }
        }
        // Like the carries of a binary counter: equal levels are combined.
        for (int carry = slice; carry & 1; carry >>= 1, top--, sums -= 16 * PASS)
            for (int i = 0; i < used; i++)
                vstore16(vload16(i, sums - 16 * PASS) + vload16(i, sums), i, sums - 16 * PASS);
        top++;
    }
    for (; top > 1; top--)
        for (int i = 0; i < used; i++)
            vstore16(vload16(i, tree + (top - 2) * 16 * PASS) + vload16(i, tree + (top - 1) * 16 * PASS), i, tree + (top - 2) * 16 * PASS);
    for (int m = 0; m < 16 && n + m < rows; m++) {
        __global float* to = AT(gradient) + weight_row(n + m, gates, gate_order, hidden) * columns + first;
        for (int k = 0; k < width; k++)
            to[k] += tree[k / PANEL * PANEL * 16 + m * PANEL + k % PANEL];
    }
}
