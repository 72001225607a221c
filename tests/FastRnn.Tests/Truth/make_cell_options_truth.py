#!/usr/bin/env python3
"""Writes cell_options.json beside this file: recurrent cells with their options in double, for FastRnn to be compared with.

PyTorch has no cells with such options, but for the projection: they are written down here, one step after the other, on its tensors, and its
automatic differentiation gives the gradients. Without options these equations must give what torch.nn.LSTM, GRU and RNN give, and with a
projection what torch.nn.LSTM(proj_size=5) gives: `check` asserts it before anything is written.

Sizes and numbers are those of make_truth.py. A limit lies where it cuts some values and leaves others, which is asserted too.

    python3 tests/FastRnn.Tests/Truth/make_cell_options_truth.py
"""
import torch
from torch import nn

from make_truth import float_constant, ramp, tensor, versions, write

STEPS, BATCH, INPUT, HIDDEN, PROJECTION = 5, 3, 7, 11, 5
GATES = {"lstm": 4, "gru": 3, "rnn": 1}

FUNCTIONS = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "identity": lambda a: a,
    "hard_sigmoid(1/6)": lambda a: torch.clamp(float_constant(1 / 6) * a + 0.5, 0, 1),
    "hard_sigmoid(0.2)": lambda a: torch.clamp(float_constant(0.2) * a + 0.5, 0, 1),
    "softsign": lambda a: a / (1 + a.abs()),
    "softplus": nn.functional.softplus,
    "elu(0.7)": lambda a: nn.functional.elu(a, float_constant(0.7)),
    "leaky_relu(0.1)": lambda a: nn.functional.leaky_relu(a, float_constant(0.1)),
    "thresholded_relu(0.2)": lambda a: nn.functional.threshold(a, float_constant(0.2), 0.0),
    "scaled_tanh(1.7,0.6)": lambda a: float_constant(1.7) * torch.tanh(float_constant(0.6) * a),
    "affine(0.5,0.1)": lambda a: 0.5 * a + float_constant(0.1),
}

LSTM, GRU = {"kind": "lstm"}, {"kind": "gru"}
CASES = {
    "lstm peepholes": {**LSTM, "peepholes": True},
    "lstm projection": {**LSTM, "projection": PROJECTION},
    "lstm coupled": {**LSTM, "coupled": True},
    "lstm gate clip": {**LSTM, "gate_clip": 0.75},
    "lstm cell clip": {**LSTM, "cell_clip": 0.5},
    "lstm norm": {**LSTM, "norm": True},
    "lstm hard sigmoid": {**LSTM, "gate": "hard_sigmoid(1/6)", "function": "softsign", "output": "relu"},
    "lstm Keras 2": {**LSTM, "gate": "hard_sigmoid(0.2)", "function": "scaled_tanh(1.7,0.6)", "output": "leaky_relu(0.1)"},
    "lstm peepholes, coupled, clips": {**LSTM, "peepholes": True, "coupled": True, "gate_clip": 0.75, "cell_clip": 0.5},
    "lstm everything": {
        **LSTM, "peepholes": True, "coupled": True, "projection": PROJECTION, "gate_clip": 1.25, "cell_clip": 0.625, "norm": True,
        "gate": "hard_sigmoid(0.2)", "function": "softsign",
    },
    "lstm everything but coupled": {**LSTM, "peepholes": True, "projection": PROJECTION, "gate_clip": 1.25, "cell_clip": 0.625, "norm": True},
    "gru reset before": {**GRU, "reset_before": True},
    "gru norm": {**GRU, "norm": True},
    "gru reset before, norm": {**GRU, "reset_before": True, "norm": True},
    "gru functions": {**GRU, "gate": "hard_sigmoid(1/6)", "function": "softsign"},
    "gru reset before, functions": {**GRU, "reset_before": True, "gate": "hard_sigmoid(0.2)", "function": "elu(0.7)"},
    "rnn norm": {"kind": "rnn", "norm": True},
    **{f"rnn {function}": {"kind": "rnn", "function": function} for function in FUNCTIONS if function not in ("tanh", "relu")},
}


def given_for(case):
    rows, state = GATES[case["kind"]] * HIDDEN, case.get("projection", HIDDEN)
    given = {
        "weight_ih": ramp((rows, INPUT), 0.1, 0.5), "weight_hh": ramp((rows, state), 0.2, 0.4), "bias_ih": ramp((rows,), 0.3, 0.3),
        "bias_hh": ramp((rows,), 0.4, 0.2), "x": ramp((STEPS, BATCH, INPUT), 0.5, 1.5), "h0": ramp((BATCH, state), 0.6, 0.8),
    }
    if case["kind"] == "lstm":
        given["c0"] = ramp((BATCH, HIDDEN), 0.7, 1.2)
    if "peepholes" in case:
        given["weight_peephole"] = ramp((3, HIDDEN), 1.1, 0.6)
    if "projection" in case:
        given["weight_hr"] = ramp((state, HIDDEN), 1.2, 0.5)
    if "norm" in case:
        given["weight_ln_ih"], given["weight_ln_hh"] = ramp((rows,), 1.3, 0.4, 1.0), ramp((rows,), 1.4, 0.3, 0.9)
    return given


def loss_weights(case):
    state = case.get("projection", HIDDEN)
    weights = {"dy": ramp((STEPS, BATCH, state), 0.8, 1.0), "dhT": ramp((BATCH, state), 0.9, 0.7)}
    if case["kind"] == "lstm":
        weights["dcT"] = ramp((BATCH, HIDDEN), 1.0, 0.6)
    return weights


class Cell:
    """One step after the other; `cut` and `left` count what limits did."""

    def __init__(self, case, p):
        self.case, self.p, self.cut, self.left = case, p, 0, 0
        self.gate = FUNCTIONS[case.get("gate", "sigmoid")]
        self.function = FUNCTIONS[case.get("function", "tanh")]
        self.output = FUNCTIONS[case.get("output", "tanh")]

    def clip(self, values, name):
        limit = self.case.get(name)
        if limit is None:
            return values
        inside = values.abs() < limit
        self.cut, self.left = self.cut + int((~inside).sum()), self.left + int(inside.sum())
        return torch.clamp(values, -limit, limit)

    def product(self, v, weight, gamma, rows=slice(None)):
        a = v @ self.p[weight][rows].T
        if "norm" in self.case:
            mean, variance = a.mean(1, keepdim=True), a.var(1, unbiased=False, keepdim=True)
            a = self.p[gamma][rows] * (a - mean) / torch.sqrt(variance + 1e-5)
        return a

    def from_input(self, x):
        return self.product(x, "weight_ih", "weight_ln_ih") + self.p["bias_ih"]

    def from_state(self, h, rows=slice(None)):
        return self.product(h, "weight_hh", "weight_ln_hh", rows) + self.p["bias_hh"][rows]

    def lstm(self, x, h, c):
        ai, af, ag, ao = (self.from_input(x) + self.from_state(h)).chunk(4, 1)
        peep = self.p.get("weight_peephole", torch.zeros(3, 1, dtype=x.dtype))
        i = self.gate(self.clip(ai + peep[0] * c, "gate_clip"))
        f = 1 - i if "coupled" in self.case else self.gate(self.clip(af + peep[1] * c, "gate_clip"))
        g = self.function(self.clip(ag, "gate_clip"))
        c = self.clip(f * c + i * g, "cell_clip")
        o = self.gate(self.clip(ao + peep[2] * c, "gate_clip"))
        h = o * self.output(c)
        return (h @ self.p["weight_hr"].T if "weight_hr" in self.p else h), c

    def gru(self, x, h, _):
        xr, xz, xn = self.from_input(x).chunk(3, 1)
        if "reset_before" in self.case:
            hr, hz = self.from_state(h, slice(0, 2 * HIDDEN)).chunk(2, 1)
            r, z = self.gate(xr + hr), self.gate(xz + hz)
            n = self.function(xn + self.from_state(r * h, slice(2 * HIDDEN, None)))
        else:
            hr, hz, hn = self.from_state(h).chunk(3, 1)
            r, z = self.gate(xr + hr), self.gate(xz + hz)
            n = self.function(xn + r * hn)
        return (1 - z) * n + z * h, None

    def rnn(self, x, h, _):
        return self.function(self.from_input(x) + self.from_state(h)), None

    def sequence(self):
        step, h, c, outputs = getattr(self, self.case["kind"]), self.p["h0"], self.p.get("c0"), []
        for x in self.p["x"]:
            h, c = step(x, h, c)
            outputs.append(h)
        return torch.stack(outputs), h, c


def compute(case):
    """y, hT, cT and the gradients of sum(y * dy) + sum(hT * dhT) + sum(cT * dcT)."""
    p = {name: values.clone().requires_grad_() for name, values in given_for(case).items()}
    cell, weights = Cell(case, p), loss_weights(case)
    y, h, c = cell.sequence()
    results, loss = {"y": y, "hT": h}, (y * weights["dy"]).sum() + (h * weights["dhT"]).sum()
    if c is not None:
        results["cT"], loss = c, loss + (c * weights["dcT"]).sum()
    loss.backward()
    results.update({"d" + name: torch.zeros_like(values) if values.grad is None else values.grad for name, values in p.items()})
    limited = "gate_clip" in case or "cell_clip" in case
    assert not limited or (cell.cut > 20 and cell.left > 20), f"{cell.cut} values cut, {cell.left} left"
    return results


def check(case, module):
    """The equations above against PyTorch's own layer."""
    results, given, weights = compute(case), given_for(case), loss_weights(case)
    module = module.double()
    state = {f"{name}_l0": given[name] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr") if name in given}
    module.load_state_dict(state)
    x, h0 = (given[name].clone().requires_grad_() for name in ("x", "h0"))
    c0 = given["c0"].clone().requires_grad_() if "c0" in given else None
    y, final = module(x, h0[None] if c0 is None else (h0[None], c0[None]))
    h, c = (final, None) if c0 is None else final
    loss = (y * weights["dy"]).sum() + (h[0] * weights["dhT"]).sum()
    (loss if c is None else loss + (c[0] * weights["dcT"]).sum()).backward()
    theirs = {"y": y, "hT": h[0], "dx": x.grad, "dh0": h0.grad, **{"d" + name[:-3]: p.grad for name, p in module.named_parameters()}}
    if c is not None:
        theirs["cT"], theirs["dc0"] = c[0], c0.grad
    assert theirs.keys() == results.keys(), (theirs.keys(), results.keys())
    for name, values in theirs.items():
        error = ((values - results[name]).abs().max() / values.abs().max()).item()
        assert error < 1e-13, f"{case}: {name} differs by {error}"


def shared():
    """Every tensor that goes in, once: a case takes those of its shapes."""
    tensors = {}
    for case in CASES.values():
        for name, values in {**given_for(case), **loss_weights(case)}.items():
            tensors.setdefault(f"{name} {'x'.join(map(str, values.shape))}", values)
    return tensors


if __name__ == "__main__":
    torch.set_num_threads(1)
    check({"kind": "lstm"}, nn.LSTM(INPUT, HIDDEN))
    check(CASES["lstm projection"], nn.LSTM(INPUT, HIDDEN, proj_size=PROJECTION))
    check({"kind": "gru"}, nn.GRU(INPUT, HIDDEN))
    check({"kind": "rnn"}, nn.RNN(INPUT, HIDDEN))
    check({"kind": "rnn", "function": "relu"}, nn.RNN(INPUT, HIDDEN, nonlinearity="relu"))
    expected = {f"{name}: {result}": values for name, case in CASES.items() for result, values in compute(case).items()}
    write("cell_options.json", {
        "versions": versions(), "sizes": {"steps": STEPS, "batch": BATCH, "input": INPUT, "hidden": HIDDEN, "projection": PROJECTION},
        "given": {name: tensor(values) for name, values in shared().items()},
        "expected": {name: tensor(values) for name, values in expected.items()},
    })
