// What surrounds the cells of a step: where chains start, what the products see of h_{t-1}, h_t behind a projection, and gradients on their way back.
// Options are those of cell.cl; rows of width "units" are rows of h.
#include "cell.cl"
#include "trees.cl"

// The chain of the gate whose recurrent product is one of its own starts at b_hh.
__kernel void start_apart(BUFFER(gates), INPUT(bias), int first, int strips, int strip, int units)
{
    long unit = get_global_id(0), row = get_global_id(1);
    if (unit < units)
        AT(gates)[(row * units + unit) * strips + strip] = AT(bias)[first + unit];
}

// One mask of recurrent dropout for a window: 0 or "kept".
__kernel void draw_mask(BUFFER(mask), int units DRAWS(drop), float kept)
{
    uint unit = get_global_id(0), row = get_global_id(1);
    if (unit >= units)
        return;
    draws d = draws_of((uint2)(drop_key0, drop_key1), drop_layer, row, ((ulong)drop_time1 << 32) | drop_time0, drop_use);
    AT(mask)[(long)row * units + unit] = draw_unit(d, unit, drop_rate, kept);
}

// What R sees of h_{t-1}: zeros where a sequence begins, and with dropout a share.
__kernel void see(INPUT(previous), BUFFER(seen), INPUT(mask), MARKS, int units, int batch)
{
    long unit = get_global_id(0), row = get_global_id(1), at = row * units + unit;
    if (unit >= units)
        return;
    float x = HAS(marks) && (MARK(row) & RESET) != 0 ? 0.0f : AT(previous)[at];
    AT(seen)[at] = HAS(mask) ? masked(AT(mask)[row % batch * units + unit], x) : x;
}

// dh of the last step: dY of the last step that counts, and what comes from behind.
__kernel void start_backward(INPUT(d_output), INPUT(final), BUFFER(d_hidden), MARKS, int units)
{
    long unit = get_global_id(0), row = get_global_id(1), at = row * units + unit;
    if (unit >= units)
        return;
    long from = at;
    bool counts = true;
    if (HAS(marks))
    {
        int before = ROW_BEFORE(MARK(row));
        counts = before >= 0;
        from = (long)before * units + unit;
    }
    float x = counts ? AT(d_output)[from] : 0.0f;
    AT(d_hidden)[at] = HAS(final) ? x + AT(final)[at] : x;
}

// Nothing but dY flows past the beginning of a sequence, and dh passes a row that does not count as it is: it has no part in the product, whose weights may
// be NaN.
__kernel void settle(BUFFER(next), INPUT(d_hidden), INPUT(d_output), MARKS, int units)
{
    long unit = get_global_id(0), row = get_global_id(1), at = row * units + unit;
    if (unit >= units)
        return;
    int mark = MARK(row);
    if ((mark & ACTIVE) == 0)
        AT(next)[at] = AT(d_hidden)[at];
    else if ((mark & RESET) != 0)
        AT(next)[at] = ROW_BEFORE(mark) < 0 ? 0.0f : AT(d_output)[(long)ROW_BEFORE(mark) * units + unit];
}

// next += what R has sent, through the mask of dropout.
__kernel void add_dropped(INPUT(product), INPUT(mask), BUFFER(next), long length)
{
    long i = get_global_id(0);
    if (i < length)
        AT(next)[i] += masked(AT(mask)[i], AT(product)[i]);
}

__kernel void finish_backward(INPUT(from), BUFFER(to), long length)
{
    long i = get_global_id(0);
    if (i < length)
        AT(to)[i] = fabs(AT(from)[i]) < FLUSH_LIMIT ? 0.0f : AT(from)[i];
}

// Sums that every sample has made for itself, [batch, length], into "target": slices of 16 samples in turn, then the slices in pairs, as SliceTree does.
// Column u·gates + g goes to order's gate g, in four bits each, of unit u; without gates columns stay.
__kernel void add_samples(INPUT(rows), int batch, int length, BUFFER(target), int gates, int order, int units)
{
    int column = get_global_id(0), top = 0;
    if (column >= length)
        return;
    float tree[32];
    for (int slice = 0; 16 * slice < batch; slice++)
    {
        float sum = 0.0f;
        for (int b = 16 * slice; b < min(batch, 16 * slice + 16); b++)
            sum += AT(rows)[(long)b * length + column];
        top = push_slice(tree, top, slice, sum);
    }
    int to = gates == 0 ? column : ((order >> (4 * (column % gates))) & 15) * units + column / gates;
    AT(target)[to] += sum_of_slices(tree, top);
}

#ifdef HAS_DOUBLE
// The squared length of a row in double: sixteen sums by index mod 16 and one tree, as the CPU's reductions have them.
__kernel void row_squares(INPUT(x), int rows, int units, __global double* squares)
{
    long row = get_global_id(0);
    if (row >= rows)
        return;
    __global const float* p = AT(x) + row * units;
    double sums[16];
    for (int i = 0; i < 16; i++)
        sums[i] = 0.0;
    for (int u = 0; u < units; u++)
        sums[u % 16] = fma((double)p[u], (double)p[u], sums[u % 16]);
    SUM_OF_SIXTEEN(sums)
    squares[row] = sums[0];
}
#endif

// h_t of a cell with projection, from the product W_hr·m.
__kernel void project_forward(INPUT(product) STATE_ARGS, int units)
{
    FIND_PLACE
    if (!IS_ACTIVE)
    {
        HAND_ON_HIDDEN;
        return;
    }
    lanes before = UNLESS_RESET(LOAD(AT(previous) + at));
    STORE_HIDDEN(flush(LOAD(AT(product) + at)));
}

// Its gradient: the part that the product has had, and where the chain of dh_{t-1} starts.
__kernel void project_backward(BUFFER(d_product) GRADIENT_ARGS, int units)
{
    FIND_PLACE
    if (!IS_ACTIVE)
    {
        store(AT(d_product) + at, count, ALL(0.0f));
        HAND_ON_GRADIENT;
        return;
    }
    SPLIT_GRADIENT
    store(AT(d_product) + at, count, dh);
    store(AT(next) + at, count, start);
}
