#!/usr/bin/env python3
"""Writes losses.json, activations.json and layer_norm.json beside this file: what PyTorch computes in double from numbers that are exactly floats.

Every loss has its value and its gradient with respect to what goes in. Some rows do not count: they are left out before PyTorch sees them,
and have no gradient. A mean is PyTorch's own, so its divisor is checked too.

    python3 tests/FastRnn.Tests/Truth/make_losses.py
"""
import torch
from torch.nn import functional

from make_truth import float_constant, ramp, versions, with_errors, write

ROWS, COLUMNS = 18, 21
DELTA, SMOOTHING, PADDING, POSITIVE_WEIGHT = 0.75, float_constant(0.15), 4, 2.5
QUANTILES = [float_constant(0.1), 0.5, float_constant(0.8)]


def losses():
    given = {
        "outputs": ramp((ROWS, COLUMNS), 0.3, 2.5), "values": ramp((ROWS, COLUMNS), 0.9, 1.75, 0.25),
        "log_probabilities": ramp((ROWS, COLUMNS), 0.1, 1.5, -2.0), "logits": ramp((ROWS, COLUMNS), 0.6, 30.0),
        "class_weights": ramp((COLUMNS,), 0.2, 0.75, 1.0), "positive_weights": ramp((COLUMNS,), 0.7, 1.25, 1.5),
        "probabilities": ramp((ROWS, COLUMNS), 0.45, 0.5, 0.5),
    }
    # Differences on and just beside the corners of the absolute and the Huber loss.
    for column, difference in enumerate((0.0, DELTA, -DELTA, DELTA + 2.0 ** -20, 2.0 ** -20)):
        given["values"][1, column] = 0.5
        given["outputs"][1, column] = 0.5 + difference
    rows = torch.arange(ROWS)
    targets = (rows * 8 + rows // 3) % COLUMNS
    assert (targets == PADDING).any()
    counted = (rows % 5 != 2) & (rows != 9)
    targets[[0, 7]] = -1
    answers = (given["probabilities"] > 0.5).to(torch.float64)

    def cases(dtype):
        """Name, what goes in, and the loss of the rows that count; reduction follows."""
        weights, positive = (given[name].to(dtype) for name in ("class_weights", "positive_weights"))

        def values(function, y, **options):
            return lambda x, reduction: function(x[counted], y.to(dtype)[counted], reduction=reduction, **options)

        def classes(function, ignore=None, **options):
            counts = counted & (targets >= 0)
            index = {} if ignore is None else {"ignore_index": ignore}
            return lambda x, reduction: function(x[counts], targets[counts], reduction=reduction, **index, **options)

        def pinball(x, y, reduction, quantiles):
            """Koenker, Bassett 1978; PyTorch has none. Its relu has slope 0 at 0."""
            q = torch.tensor(quantiles, dtype=dtype).repeat(COLUMNS // len(quantiles))
            losses = q * functional.relu(y - x) + (1 - q) * functional.relu(x - y)
            return losses.mean() if reduction == "mean" else losses.sum()

        bce, cross = functional.binary_cross_entropy_with_logits, functional.cross_entropy
        return {
            "mse": ("outputs", values(functional.mse_loss, given["values"])),
            "mae": ("outputs", values(functional.l1_loss, given["values"])),
            "huber": ("outputs", values(functional.huber_loss, given["values"], delta=DELTA)),
            "pinball": ("outputs", values(pinball, given["values"], quantiles=QUANTILES)),
            "pinball_one": ("outputs", values(pinball, given["values"], quantiles=QUANTILES[:1])),
            "bce": ("logits", values(bce, given["probabilities"])),
            "bce_answers": ("logits", values(bce, answers)),
            "bce_one_weight": ("logits", values(bce, answers, pos_weight=torch.tensor([POSITIVE_WEIGHT], dtype=dtype))),
            "bce_weights": ("logits", values(bce, given["probabilities"], pos_weight=positive)),
            "cross": ("outputs", classes(cross)),
            "cross_large": ("logits", classes(cross)),
            "cross_weights": ("outputs", classes(cross, weight=weights)),
            "cross_smooth": ("outputs", classes(cross, label_smoothing=SMOOTHING)),
            "cross_uniform": ("outputs", classes(cross, label_smoothing=1.0)),
            "cross_ignore": ("outputs", classes(cross, ignore=PADDING)),
            "cross_all": ("outputs", classes(cross, ignore=PADDING, weight=weights, label_smoothing=SMOOTHING)),
            "nll": ("log_probabilities", classes(functional.nll_loss)),
            "nll_weights": ("log_probabilities", classes(functional.nll_loss, ignore=PADDING, weight=weights)),
        }

    def compute(dtype):
        results = {}
        for name, (source, loss_of) in cases(dtype).items():
            for reduction in ("mean", "sum"):
                x = given[source].to(dtype, copy=True).requires_grad_()
                loss = loss_of(x, reduction)
                loss.backward()
                results.update({f"{name}.{reduction}": loss, f"{name}.{reduction}.gradient": x.grad})
        return results

    expected, errors = with_errors(compute)
    write("losses.json", {
        "versions": versions(), "sizes": {"rows": ROWS, "columns": COLUMNS, "padding": PADDING},
        "constants": {"delta": DELTA, "smoothing": SMOOTHING, "positive_weight": POSITIVE_WEIGHT},
        "targets": targets.tolist(), "counted": counted.to(torch.int64).tolist(),
        "given": {name: {"shape": list(values.shape), "values": values.flatten().tolist()} for name, values in given.items()},
        "expected": expected, "float_error": errors,
    })


def activations():
    """Values, and gradients of sum(y * dy)."""
    given = {"x": ramp((5, 19), 0.35, 6.0), "dy": ramp((5, 19), 0.8, 1.0)}
    for column, corner in enumerate((0.0, 3.0, -3.0)):
        given["x"][2, column] = corner
    functions = {
        "relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
        "hard_sigmoid": lambda x: functional.relu6(x + 3) / 6,  # hardsigmoid itself multiplies gradients by a float 1/6, in double too
        "softplus": functional.softplus, "silu": functional.silu, "log_softmax": lambda x: torch.log_softmax(x, -1),
        "softmax": lambda x: torch.softmax(x, -1), "gelu": functional.gelu, "selu": torch.selu, "exponential": torch.exp, "identity": lambda x: x * 1,
        "softsign": functional.softsign, "leaky_relu(0.25)": lambda x: functional.leaky_relu(x, 0.25), "elu(0.75)": lambda x: functional.elu(x, 0.75),
        "thresholded_relu(0.5)": lambda x: functional.threshold(x, 0.5, 0.0), "clip(-3,2.5)": lambda x: functional.hardtanh(x, -3.0, 2.5),
        "hard_sigmoid(0.2,0.5)": lambda x: torch.clamp(float_constant(0.2) * x + 0.5, 0.0, 1.0),
        "scaled_tanh(1.5,0.75)": lambda x: 1.5 * torch.tanh(0.75 * x), "affine(0.5,0.25)": lambda x: 0.5 * x + 0.25,
    }

    def compute(dtype):
        results = {}
        for name, function in functions.items():
            x = given["x"].to(dtype, copy=True).requires_grad_()
            y = function(x)
            (y * given["dy"].to(dtype)).sum().backward()
            results.update({name: y, f"{name}.gradient": x.grad})
        return results

    expected, errors = with_errors(compute)
    write("activations.json", {
        "versions": versions(), "sizes": {"rows": 5, "columns": 19},
        "given": {name: {"shape": list(values.shape), "values": values.flatten().tolist()} for name, values in given.items()},
        "expected": expected, "float_error": errors,
    })


def layer_norm():
    """Values, and gradients of sum(y * dy), with both the epsilon of PyTorch and that of Keras."""
    given = {
        "x": ramp((6, 21), 0.35, 2.0, 0.5), "dy": ramp((6, 21), 0.8, 1.0), "weight": ramp((21,), 0.2, 0.75, 1.0), "bias": ramp((21,), 1.2, 0.5),
    }
    given["x"][3] = ramp((21,), 0.4, 2.0 ** -9, 1.25)  # a variance of the order of epsilon

    def compute(dtype):
        results = {}
        for name, epsilon in (("torch", 1e-5), ("keras", 1e-3)):
            x, weight, bias = (given[key].to(dtype, copy=True).requires_grad_() for key in ("x", "weight", "bias"))
            y = functional.layer_norm(x, (21,), weight, bias, eps=float_constant(epsilon))
            (y * given["dy"].to(dtype)).sum().backward()
            results.update({f"{name}.y": y, f"{name}.dx": x.grad, f"{name}.dweight": weight.grad, f"{name}.dbias": bias.grad})
        return results

    expected, errors = with_errors(compute)
    write("layer_norm.json", {
        "versions": versions(), "sizes": {"rows": 6, "columns": 21},
        "given": {name: {"shape": list(values.shape), "values": values.flatten().tolist()} for name, values in given.items()},
        "expected": expected, "float_error": errors,
    })


if __name__ == "__main__":
    torch.set_num_threads(1)
    losses()
    activations()
    layer_norm()
