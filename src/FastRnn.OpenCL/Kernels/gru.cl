// The GRU cell, point-wise part; equations, flushes and origins as in GruCell and GruBeforeCell. Strips n_x, r, z, n_h; of the cell that resets before
// the recurrent product, RESET_BEFORE, r, z, n.
#ifdef RESET_BEFORE
#define CELL_STRIPS 3
#else
#define CELL_STRIPS 4
#endif
#include "cell.cl"

#ifndef RESET_BEFORE
__kernel void gru_forward(BUFFER(gates) STATE_ARGS, int units, int keep)
{
    FIND_PLACE
    if (!IS_ACTIVE)
    {
        HAND_ON_HIDDEN;
        return;
    }
    lanes gate[4];
    load_gates(AT(gates) + at * STRIPS, count, gate);
    lanes before = UNLESS_RESET(LOAD(AT(previous) + at));
    lanes r = GATE_VALUE(CLIPPED(gate[1])), z = GATE_VALUE(CLIPPED(gate[2]));
    lanes n = CANDIDATE_VALUE(CLIPPED(fma(r, gate[3], gate[0])));
    STORE_HIDDEN(flush(fma(z, before - n, n)));
    if (!keep)
        return;
    gate[0] = n, gate[1] = r, gate[2] = z;
    store_gates(AT(gates) + at * STRIPS, count, gate);
}

// Activations in, gradients of the pre-activations out, in place. What z hands on joins the start of the next chain.
__kernel void gru_backward(BUFFER(gates), INPUT(previous) GRADIENT_ARGS, int units, float limit)
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
    lanes gate[4];
    load_gates(strips, count, gate);
    lanes n = gate[0], r = gate[1], z = gate[2], candidate = gate[3], before = UNLESS_RESET(LOAD(AT(previous) + at));
    dh = flush(dh);
    store(AT(next) + at, count, start + flush(dh * z));
    lanes d_update = dh * (before - n);
    lanes d_n = candidate_slope(n, dh * (ALL(1.0f) - z));
    gate[0] = limited(d_n, limit);
    gate[1] = gate_gradient(r, d_n * candidate, limit);
    gate[2] = gate_gradient(z, d_update, limit);
    gate[3] = limited(d_n * r, limit);
    store_gates(strips, count, gate);
}
#else
// r, and s = r⊙h for the second product; "seen" is what the products see of h_{t-1}.
__kernel void gru_before_gates_forward(BUFFER(gates), INPUT(seen), BUFFER(reset_hidden), MARKS, int units)
{
    FIND_PLACE
    lanes gate[3];
    load_gates(AT(gates) + at * STRIPS, count, gate);
    gate[0] = GATE_VALUE(CLIPPED(gate[0]));
    store(AT(reset_hidden) + at, count, gate[0] * LOAD(AT(seen) + at));
    store_gates(AT(gates) + at * STRIPS, count, gate);
}

// z, n and h_t.
__kernel void gru_before_state_forward(BUFFER(gates) STATE_ARGS, int units)
{
    FIND_PLACE
    if (!IS_ACTIVE)
    {
        HAND_ON_HIDDEN;
        return;
    }
    lanes gate[3];
    load_gates(AT(gates) + at * STRIPS, count, gate);
    lanes before = UNLESS_RESET(LOAD(AT(previous) + at));
    lanes z = GATE_VALUE(CLIPPED(gate[1])), n = CANDIDATE_VALUE(CLIPPED(gate[2]));
    STORE_HIDDEN(flush(fma(z, before - n, n)));
    gate[1] = z, gate[2] = n;
    store_gates(AT(gates) + at * STRIPS, count, gate);
}

// Gradients of z's and n's pre-activations, and what z hands on to h_{t-1}.
__kernel void gru_before_state_backward(BUFFER(gates), INPUT(previous) GRADIENT_ARGS, int units, float limit)
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
    lanes gate[3];
    load_gates(strips, count, gate);
    lanes z = gate[1], n = gate[2], before = UNLESS_RESET(LOAD(AT(previous) + at));
    dh = flush(dh);
    store(AT(next) + at, count, start + flush(dh * z));
    gate[1] = gate_gradient(z, dh * (before - n), limit);
    gate[2] = candidate_gradient(n, dh * (ALL(1.0f) - z), limit);
    store_gates(strips, count, gate);
}

// From ∂L/∂s the gradient of r's pre-activation; ∂L/∂h through s is added to "target", or is it when nothing stands there yet.
__kernel void gru_before_gates_backward(
    BUFFER(gates), INPUT(seen), INPUT(d_reset_hidden), BUFFER(target), MARKS, int units, float limit, int add)
{
    FIND_PLACE
    if (!IS_ACTIVE)
    {
        if (!add)
            store(AT(target) + at, count, ALL(0.0f));
        return;
    }
    lanes gate[3];
    load_gates(AT(gates) + at * STRIPS, count, gate);
    lanes r = gate[0], ds = LOAD(AT(d_reset_hidden) + at), through = ds * r;
    store(AT(target) + at, count, add ? LOAD(AT(target) + at) + through : through);
    gate[0] = gate_gradient(r, ds * LOAD(AT(seen) + at), limit);
    store_gates(AT(gates) + at * STRIPS, count, gate);
}
#endif
