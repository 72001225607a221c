#!/usr/bin/env python3
"""Writes bidirectional_*.json beside this file: bidirectional layers on packed samples of different lengths, as PyTorch computes them.

Numbers in and out are as in make_truth.py. Steps beyond a sample's length are 0 in y and get no gradient; dx there is 0.

    python3 tests/FastRnn.Tests/Truth/make_bidirectional_truth.py
"""
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from make_truth import ramp, tensor, versions, with_errors, write

LENGTHS = [3, 6, 1, 5]
PARAMETERS = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]


def layer(name, make, has_cell=False):
    """y, h_n, c_n and all gradients of sum(y * dy) + sum(h_n * dhT) + sum(c_n * dcT); states are [2, batch, hidden], forward first."""
    steps, batch, inputs, hidden = max(LENGTHS), len(LENGTHS), 7, 11
    names = PARAMETERS + [parameter + "_reverse" for parameter in PARAMETERS]
    shapes = {parameter: getattr(make(inputs, hidden), parameter).shape for parameter in names}
    given = {parameter: ramp(shapes[parameter], 0.1 + 0.3 * index, 0.45) for index, parameter in enumerate(names)}
    given.update({
        "x": ramp((steps, batch, inputs), 0.5, 1.5), "h0": ramp((2, batch, hidden), 0.6, 0.8), "c0": ramp((2, batch, hidden), 0.7, 1.2),
        "dy": ramp((steps, batch, 2 * hidden), 0.8, 1.0), "dhT": ramp((2, batch, hidden), 0.9, 0.7), "dcT": ramp((2, batch, hidden), 1.0, 0.6),
    })
    if not has_cell:
        del given["c0"], given["dcT"]

    def compute(dtype):
        module = make(inputs, hidden).to(dtype)
        module.load_state_dict({parameter: given[parameter].to(dtype) for parameter in names})
        starts = {key: given[key].to(dtype, copy=True).requires_grad_() for key in ("x", "h0", "c0") if key in given}
        packed = pack_padded_sequence(starts["x"], torch.tensor(LENGTHS), enforce_sorted=False)
        output, final = module(packed, (starts["h0"], starts["c0"]) if has_cell else starts["h0"])
        y = pad_packed_sequence(output, total_length=steps)[0]
        states = dict(zip(("hT", "cT"), final if has_cell else (final,)))
        loss = (y * given["dy"].to(dtype)).sum()
        for key, state in states.items():
            loss = loss + (state * given["d" + key].to(dtype)).sum()
        loss.backward()
        results = {"y": y, **states}
        results.update({"d" + parameter: getattr(module, parameter).grad for parameter in names})
        results.update({"d" + key: start.grad for key, start in starts.items()})
        return results

    expected, errors = with_errors(compute)
    write(f"bidirectional_{name}.json", {
        "versions": versions(), "sizes": {"steps": steps, "batch": batch, "input": inputs, "hidden": hidden}, "lengths": LENGTHS,
        "given": {key: tensor(values) for key, values in given.items()}, "expected": expected, "float_error": errors,
    })


if __name__ == "__main__":
    torch.set_num_threads(1)
    layer("lstm", lambda inputs, hidden: nn.LSTM(inputs, hidden, bidirectional=True), has_cell=True)
    layer("gru", lambda inputs, hidden: nn.GRU(inputs, hidden, bidirectional=True))
    for function in ("tanh", "relu"):
        layer("rnn_" + function, lambda inputs, hidden: nn.RNN(inputs, hidden, nonlinearity=function, bidirectional=True))
