// Tiles in local memory, for devices with many small cores. A work-group of 16×16 computes TILE_M by TILE_N, a work-item RM by RN of it, in
// quads (or pairs) that stand 16 quads apart: then a warp's reads of B's tile are neighbours and those of A's are broadcasts. Each turn takes DEPTH k.
// While it is computed the next one comes from global memory into registers; it then goes to the other half of the local memory: one barrier a turn.
#define QUAD (RM < 4 ? RM : 4)
#define TILE_M (16 * RM)
#define TILE_N (16 * RN)
#define DEPTH 16
#define A_PITCH (TILE_M + 4)
#define LOADS_A (TILE_M * DEPTH / 256)
#define LOADS_B (TILE_N * DEPTH / 256)
// A CPU, where only tests use this, compiles the plain loops in a fifth of the time.
#ifdef DEVICE_CPU
#undef EACH
#define EACH(i, count) for (int i = 0; i < (count); i++)
#endif

// Row (column) number i of a work-item, in its tile.
#define PLACE(id, i) ((i) / QUAD * 16 * QUAD + (id) * QUAD + (i) % QUAD)

static void multiply_turn(__local const float* a, __local const float* b, int turns, int x, int y, float sum[RM][RN]) {
    for (int k = 0; k < turns; k++) {
        float left[RM], right[RN];
        EACH(i, RM) left[i] = a[k * A_PITCH + PLACE(y, i)];
        EACH(j, RN) right[j] = b[k * TILE_N + PLACE(x, j)];
        EACH(i, RM) EACH(j, RN) sum[i][j] = fma(left[i], right[j], sum[i][j]);
    }
}
