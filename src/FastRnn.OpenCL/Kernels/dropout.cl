// y = x·m/(1 - rate): see the CPU's Masks and DropoutDraw. y may be x. A row's draws serve every "drawn"-th row from there: one mask of a sample holds
// for all steps, or, where all rows draw, for its own.
#include "lines.cl"
#include "random.cl"

#if LANES == 16

// Four lines of a mask, drawn sixteen quads at a time: in the k-th line stand quads 4k to 4k + 3. The words are draw_quad's. Rejected: a quad a work-item,
// 27.9 ms for a million elements on one core where this takes 1.35.
#define QUAD_OF(v0, v1, v2, v3, n) v0.s##n, v1.s##n, v2.s##n, v3.s##n
#define QUADS_LINE(n0, n1, n2, n3) (float16)( \
    QUAD_OF(f0, f1, f2, f3, n0), QUAD_OF(f0, f1, f2, f3, n1), QUAD_OF(f0, f1, f2, f3, n2), QUAD_OF(f0, f1, f2, f3, n3))
#define DRAWN(word) (convert_float16((word) >> 8) < scaled_rate ? (float16)(0.0f) : (float16)(kept))

static void draw_lines(draws d, uint quad, float scaled_rate, float kept, float16 *lines)
{
    uint16 c0 = d.counter.x | (quad + (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    uint16 c1 = (uint16)(d.counter.y), c2 = (uint16)(d.counter.z), c3 = (uint16)(d.counter.w);
    uint2 key = d.key;
    for (int round = 0; round < 10; round++)
    {
        ulong16 a = convert_ulong16(c0) * 0xD2511F53ul, b = convert_ulong16(c2) * 0xCD9E8D57ul;
        c0 = convert_uint16(b >> 32) ^ c1 ^ key.x;
        c1 = convert_uint16(b);
        c2 = convert_uint16(a >> 32) ^ c3 ^ key.y;
        c3 = convert_uint16(a);
        key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
    }
    float16 f0 = DRAWN(c0), f1 = DRAWN(c1), f2 = DRAWN(c2), f3 = DRAWN(c3);
    lines[0] = QUADS_LINE(0, 1, 2, 3);
    lines[1] = QUADS_LINE(4, 5, 6, 7);
    lines[2] = QUADS_LINE(8, 9, a, b);
    lines[3] = QUADS_LINE(c, d, e, f);
}

#endif

__kernel void dropout(
    INPUT(x), BUFFER(y), long rows, long drawn, int batch, int columns, ulong key, uint layer, ulong time, uint use, float scaled_rate, float kept)
{
    long row = get_global_id(1);
    if (row >= drawn)
        return;
    draws d = draws_of((uint2)((uint)key, (uint)(key >> 32)), layer, (uint)(row % batch), time + (ulong)(row / batch), use);
#if LANES == 16
    float16 lines[4];
    for (int first = 0; first < columns; first += 4 * LINE)
    {
        draw_lines(d, first / 4, scaled_rate, kept, lines);
        for (long r = row; r < rows; r += drawn)
        {
            for (int k = 0; k < 4 && first + k * LINE < columns; k++)
            {
                long at = r * columns + first + k * LINE, count = columns - first - k * LINE;
                store_line(AT(y) + at, count, lines[k] > 0.0f ? load_line(AT(x) + at, count, 0.0f) * lines[k] : ALL(0.0f));
            }
        }
    }
#else
    int quad = get_global_id(0);
    if (quad * 4 >= columns)
        return;
    float mask[4];
    vstore4(draw_quad(d, quad, scaled_rate, kept), 0, mask);
    for (long r = row; r < rows; r += drawn)
    {
        long at = r * columns + quad * 4;
        for (int i = 0; i < 4 && quad * 4 + i < columns; i++)
            AT(y)[at + i] = masked(mask[i], AT(x)[at + i]);
    }
#endif
}
