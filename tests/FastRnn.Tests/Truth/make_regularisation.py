#!/usr/bin/env python3
"""Writes regularisation.json beside this file: a training step with variational dropout, weight drop and penalties of activities, in double.

The masks are drawn here by a Philox of our own from the counters that the library documents; the cells are the equations written out, so
that sequences may begin, pause and end inside the window; the derivatives are PyTorch's.

    python3 tests/FastRnn.Tests/Truth/make_regularisation.py
"""
import numpy as np
import torch

from make_truth import float_constant, ramp, tensor, versions, with_errors, write

STEPS, BATCH, INPUT, FIRST, SECOND, OUTPUT = 7, 3, 5, 7, 6, 4
SEED, TIME = 2 ** 40 + 77, 2 ** 33 + 1000
LSTM_DROP, GRU_DROP, DROPOUT = 0.5, 0.25, float_constant(0.3)
L1, L2, TEMPORAL, LATE_TEMPORAL = 0.0625, 0.5, 0.75, 1.25
VALUES, RECURRENT_WEIGHTS = 0, 1  # what a mask is drawn for


def philox(counter, key):
    """Philox4x32-10: four words of a counter of four words under a key of 64 bits."""
    c, k, low = list(counter), [key & 0xFFFFFFFF, key >> 32], 0xFFFFFFFF
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & low, (a >> 32) ^ c[3] ^ k[1], a & low]
        k = [(k[0] + 0x9E3779B9) & low, (k[1] + 0xBB67AE85) & low]
    return c


def mask(rows, columns, rate, layer, use):
    """1/(1 - rate) where an element is kept, for the window that starts at TIME."""
    kept = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            counter = (column // 4 | layer << 24, row, TIME & 0xFFFFFFFF, TIME >> 32 | use << 24)
            draw = philox(counter, SEED)[column % 4]
            kept[row, column] = (draw >> 8) * 2.0 ** -24 >= rate
    assert 0 < kept.sum() < kept.size
    return torch.from_numpy(kept / (1 - rate))


def lstm(x, w, r, b, active, reset):
    h, c, outputs = torch.zeros(BATCH, FIRST, dtype=x.dtype), torch.zeros(BATCH, FIRST, dtype=x.dtype), []
    for t in range(STEPS):
        keep, on = (~(reset[t] & active[t]))[:, None].to(x.dtype), active[t][:, None]
        i, f, g, o = (x[t] @ w.T + (h * keep) @ r.T + b).chunk(4, 1)
        c_next = torch.sigmoid(f) * (c * keep) + torch.sigmoid(i) * torch.tanh(g)
        h_next = torch.sigmoid(o) * torch.tanh(c_next)
        c, h = torch.where(on, c_next, c), torch.where(on, h_next, h)
        outputs.append(torch.where(on, h_next, torch.zeros_like(h_next)))
    return torch.stack(outputs)


def gru(x, w, r, b_input, b_hidden, active, reset):
    h, outputs = torch.zeros(BATCH, SECOND, dtype=x.dtype), []
    for t in range(STEPS):
        keep, on = (~(reset[t] & active[t]))[:, None].to(x.dtype), active[t][:, None]
        before = h * keep
        (ir, iz, inew), (hr, hz, hnew) = (x[t] @ w.T + b_input).chunk(3, 1), (before @ r.T + b_hidden).chunk(3, 1)
        z, n = torch.sigmoid(iz + hz), torch.tanh(inew + torch.sigmoid(ir + hr) * hnew)
        h_next = z * before + (1 - z) * n
        h = torch.where(on, h_next, h)
        outputs.append(torch.where(on, h_next, torch.zeros_like(h_next)))
    return torch.stack(outputs)


def penalty(h, active, reset, l1, l2, temporal):
    pairs = active[1:] & active[:-1] & ~reset[1:]
    own = l1 * h[active].abs().mean() + l2 * h[active].pow(2).mean()
    return own + temporal * (h[1:] - h[:-1])[pairs].pow(2).mean()


def run():
    given = {
        "0.weight_ih_l0": ramp((4 * FIRST, INPUT), 0.1, 0.5), "0.weight_hh_l0": ramp((4 * FIRST, FIRST), 0.2, 0.4),
        "0.bias_ih_l0": ramp((4 * FIRST,), 0.3, 0.3), "0.bias_hh_l0": ramp((4 * FIRST,), 0.4, 0.2),
        "3.weight_ih_l0": ramp((3 * SECOND, FIRST), 0.5, 0.5), "3.weight_hh_l0": ramp((3 * SECOND, SECOND), 0.6, 0.4),
        "3.bias_ih_l0": ramp((3 * SECOND,), 0.7, 0.3), "3.bias_hh_l0": ramp((3 * SECOND,), 0.8, 0.2),
        "5.weight": ramp((OUTPUT, SECOND), 0.9, 0.5), "5.bias": ramp((OUTPUT,), 1.0, 0.2),
        "x": ramp((STEPS, BATCH, INPUT), 1.1, 1.5), "targets": ramp((STEPS, BATCH, OUTPUT), 1.2, 0.7),
    }
    names = [name for name in given if name[0].isdigit()]
    masks = {
        "0": mask(4 * FIRST, FIRST, LSTM_DROP, 0, RECURRENT_WEIGHTS), "1": mask(BATCH, FIRST, DROPOUT, 1, VALUES),
        "3": mask(3 * SECOND, SECOND, GRU_DROP, 3, RECURRENT_WEIGHTS),
    }
    everywhere = torch.ones(STEPS, BATCH, dtype=torch.bool)
    active, reset = everywhere.clone(), torch.zeros(STEPS, BATCH, dtype=torch.bool)
    for t, b in ((0, 1), (3, 0), (5, 2), (6, 2)):
        active[t, b] = False
    for t, b in ((2, 1), (5, 0), (5, 2), (0, 0)):
        reset[t, b] = True

    def compute(dtype):
        results = {}
        for case, (on, anew) in {"plain": (everywhere, ~everywhere), "flags": (active, reset)}.items():
            p = {name: given[name].to(dtype, copy=True).requires_grad_() for name in names}
            m = {name: values.to(dtype) for name, values in masks.items()}
            h = lstm(given["x"].to(dtype), p["0.weight_ih_l0"], p["0.weight_hh_l0"] * m["0"], p["0.bias_ih_l0"] + p["0.bias_hh_l0"], on, anew)
            h = h * m["1"]
            early = penalty(h, on, anew, L1, L2, TEMPORAL)
            h = gru(h, p["3.weight_ih_l0"], p["3.weight_hh_l0"] * m["3"], p["3.bias_ih_l0"], p["3.bias_hh_l0"], on, anew)
            late = penalty(h, on, anew, 0, 0, LATE_TEMPORAL)
            y = h @ p["5.weight"].T + p["5.bias"]
            loss = torch.nn.functional.mse_loss(y[on], given["targets"].to(dtype)[on]) + early + late
            loss.backward()
            results.update({f"{case}.loss": loss, f"{case}.penalty": early + late})
            results.update({f"{case}.{name}": values.grad for name, values in p.items()})
        return results

    expected, errors = with_errors(compute)
    write("regularisation.json", {
        "versions": versions(),
        "sizes": {"steps": STEPS, "batch": BATCH, "input": INPUT, "first": FIRST, "second": SECOND, "output": OUTPUT},
        "constants": {
            "seed": SEED, "time": TIME, "lstm_drop": LSTM_DROP, "gru_drop": GRU_DROP, "dropout": DROPOUT, "l1": L1, "l2": L2,
            "temporal": TEMPORAL, "late_temporal": LATE_TEMPORAL,
        },
        "active": active.flatten().to(torch.int64).tolist(), "reset": reset.flatten().to(torch.int64).tolist(),
        "given": {name: tensor(values) for name, values in given.items()}, "expected": expected, "float_error": errors,
    })


if __name__ == "__main__":
    torch.set_num_threads(1)
    run()
