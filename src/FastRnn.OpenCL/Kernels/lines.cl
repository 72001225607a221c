// Rows in lines of 16 elements, whose places are the sixteen virtual accumulators of the CPU's sums. On a CPU a work-item has a whole line in one
// float16; on a GPU it has one element of every line, and sixteen neighbours share a row. The kernels are written once for both.
#include "common.cl"
#include "functions.cl"
#include "trees.cl"

#define LINE 16

// The row of this work-item in a launch over rows.
#define ROW ((long)get_global_id(1))

// Work-items beyond the last row go through its barriers, but read and write nothing: others write in place what they would read.
#define EXISTING(rows, columns) (ROW < (rows) ? (columns) : 0)

// The elements before a row's last line.
#define BODY(count) ((count) > 0 ? ((count) - 1) & ~15 : 0)

#if LANES == 16
#include "vector_lines.cl"

// The line of this work-item in a launch over elements, and its place within it.
#define LINE_INDEX ((long)get_global_id(0))
#define LANE 0
#define OWNS(column) 1
#define FIRST(v) (v).s0
#define SHARED float *shared = 0
#define SHARED_LINE float *

// Zero in the places that do not exist.
static lanes only(lanes v, long count)
{
    int16 place = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return count < LINE ? (place < (int)count ? v : ALL(0.0f)) : v;
}

static void gather_line(lanes v, SHARED_LINE shared, float *all) { vstore16(v, 0, all); }

#else

#define LINE_INDEX ((long)(get_global_id(0) / LINE))
#define LANE ((int)(get_global_id(0) % LINE))
#define OWNS(column) ((column) % LINE == LANE)
#define FIRST(v) (v)
// Groups are 16 wide and at most 16 high.
#define SHARED __local float group_lines[LINE * LINE]; __local float *shared = group_lines + get_local_id(1) * LINE
#define SHARED_LINE __local float *

static lanes load_line(__global const float *x, long count, float fill) { return LANE < count ? x[LANE] : fill; }

static void store_line(__global float *x, long count, lanes v)
{
    if (LANE < count)
        x[LANE] = v;
}

static lanes only(lanes v, long count) { return LANE < count ? v : 0.0f; }

// All work-items of a group come here equally often.
static void gather_line(lanes v, SHARED_LINE shared, float *all)
{
    shared[LANE] = v;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < LINE; i++)
        all[i] = shared[i];
    barrier(CLK_LOCAL_MEM_FENCE);
}

#endif

// The CPU's tree over sixteen accumulators.
static float tree_of(lanes v, SHARED_LINE shared)
{
    float all[LINE];
    gather_line(v, shared, all);
    SUM_OF_SIXTEEN(all)
    return all[0];
}

// The largest of sixteen, from the first on; a NaN that comes first stays.
static float largest_of(lanes v, SHARED_LINE shared)
{
    float all[LINE];
    gather_line(v, shared, all);
    float result = all[0];
    for (int i = 1; i < LINE; i++)
        result = all[i] > result ? all[i] : result;
    return result;
}

// The largest of "count" elements of a row and, in "tail", its last line, filled with -infinity. A row of none is not read.
static float maximum(__global const float *x, int count, lanes *tail, SHARED_LINE shared)
{
    long body = BODY(count);
    lanes most = *tail = load_line(x + body, count - body, -INFINITY);
    for (long i = 0; i < body; i += LINE)
        most = max_of(most, load_line(x + i, LINE, 0.0f));
    return largest_of(most, shared);
}
