// The LSTM cell, point-wise part, with its options; equations, flushes and origins as in LstmCell and LstmVariantCell. Strips i, f, g, o.
//   PEEPHOLES, COUPLED, CELL_CLIP
#define CELL_STRIPS 4
#include "cell.cl"

#if OUTPUT_FUNCTION == TANH
#define CELL_OUTPUT(c) tanh_of_any(c)
#else
#define CELL_OUTPUT(c) OUTPUT_VALUE(c)
#endif
#ifdef PEEPHOLES
#define IF_PEEPHOLES(statement) statement
#define PEEPHOLE_ARGS , INPUT(peephole)
#define PEEPHOLE_GRADIENT_ARGS PEEPHOLE_ARGS, BUFFER(d_peephole)
#else
#define IF_PEEPHOLES(statement)
#define PEEPHOLE_ARGS
#define PEEPHOLE_GRADIENT_ARGS
#endif
#ifdef CELL_ZONEOUT
#define CELL_ZONEOUT_ARGS , BUFFER(fresh_cell) DRAWS(cell_zone)
#define CELL_ZONEOUT_GRADIENT_ARGS DRAWS(cell_zone)
#else
#define CELL_ZONEOUT_ARGS
#define CELL_ZONEOUT_GRADIENT_ARGS
#endif

// c_{t-1} and c_t are [rows, H]; with zoneout of c "fresh_cell" is c_t before it, where "keep" is set.
__kernel void lstm_forward(
    BUFFER(gates), INPUT(previous_cell), BUFFER(cell) STATE_ARGS PEEPHOLE_ARGS CELL_ZONEOUT_ARGS,
    int units, int keep)
{
    FIND_PLACE
    if (!IS_ACTIVE)
    {
        store(AT(cell) + at, count, LOAD(AT(previous_cell) + at));
        HAND_ON_HIDDEN;
        return;
    }
    lanes gate[4];
    load_gates(AT(gates) + at * STRIPS, count, gate);
    lanes previous_c = UNLESS_RESET(LOAD(AT(previous_cell) + at));
    IF_PEEPHOLES(__global const float* p = AT(peephole) + unit;)
    IF_PEEPHOLES(gate[0] = fma(LOAD(p), previous_c, gate[0]);)
    lanes i = GATE_VALUE(CLIPPED(gate[0]));
#ifdef COUPLED
    lanes f = ALL(1.0f) - i;
#else
    IF_PEEPHOLES(gate[1] = fma(LOAD(p + units), previous_c, gate[1]);)
    lanes f = GATE_VALUE(CLIPPED(gate[1]));
#endif
    lanes g = CANDIDATE_VALUE(CLIPPED(gate[2]));
    lanes c = fma(f, previous_c, i * g);
#ifdef CELL_CLIP
    c = clamp_to(c, as_float(CELL_CLIP));
#endif
    c = flush(c);
    IF_PEEPHOLES(gate[3] = fma(LOAD(p + 2 * units), c, gate[3]);)
    lanes o = GATE_VALUE(CLIPPED(gate[3]));
#ifndef PROJECTED
    lanes before = UNLESS_RESET(LOAD(AT(previous) + at));
#endif
    STORE_HIDDEN(flush(o * CELL_OUTPUT(c)));
#ifdef CELL_ZONEOUT
    store(AT(cell) + at, count, ZONED_BY(cell_zone, c, previous_c));
    if (keep)
        store(AT(fresh_cell) + at, count, c);
#else
    store(AT(cell) + at, count, c);
#endif
    if (!keep)
        return;
    gate[0] = i, gate[1] = f, gate[2] = g, gate[3] = o;
    store_gates(AT(gates) + at * STRIPS, count, gate);
}

// Activations in, gradients of the pre-activations out, in place. "cell" is c_t before zoneout. "carry" is the gradient of c_t, then of c_{t-1};
// "d_peephole" holds sums of every sample on its own, [B, 3·H].
__kernel void lstm_backward(
    BUFFER(gates), INPUT(previous_cell), INPUT(cell), BUFFER(carry) GRADIENT_ARGS PEEPHOLE_GRADIENT_ARGS CELL_ZONEOUT_GRADIENT_ARGS,
    int units, float limit)
{
    FIND_PLACE
    __global float* strips = AT(gates) + at * STRIPS;
    if (!IS_ACTIVE)
    {
        clear_gates(strips, count);
        HAND_ON_GRADIENT;
        return;
    }
#ifdef PROJECTED
    lanes dh = LOAD(AT(d_hidden) + at);
#else
    SPLIT_GRADIENT
    store(AT(next) + at, count, start);
#endif
    lanes gate[4];
    load_gates(strips, count, gate);
    lanes i = gate[0], f = gate[1], g = gate[2], o = gate[3];
    lanes previous_c = UNLESS_RESET(LOAD(AT(previous_cell) + at)), c = LOAD(AT(cell) + at), d_carry = LOAD(AT(carry) + at);
#ifdef CELL_ZONEOUT
    lanes kept = DRAW(cell_zone, row, unit), passed = kept > 0.0f ? ALL(0.0f) : d_carry;
    d_carry = kept > 0.0f ? d_carry : ALL(0.0f);
#endif
    lanes output = OUTPUT_VALUE(c);
    dh = flush(dh);
    lanes d_o = gate_gradient(o, dh * output, limit);
    lanes dc = fma(dh * o, OUTPUT_SLOPE(output), d_carry);
    IF_PEEPHOLES(__global const float* p = AT(peephole) + unit;)
    IF_PEEPHOLES(dc = fma(LOAD(p + 2 * units), d_o, dc);)
    dc = flush(dc);
#ifdef CELL_CLIP
    dc = magnitude_of(c) < as_float(CELL_CLIP) ? dc : ALL(0.0f);
#endif
    lanes d_input = dc * g, d_forget = dc * previous_c;
#ifdef COUPLED
    lanes d_i = gate_gradient(i, d_input - d_forget, limit), d_f = ALL(0.0f);
#else
    lanes d_i = gate_gradient(i, d_input, limit), d_f = gate_gradient(f, d_forget, limit);
#endif
    lanes to_previous = dc * f;
    IF_PEEPHOLES(to_previous = fma(LOAD(p + units), d_f, fma(LOAD(p), d_i, to_previous));)
    to_previous = flush(to_previous);
#ifdef CELL_ZONEOUT
    to_previous = to_previous + passed;
#endif
    store(AT(carry) + at, count, UNLESS_RESET(to_previous));
    gate[0] = d_i, gate[1] = d_f, gate[2] = candidate_gradient(g, dc * i, limit), gate[3] = d_o;
    store_gates(strips, count, gate);
#ifdef PEEPHOLES
    __global float* sum = AT(d_peephole) + (long)row * 3 * units + unit;
    store(sum, count, fma(d_i, previous_c, LOAD(sum)));
    store(sum + units, count, fma(d_f, previous_c, LOAD(sum + units)));
    store(sum + 2 * units, count, fma(d_o, c, LOAD(sum + 2 * units)));
#endif
}
