#!/usr/bin/env python3
"""Writes lstm_layer.json, gru_layer.json, rnn_*_layer.json and char_model.json beside this file: what PyTorch computes, for FastRnn to be compared with.

All sizes differ and all weights differ, so that a transposed matrix, a swapped gate or a mixed-up axis cannot cancel out. Every number
that goes in is exactly a float (also the optimisers' constants), so that any precision starts from the same numbers. Results are computed
in double. The same in float is kept as one figure per tensor: `float_error`, the largest difference from double relative to the largest
element, which says what rounding alone does here.

Values are written as the shortest decimals that read back to the same double, in row-major order.

    python3 tests/FastRnn.Tests/Truth/make_truth.py
"""
import ctypes
import glob
import json
import platform
from pathlib import Path

import numpy as np
import torch
from torch import nn

FOLDER = Path(__file__).resolve().parent


def ramp(shape, phase, scale, offset=0.0):
    """offset + scale * sin(...) over a ramp of irrational step: no two elements are equal. Rounded to float, given as double."""
    count = int(np.prod(shape))
    values = offset + scale * np.sin(phase + 0.7548776662466927 * np.arange(count, dtype=np.float64))
    return torch.from_numpy(values.astype(np.float32).astype(np.float64)).reshape(shape)


def float_constant(value):
    """The double that a C# float literal of this value stands for."""
    return float(np.float32(value))


def versions():
    blas = [part[part.index("BLAS_INFO"):] for part in torch.__config__.show().split(",") if "BLAS_INFO" in part]
    for path in glob.glob("/usr/lib/*/libopenblas.so.0"):
        library = ctypes.CDLL(path)
        library.openblas_get_config.restype = ctypes.c_char_p
        library.openblas_get_corename.restype = ctypes.c_char_p
        blas = [library.openblas_get_config().decode().strip(), "kernels " + library.openblas_get_corename().decode()]
    return {"torch": torch.__version__, "numpy": np.__version__, "blas": "; ".join(blas), "python": platform.python_version()}


def tensor(values):
    array = values.detach().to(torch.float64)
    return {"shape": list(array.shape), "values": array.flatten().tolist()}


def with_errors(compute):
    """Results in double as {name: tensor}, and each one's float error."""
    exact, rounded = compute(torch.float64), compute(torch.float32)
    errors = {}
    for name, values in exact.items():
        difference = (rounded[name].detach().to(torch.float64) - values.detach()).abs().max().item()
        errors[name] = difference / max(1e-300, values.detach().abs().max().item())
    return {name: tensor(values) for name, values in exact.items()}, errors


def write(name, content):
    lines = [f"  {json.dumps(key)}: {json.dumps(value, separators=(', ', ': '))}" for key, value in content.items()]
    (FOLDER / name).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def layer(name, make, gates, has_cell=False):
    """One layer: y, hT, cT and all gradients of sum(y * dy) + sum(hT * dhT) + sum(cT * dcT)."""
    steps, batch, inputs, hidden = 5, 3, 7, 11
    given = {
        "weight_ih": ramp((gates * hidden, inputs), 0.1, 0.5), "weight_hh": ramp((gates * hidden, hidden), 0.2, 0.4),
        "bias_ih": ramp((gates * hidden,), 0.3, 0.3), "bias_hh": ramp((gates * hidden,), 0.4, 0.2),
        "x": ramp((steps, batch, inputs), 0.5, 1.5), "h0": ramp((batch, hidden), 0.6, 0.8), "c0": ramp((batch, hidden), 0.7, 1.2),
        "dy": ramp((steps, batch, hidden), 0.8, 1.0), "dhT": ramp((batch, hidden), 0.9, 0.7), "dcT": ramp((batch, hidden), 1.0, 0.6),
    }
    if not has_cell:
        del given["c0"], given["dcT"]

    def compute(dtype):
        module = make(inputs, hidden).to(dtype)
        with torch.no_grad():
            for parameter in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(module, parameter + "_l0").copy_(given[parameter])
        starts = {key: given[key].to(dtype, copy=True).requires_grad_() for key in ("x", "h0", "c0") if key in given}
        h0 = starts["h0"][None]
        y, final = module(starts["x"], (h0, starts["c0"][None]) if has_cell else h0)
        h, c = (final[0][0], final[1][0]) if has_cell else (final[0], None)
        weights = {key: given[key].to(dtype) for key in ("dy", "dhT", "dcT") if key in given}
        loss = (y * weights["dy"]).sum() + (h * weights["dhT"]).sum()
        (loss + (c * weights["dcT"]).sum() if has_cell else loss).backward()
        results = {"y": y, "hT": h}
        if has_cell:
            results["cT"] = c
        results.update({
            "dweight_ih": module.weight_ih_l0.grad, "dweight_hh": module.weight_hh_l0.grad,
            "dbias_ih": module.bias_ih_l0.grad, "dbias_hh": module.bias_hh_l0.grad,
        })
        results.update({"d" + key: start.grad for key, start in starts.items()})
        return results

    expected, errors = with_errors(compute)
    write(name + "_layer.json", {
        "versions": versions(), "sizes": {"steps": steps, "batch": batch, "input": inputs, "hidden": hidden},
        "given": {key: tensor(values) for key, values in given.items()}, "expected": expected, "float_error": errors,
    })


class CharModel(nn.Module):
    """Embedding(13, 7), LSTM(7, 11), LSTM(11, 9), Linear(9, 13); parameters are named as torch.nn.Sequential would: 0.weight, 1.weight_ih_l0, …"""

    def __init__(self):
        super().__init__()
        for index, layer in enumerate([nn.Embedding(13, 7), nn.LSTM(7, 11), nn.LSTM(11, 9), nn.Linear(9, 13)]):
            self.add_module(str(index), layer)

    def forward(self, tokens):
        embedding, first, second, head = self.children()
        return head(second(first(embedding(tokens))[0])[0])


def char_model():
    """A two-layer character model on one window from a zero state: loss, logits, gradients, clipping and updates."""
    steps, batch, vocabulary = 6, 4, 13
    positions = torch.arange(steps * batch)
    # The last symbol never comes in: its row has a zero gradient, and no update may move it.
    inputs = ((positions * 5 + positions // 3) % (vocabulary - 1)).reshape(steps, batch)
    targets = ((positions * 7 + positions // 2 + 3) % vocabulary).reshape(steps, batch)
    for ignored in ((0, 1), (2, 3), (3, 0), (5, 2), (5, 3)):
        targets[ignored] = -1
    constants = {
        "sgd_rate": float_constant(0.1), "adam_rate": float_constant(2e-3), "beta1": float_constant(0.9),
        "beta2": float_constant(0.999), "epsilon": float_constant(1e-8), "clip_norm": 0.25,
    }
    given = {}
    for index, (name, parameter) in enumerate(CharModel().named_parameters()):
        given[name] = ramp(parameter.shape, 1.3 * index, 0.9 if index == 0 else 0.45, 0.02 * index)

    def fresh(dtype):
        model = CharModel().to(dtype)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(given[name])
        return model

    def loss_of(model):
        logits = model(inputs)
        return logits, nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)

    def train(dtype, make_optimizer, updates, clip=False):
        model = fresh(dtype)
        optimizer = make_optimizer(model.parameters())
        for _ in range(updates):
            optimizer.zero_grad()
            loss_of(model)[1].backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), constants["clip_norm"]) if clip else None
            optimizer.step()
        return dict(model.named_parameters()), norm

    def sgd(parameters):
        return torch.optim.SGD(parameters, lr=constants["sgd_rate"])

    def adam(parameters):
        return torch.optim.Adam(
            parameters, lr=constants["adam_rate"], betas=(constants["beta1"], constants["beta2"]), eps=constants["epsilon"])

    def compute(dtype):
        model = fresh(dtype)
        logits, loss = loss_of(model)
        loss.backward()
        clipped, norm = train(dtype, sgd, 1, clip=True)
        results = {"logits": logits, "loss": loss, "gradient_norm": norm}
        results.update({f"gradient.{name}": p.grad for name, p in model.named_parameters()})
        runs = {"sgd": train(dtype, sgd, 1)[0], "sgd_clipped": clipped, "adam1": train(dtype, adam, 1)[0], "adam3": train(dtype, adam, 3)[0]}
        for run, parameters in runs.items():
            results.update({f"{run}.{name}": p for name, p in parameters.items()})
        return results

    expected, errors = with_errors(compute)
    write("char_model.json", {
        "versions": versions(), "sizes": {"steps": steps, "batch": batch, "vocabulary": vocabulary}, "constants": constants,
        "inputs": inputs.flatten().tolist(), "targets": targets.flatten().tolist(),
        "given": {name: tensor(values) for name, values in given.items()}, "expected": expected, "float_error": errors,
    })


if __name__ == "__main__":
    torch.set_num_threads(1)
    layer("lstm", nn.LSTM, 4, has_cell=True)
    layer("gru", nn.GRU, 3)
    for function in ("tanh", "relu"):
        layer("rnn_" + function, lambda inputs, hidden: nn.RNN(inputs, hidden, nonlinearity=function), 1)
    char_model()
