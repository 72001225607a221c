// The simple recurrent cell, point-wise part, as in ElmanCell: h_t = f(b + W x_t + R h_{t-1}). One strip, which keeps h for the backward pass.
#define CELL_STRIPS 1
#include "cell.cl"

__kernel void elman_forward(BUFFER(gates) STATE_ARGS, int units, int keep)
{
    FIND_PLACE
    if (!IS_ACTIVE)
    {
        HAND_ON_HIDDEN;
        return;
    }
    lanes gate[1];
    load_gates(AT(gates) + at * STRIPS, count, gate);
    gate[0] = flush(CANDIDATE_VALUE(CLIPPED(gate[0])));
    lanes before = UNLESS_RESET(LOAD(AT(previous) + at));
    STORE_HIDDEN(gate[0]);
    if (keep)
        store_gates(AT(gates) + at * STRIPS, count, gate);
}

__kernel void elman_backward(BUFFER(gates) GRADIENT_ARGS, int units, float limit)
{
    FIND_PLACE
    __global float* strips = AT(gates) + at * STRIPS;
    if (!IS_ACTIVE)
    {
        clear_gates(strips, count);
        HAND_ON_GRADIENT;
        return;
    }
    SPLIT_GRADIENT
    store(AT(next) + at, count, start);
    lanes gate[1];
    load_gates(strips, count, gate);
    dh = flush(dh);
#if CANDIDATE_FUNCTION <= IDENTITY && !defined(GATE_CLIP)
    gate[0] = limited(cell_gradient(CANDIDATE_FUNCTION, gate[0], dh), limit);
#else
    gate[0] = candidate_gradient(gate[0], dh, limit);
#endif
    store_gates(strips, count, gate);
}
