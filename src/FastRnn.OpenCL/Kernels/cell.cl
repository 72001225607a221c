// What the kernels of all cells share. A work-item computes LANES neighbouring units (global index 0) of one sample (global index 1). Gates of a unit are
// STRIPS neighbours, the cell's own CELL_STRIPS first, in the order of the CPU's GateLayout; units of a row follow each other. Options are compiled in, so
// that a plain cell pays for none:
//   ZONEOUT     h is chosen by draws or, where the rate is negative, the mean; CELL_ZONEOUT the same for c
//   GATE_CLIP   bounds what enters the functions of gates and candidates
//   PROJECTED   h is a product of what the cell gives: h, its flags and its zoneout belong to state.cl
#include "common.cl"
#include "functions.cl"
#include "random.cl"

#ifndef LANES
#define LANES 1
#endif

// A row's mark, where a window has flags: whether it counts, whether its sequence begins there, and behind these bits 1 + the last row of its sample before it that counts.
#define ACTIVE 1
#define RESET 2
#define MARKS __global const int *marks_memory, long marks_first
#define MARK(row) AT(marks)[row]
#define ROW_BEFORE(mark) (((mark) >> 2) - 1)

// Arguments of draws: key, layer, time in two halves, use and direction in the top byte, rate·2^24.
#define DRAWS(z) , uint z##_key0, uint z##_key1, uint z##_layer, uint z##_time0, uint z##_time1, uint z##_use, float z##_rate
#define DRAW(z, b, unit) draw_lanes(draws_of((uint2)(z##_key0, z##_key1), z##_layer, b, ((ulong)z##_time1 << 32) | z##_time0, z##_use), unit, z##_rate)

#if LANES == 16
#include "vector_lines.cl"

// Of a row's tail only what there is; the rest is 0.
static lanes load_lanes(__global const float* p, int count) { return load_line(p, count, 0.0f); }

static void store(__global float* p, int count, lanes x) { store_line(p, count, x); }

static lanes draw_lanes(draws d, uint unit, float rate)
{
    uint quad = unit / 4;
    return (lanes)(draw_quad(d, quad, rate, 1.0f), draw_quad(d, quad + 1, rate, 1.0f), draw_quad(d, quad + 2, rate, 1.0f), draw_quad(d, quad + 3, rate, 1.0f));
}
#else
static lanes load_lanes(__global const float* p, int count) { return *p; }

static void store(__global float* p, int count, lanes x) { *p = x; }

static lanes draw_lanes(draws d, uint unit, float rate) { return draw_unit(d, unit, rate, 1.0f); }
#endif

#define LOAD(p) load_lanes(p, count)

#ifdef CELL_STRIPS
#if LANES == 16 && STRIPS == 4
// Four vectors of the memory are four strips after two rounds of shuffles.
static void load_gates(__global const float* p, int count, lanes* gate)
{
    float16 a = load_lanes(p, 4 * count), b = load_lanes(p + 16, 4 * count - 16), c = load_lanes(p + 32, 4 * count - 32);
    float16 d = load_lanes(p + 48, 4 * count - 48);
    gate[0] = (lanes)(a.s048c, b.s048c, c.s048c, d.s048c);
    gate[1] = (lanes)(a.s159d, b.s159d, c.s159d, d.s159d);
    gate[2] = (lanes)(a.s26ae, b.s26ae, c.s26ae, d.s26ae);
    gate[3] = (lanes)(a.s37bf, b.s37bf, c.s37bf, d.s37bf);
}

#define UNIT_GATES(i) gate[0].s##i, gate[1].s##i, gate[2].s##i, gate[3].s##i
static void store_gates(__global float* p, int count, const lanes* gate)
{
    float16 a = (float16)(UNIT_GATES(0), UNIT_GATES(1), UNIT_GATES(2), UNIT_GATES(3));
    float16 b = (float16)(UNIT_GATES(4), UNIT_GATES(5), UNIT_GATES(6), UNIT_GATES(7));
    float16 c = (float16)(UNIT_GATES(8), UNIT_GATES(9), UNIT_GATES(a), UNIT_GATES(b));
    float16 d = (float16)(UNIT_GATES(c), UNIT_GATES(d), UNIT_GATES(e), UNIT_GATES(f));
    store(p, 4 * count, a);
    store(p + 16, 4 * count - 16, b);
    store(p + 32, 4 * count - 32, c);
    store(p + 48, 4 * count - 48, d);
}
#elif LANES == 16 && STRIPS == 1
static void load_gates(__global const float* p, int count, lanes* gate) { gate[0] = load_lanes(p, count); }

static void store_gates(__global float* p, int count, const lanes* gate) { store(p, count, gate[0]); }
#elif LANES == 16
// Lane by lane: still 2.6 times as fast as a unit a work-item (GRU that resets before, second half: 4.8 ns a unit, otherwise 12.7).
static void load_gates(__global const float* p, int count, lanes* gate)
{
    for (int g = 0; g < CELL_STRIPS; g++)
    {
        float one[16];
        for (int i = 0; i < 16; i++)
            one[i] = i < count ? p[i * STRIPS + g] : 0.0f;
        gate[g] = vload16(0, one);
    }
}

static void store_gates(__global float* p, int count, const lanes* gate)
{
    for (int g = 0; g < CELL_STRIPS; g++)
    {
        float one[16];
        vstore16(gate[g], 0, one);
        for (int i = 0; i < min(count, 16); i++)
            p[i * STRIPS + g] = one[i];
    }
}
#else
static void load_gates(__global const float* p, int count, lanes* gate)
{
    for (int g = 0; g < CELL_STRIPS; g++)
        gate[g] = p[g];
}

static void store_gates(__global float* p, int count, const lanes* gate)
{
    for (int g = 0; g < CELL_STRIPS; g++)
        p[g] = gate[g];
}
#endif

static void clear_gates(__global float* p, int count)
{
    lanes gate[CELL_STRIPS];
    for (int g = 0; g < CELL_STRIPS; g++)
        gate[g] = ALL(0.0f);
    store_gates(p, count, gate);
}
#endif

// ---- functions ----------------------------------------------------------------------------------------------------------------

#ifdef GATE_FUNCTION
#define GATE_VALUE(x) cell_value(GATE_FUNCTION, as_float(GATE_ALPHA), as_float(GATE_BETA), x)
#define GATE_SLOPE(y) cell_slope(GATE_FUNCTION, as_float(GATE_ALPHA), as_float(GATE_BETA), y)
#define CANDIDATE_VALUE(x) cell_value(CANDIDATE_FUNCTION, as_float(CANDIDATE_ALPHA), as_float(CANDIDATE_BETA), x)
#define CANDIDATE_SLOPE(y) cell_slope(CANDIDATE_FUNCTION, as_float(CANDIDATE_ALPHA), as_float(CANDIDATE_BETA), y)
#define OUTPUT_VALUE(x) cell_value(OUTPUT_FUNCTION, as_float(OUTPUT_ALPHA), as_float(OUTPUT_BETA), x)
#define OUTPUT_SLOPE(y) cell_slope(OUTPUT_FUNCTION, as_float(OUTPUT_ALPHA), as_float(OUTPUT_BETA), y)
#endif

// Within the limit of gradients; 0 is none.
static lanes limited(lanes x, float limit) { return limit > 0.0f ? clamp_to(x, limit) : x; }

// What enters the functions of gates and candidates; a gradient where the clip has cut nothing.
#ifdef GATE_CLIP
#define CLIPPED(x) clamp_to(x, as_float(GATE_CLIP))
#define CUT(da, y, value) ((y) > value(ALL(-as_float(GATE_CLIP))) ? ((y) < value(ALL(as_float(GATE_CLIP))) ? (da) : ALL(0.0f)) : ALL(0.0f))
#else
#define CLIPPED(x) (x)
#define CUT(da, y, value) (da)
#endif

#ifdef GATE_FUNCTION
// dy·f' behind the clip.
static lanes gate_slope(lanes y, lanes dy) { return CUT(dy * GATE_SLOPE(y), y, GATE_VALUE); }
static lanes candidate_slope(lanes y, lanes dy) { return CUT(dy * CANDIDATE_SLOPE(y), y, CANDIDATE_VALUE); }
// The same within the limit.
static lanes gate_gradient(lanes y, lanes dy, float limit) { return limited(gate_slope(y, dy), limit); }
static lanes candidate_gradient(lanes y, lanes dy, float limit) { return limited(candidate_slope(y, dy), limit); }
#endif

// ---- states -------------------------------------------------------------------------------------------------------------------

// What a kernel that writes h_t reads and writes: h_{t-1}, h_t; where there are flags the marks of the rows and, unless nobody reads it, h_t or zeros.
#ifdef PROJECTED
#define STATE_ARGS , BUFFER(hidden), MARKS
#elif defined(ZONEOUT)
#define STATE_ARGS , INPUT(previous), BUFFER(hidden), MARKS, BUFFER(output) DRAWS(zone)
#else
#define STATE_ARGS , INPUT(previous), BUFFER(hidden), MARKS, BUFFER(output)
#endif

// The mean of the value before and the new one by the rate.
static lanes zone_mean(float rate, lanes before, lanes fresh) { return flush(fma(ALL(rate * 0x1p-24f), before - fresh, fresh)); }

// The new value where the draw keeps it and the one before elsewhere, or their mean.
#define ZONED_BY(z, fresh, before) \
    (z##_rate < 0.0f ? zone_mean(-z##_rate, before, fresh) : DRAW(z, row, unit) > 0.0f ? fresh : before)
#ifdef ZONEOUT
#define ZONED(fresh, before) ZONED_BY(zone, fresh, before)
#else
#define ZONED(fresh, before) (fresh)
#endif

// Stores h of a row that counts, from its new value.
#ifdef PROJECTED
#define STORE_HIDDEN(fresh) store(AT(hidden) + at, count, fresh)
#define HAND_ON_HIDDEN store(AT(hidden) + at, count, ALL(0.0f))
#else
#define STORE_HIDDEN(fresh) \
    { \
        lanes next_hidden = ZONED(fresh, before); \
        store(AT(hidden) + at, count, next_hidden); \
        if (HAS(output)) \
            store(AT(output) + at, count, next_hidden); \
    }
#define HAND_ON_HIDDEN \
    { \
        store(AT(hidden) + at, count, LOAD(AT(previous) + at)); \
        if (HAS(output)) \
            store(AT(output) + at, count, ALL(0.0f)); \
    }
#endif

// ---- gradients of states --------------------------------------------------------------------------------------------------------

// What a kernel that begins a step back reads and writes: dh_t; dY of the step before (with marks: all of dY) and where the chain of dh_{t-1} starts.
#ifdef PROJECTED
#define GRADIENT_ARGS , INPUT(d_hidden), MARKS
#elif defined(ZONEOUT)
#define GRADIENT_ARGS , INPUT(d_hidden), INPUT(d_output), BUFFER(next), MARKS, int has_before DRAWS(zone)
#else
#define GRADIENT_ARGS , INPUT(d_hidden), INPUT(d_output), BUFFER(next), MARKS, int has_before
#endif

// dY where the chain of dh_{t-1} starts: that of the step before or, with marks, of the last one before that counts.
static lanes chain_start(__global const float* d_output, long from, int count) { return from < 0 ? ALL(0.0f) : LOAD(d_output + from); }

#define CHAIN_START chain_start(AT(d_output), HAS(marks) ? (long)ROW_BEFORE(mark) * units + unit : has_before ? at : -1, count)

// dh into "dh" and the start of the next chain into "start": where the new value was taken its gradient stays, elsewhere it goes on to the value before.
#ifdef ZONEOUT
#define SPLIT_GRADIENT \
    lanes zone_kept = DRAW(zone, row, unit), dh = LOAD(AT(d_hidden) + at), start = CHAIN_START; \
    start += zone_kept > 0.0f ? ALL(0.0f) : dh; \
    dh = zone_kept > 0.0f ? dh : ALL(0.0f);
#else
#define SPLIT_GRADIENT lanes dh = LOAD(AT(d_hidden) + at), start = CHAIN_START;
#endif

// dh of a row that does not count goes on as it is; of a projected cell it is state.cl's.
#ifdef PROJECTED
#define HAND_ON_GRADIENT
#else
#define HAND_ON_GRADIENT store(AT(next) + at, count, LOAD(AT(d_hidden) + at))
#endif

// ---- places -------------------------------------------------------------------------------------------------------------------

// The work-item's units, its row, and where they stand in rows of states.
#define FIND_PLACE \
    int unit = get_global_id(0) * LANES, row = get_global_id(1), count = units - unit; \
    if (count <= 0) \
        return; \
    long at = (long)row * units + unit; \
    int mark = HAS(marks) ? MARK(row) : ACTIVE;
#define UNLESS_RESET(x) ((mark & RESET) != 0 ? ALL(0.0f) : (x))
#define IS_ACTIVE ((mark & ACTIVE) != 0)
