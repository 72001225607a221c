// Sums in double, sixteen accumulators by column mod 16 in the order of rows; the host does the tree. Squares of floats are exact in double, so that
// each step is the one rounding of the CPU's. A CPU device runs the CPU's chain, one segment; a GPU runs as many segments of rows as keep it busy, whose
// sums the host adds in order: the last bit of the double may differ then.
#include "lines.cl"

#ifdef HAS_DOUBLE

#if LANES == 16
typedef double16 wide;
#define WIDE convert_double16
#define STORE_WIDE(v, to) vstore16(v, 0, to)
#else
typedef double wide;
#define WIDE convert_double
#define STORE_WIDE(v, to) (to)[LANE] = v
#endif

// to[segment] = sum x^2, or sum |x|.
__kernel void sums(INPUT(x), __global double *to, long to_first, long rows, long columns, long segment_rows, int squared)
{
    long first = ROW * segment_rows, end = min(rows, first + segment_rows);
    wide sum = (wide)(0.0);
    for (long r = first; r < end; r++)
    {
        __global const float *row = AT(x) + r * columns;
        for (long i = 0; i < columns; i += LINE)
        {
            wide value = WIDE(load_line(row + i, columns - i, 0.0f));
            sum += squared ? value * value : fabs(value);
        }
    }
    STORE_WIDE(sum, to + to_first + ROW * LINE);
}

// The three sums of activities: |h|, h^2 and the squared change since the row a batch before. marks: bit 0 active, bit 1 paired with that row.
__kernel void activity_sums(
    INPUT(h), __global const uchar *marks, __global double *to, long rows, long columns, long batch, long segment_rows)
{
    long first = ROW * segment_rows, end = min(rows, first + segment_rows);
    wide sizes = (wide)(0.0), squares = sizes, changes = sizes;
    for (long r = first; r < end; r++)
    {
        if ((marks[r] & 1) == 0)
            continue;
        __global const float *row = AT(h) + r * columns;
        for (long i = 0; i < columns; i += LINE)
        {
            lanes x = load_line(row + i, columns - i, 0.0f);
            wide value = WIDE(x);
            sizes += fabs(value);
            squares += value * value;
            if ((marks[r] & 2) != 0)
            {
                value = WIDE(x - load_line(row - batch * columns + i, columns - i, 0.0f));
                changes += value * value;
            }
        }
    }
    to += ROW * 3 * LINE;
    STORE_WIDE(sizes, to);
    STORE_WIDE(squares, to + LINE);
    STORE_WIDE(changes, to + 2 * LINE);
}

// Every row whose L2 norm is above the limit is scaled down to it. One work-item has a row: what it reads, it reads in the order of the sum.
__kernel void limit_rows(BUFFER(x), long rows, long columns, float limit)
{
    long r = get_global_id(0);
    if (r >= rows)
        return;
    __global float *row = AT(x) + r * columns;
    double sums[LINE];
    for (int i = 0; i < LINE; i++)
        sums[i] = 0.0;
    for (long i = 0; i < columns; i++)
        sums[i % LINE] += (double)row[i] * (double)row[i];
    SUM_OF_SIXTEEN(sums)
    double norm = sqrt(sums[0]);
    if (!(norm > (double)limit))
        return;
    float scale = (float)((double)limit / norm);
    for (long i = 0; i < columns; i++)
        row[i] *= scale;
}

#endif

// g = ((dy + slope2·h) + slope1·sign h) + slope_t·(h - before) - slope_t·(after - h); bit 2 of a mark: paired with the row a batch behind.
__kernel void activity_slopes(
    INPUT(h), INPUT(dy), BUFFER(g), __global const uchar *marks, long columns, long batch, float slope1, float slope2, float slope_t)
{
    long first = LINE_INDEX * LINE, at = ROW * columns + first, count = columns - first;
    if (count <= 0)
        return;
    uchar mark = marks[ROW];
    if ((mark & 1) == 0)
    {
        store_line(AT(g) + at, count, ALL(0.0f));
        return;
    }
    lanes x = load_line(AT(h) + at, count, 0.0f), sum = load_line(AT(dy) + at, count, 0.0f) + x * slope2;
    sum += x > 0.0f ? ALL(slope1) : (x < 0.0f ? ALL(0.0f - slope1) : ALL(0.0f));
    if ((mark & 2) != 0)
        sum += (x - load_line(AT(h) + at - batch * columns, count, 0.0f)) * slope_t;
    if ((mark & 4) != 0)
        sum -= (load_line(AT(h) + at + batch * columns, count, 0.0f) - x) * slope_t;
    store_line(AT(g) + at, count, sum);
}
