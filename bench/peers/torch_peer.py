#!/usr/bin/env python3
"""PyTorch behind the line protocol of README.md: nn.LSTM, nn.GRU and nn.RNN in inference and training on the CPU.

Modes: step and infer without gradients; forward-train; backward; train = both; whole = both, clipping of the gradients' norm at 5 and a step
of Adam. x asks for its gradient in train and backward, as the other peers compute it too, not in whole, where a network's input has none.
"""
import argparse
import ctypes
import glob
import json
import math
import os
import sys
import time


def parse_arguments():
    parser = argparse.ArgumentParser(description="PyTorch as a peer of FastRnn's benchmarks")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


arguments = parse_arguments()
# The BLAS and OpenMP libraries read this when they are loaded, which is when torch is imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(arguments.threads)

import torch  # noqa: E402
from torch import nn  # noqa: E402

SHORT_UNIT, BURST, MOST_TIMES = 20e3, 100e3, 20000  # ns, ns and a count: as protocol.cpp
TOLERANCE = 2e-4  # of a result's largest value
VERIFIED_PRODUCTS = 4e8
MODES = ("step", "infer", "forward-train", "backward", "train", "whole")
CELLS = {"lstm": (nn.LSTM, 4), "gru": (nn.GRU, 3), "rnn": (nn.RNN, 1)}


class Missing(Exception):
    """A row that this peer does not have."""


class Row:
    def __init__(self, words):
        if len(words) != 7:
            raise Missing("expected: prepare ID MODE CELL I H LAYERS T B")
        self.mode, self.cell = words[:2]
        self.input, self.hidden, self.layers, self.steps, self.batch = (int(word) for word in words[2:])
        if self.mode not in MODES or self.cell not in CELLS or min(self.input, self.hidden, self.layers, self.steps, self.batch) < 1:
            raise Missing("no such mode, cell or size")
        if self.mode == "step" and self.steps != 1:
            raise Missing("mode step has T = 1")
        self.trains = self.mode not in ("step", "infer")

    def resized(self, **sizes):
        other = Row([self.mode, self.cell] + [str(n) for n in (self.input, self.hidden, self.layers, self.steps, self.batch)])
        other.__dict__.update(sizes)
        return other

    def products(self):
        weights = sum(CELLS[self.cell][1] * self.hidden * ((self.input if layer == 0 else self.hidden) + self.hidden) for layer in range(self.layers))
        return weights * self.steps * self.batch


class Work:
    """A row made ready."""

    def __init__(self, row, rate=1e-6):
        self.row, self.rate = row, rate  # a small rate: the network stays as it is however often the unit runs
        torch.manual_seed(1)
        self.network = CELLS[row.cell][0](row.input, row.hidden, num_layers=row.layers)
        self.parameters = list(self.network.parameters())
        self.x = torch.rand(row.steps, row.batch, row.input) * 2 - 1
        self.dy = torch.rand(row.steps, row.batch, row.hidden) * 2 - 1
        shape = (row.layers, row.batch, row.hidden)
        first = [torch.rand(shape) - 0.5 for _ in range(2 if row.cell == "lstm" else 1)]
        self.x.requires_grad_(row.mode in ("backward", "train"))
        self.first = [state.clone().requires_grad_(row.mode in ("backward", "train")) for state in first]
        self.state = self.packed(self.first)
        self.optimizer = torch.optim.Adam(self.parameters, lr=rate) if row.mode == "whole" else None
        self.unit = {"step": self.infer, "infer": self.infer, "forward-train": self.forward, "backward": self.backward, "train": self.train, "whole": self.whole}[row.mode]
        self.y = None
        if row.mode == "backward":
            self.forward()

    def packed(self, states):
        return tuple(states) if self.row.cell == "lstm" else states[0]

    def infer(self):
        with torch.no_grad():
            self.y, self.state = self.network(self.x, self.state)

    def forward(self):
        self.y, self.state = self.network(self.x, self.packed(self.first))

    def backward(self):
        self.y.backward(self.dy, retain_graph=self.row.mode == "backward")

    def train(self):
        self.forward()
        self.backward()

    def whole(self):
        self.optimizer.zero_grad(set_to_none=True)
        self.train()
        nn.utils.clip_grad_norm_(self.parameters, 5.0)
        self.optimizer.step()

    def states(self):
        return self.state if self.row.cell == "lstm" else (self.state,)

    def results(self):
        """By name, of the last unit; gradients add up, so they are those of the first unit only."""
        results = {"y": self.y} | {f"state {i}": state for i, state in enumerate(self.states())}
        if self.row.mode in ("backward", "train"):
            results |= {"dx": self.x.grad} | {f"d state {i}": state.grad for i, state in enumerate(self.first)}
            results |= {"d " + name: value.grad for name, value in self.network.named_parameters()}
        return results

    def update(self, start):
        """Of a whole unit that was the first: Adam's moments and the steps that the parameters have made, in learning rates."""
        results = {}
        for (name, value), before in zip(self.network.named_parameters(), start):
            results["m " + name] = self.optimizer.state[value]["exp_avg"]
            results["v " + name] = self.optimizer.state[value]["exp_avg_sq"]
            results["u " + name] = (before - value.detach()).double() / self.rate
        return results


def cell_step(kind, x, state, w, r, bw, br):
    """One step of one layer written out; the state is a list of h and, for LSTM, c. Gates in PyTorch's order."""
    a, b = x @ w.T + bw, state[0] @ r.T + br
    if kind == "rnn":
        return [torch.tanh(a + b)]
    if kind == "gru":
        (ra, za, na), (rb, zb, nb) = a.chunk(3, -1), b.chunk(3, -1)
        z = torch.sigmoid(za + zb)
        return [(1 - z) * torch.tanh(na + torch.sigmoid(ra + rb) * nb) + z * state[0]]
    i, f, g, o = (a + b).chunk(4, -1)
    c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return [torch.sigmoid(o) * torch.tanh(c), c]


def layers_forward(row, x, first, parameters, units):
    """All layers over `units` times x; the last unit's y and the last states."""
    sequence = list(x) * units
    last = [[] for _ in first]
    for layer in range(row.layers):
        state = [states[layer] for states in first]
        for t, value in enumerate(sequence):
            state = cell_step(row.cell, value, state, *parameters[4 * layer:4 * layer + 4])
            sequence[t] = state[0]
        for states, value in zip(last, state):
            states.append(value)
    return torch.stack(sequence[-row.steps:]), [torch.stack(states) for states in last]


def reference(work, start, units):
    """The same results in double precision from the steps written out; gradients by automatic differentiation of those."""
    row = work.row
    x = work.x.detach().double().requires_grad_()
    first = [state.detach().double().requires_grad_() for state in work.first]
    parameters = [value.double().requires_grad_() for value in start]
    y, states = layers_forward(row, x, first, parameters, units)
    results = {"y": y} | {f"state {i}": state for i, state in enumerate(states)}
    if row.mode in ("step", "infer", "forward-train"):
        return results
    y.backward(work.dy.double())
    names = [name for name, _ in work.network.named_parameters()]
    if row.mode != "whole":
        results |= {"dx": x.grad} | {f"d state {i}": state.grad for i, state in enumerate(first)}
        return results | {"d " + name: value.grad for name, value in zip(names, parameters)}
    factor = min(1.0, 5.0 / (math.sqrt(sum(float((value.grad**2).sum()) for value in parameters)) + 1e-6))
    return adam({name: value.grad * factor for name, value in zip(names, parameters)})


def adam(gradients):
    """The first step of Adam (Kingma, Ba 2014) with its usual constants; bias corrections leave g / (|g| + epsilon) of the moments."""
    results = {}
    for name, gradient in gradients.items():
        results |= {"m " + name: 0.1 * gradient, "v " + name: 0.001 * gradient**2}
        # Near zero a gradient's rounding decides its sign; nothing is expected there.
        results["u " + name] = (gradient / (gradient.abs() + 1e-8)).where(gradient.abs() > 1e-3 * gradient.abs().max(), torch.zeros(()).double())
    return results


def verify_shape(row):
    """The largest difference of all results, relative to the largest value of each."""
    work = Work(row, rate=1e-2)
    start = [value.detach().clone() for value in work.parameters]
    units = 1 if row.trains else 3  # three: states must come back from unit to unit
    for _ in range(units):
        work.unit()
    worst = 0.0
    got = work.update(start) if row.mode == "whole" else work.results()
    for name, expected in reference(work, start, units).items():
        value = got[name].double()
        if name.startswith("u "):
            value = value.where(expected != 0, expected)
        scale, apart = float(expected.abs().max()), float((value - expected).abs().max())
        if not apart <= TOLERANCE * scale:
            raise ValueError(f"result {name} is off by {apart}, its largest value is {scale}")
        worst = max(worst, apart / scale)
    return worst


def verify(row):
    """Sizes that are all different, then the row's own widths with fewer samples and steps."""
    own = row
    while own.products() > VERIFIED_PRODUCTS and own.steps > 3:
        own = own.resized(steps=(own.steps + 1) // 2)
    while own.products() > VERIFIED_PRODUCTS and own.batch > 3:
        own = own.resized(batch=(own.batch + 1) // 2)
    odd = row.resized(input=7, hidden=11, batch=3, steps=1 if row.mode == "step" else 5)
    return max(verify_shape(odd), verify_shape(own))


def measure(unit, seconds):
    """The mean time of a unit in each of many bursts, in ns."""
    clock, budget = time.perf_counter_ns, seconds * 1e9
    shortest, warm = math.inf, clock()
    while True:
        start = clock()
        unit()
        shortest = min(shortest, clock() - start)
        if clock() - warm >= 0.1 * budget:
            break
    burst = math.ceil(BURST / shortest) if shortest < SHORT_UNIT else 1
    times, begin = [], clock()
    while len(times) < 3 or (clock() - begin < budget and len(times) < MOST_TIMES):
        start = clock()
        for _ in range(burst):
            unit()
        times.append((clock() - start) / burst)
    return times


def answer(rows, command, words):
    """The answer's text; errors become `missing` or, for verify, `wrong`."""
    name = words[0] if words else "-"
    try:
        if command == "prepare":
            rows[name] = Work(Row(words[1:]))
            return f"ready {name}"
        if name not in rows:
            return f"missing {name} it is not prepared"
        if command == "run":
            return f"times {name} " + " ".join(f"{value:.1f}" for value in measure(rows[name].unit, float(words[1])))
        if command == "verify":
            return f"verified {name} {verify(rows[name].row):.6g}"
        if command == "describe":
            return f"description {name} nn.{type(rows[name].network).__name__}, oneDNN {'on' if torch.backends.mkldnn.is_available() else 'off'}"
        if command == "release":
            del rows[name]
            return f"released {name}"
        return f"missing - no command {command}"
    except (Missing, ValueError, RuntimeError, IndexError) as reason:
        return f"{'wrong' if command == 'verify' else 'missing'} {name} " + " ".join(str(reason).split())


def details():
    """The BLAS behind torch with the kernels it has chosen, and torch's own choice of vector code."""
    capability = next((line.split(":")[1].strip() for line in torch.__config__.show().splitlines() if "CPU capability" in line), "unknown")
    for path in glob.glob("/usr/lib/*/libopenblas.so.0"):
        library = ctypes.CDLL(path)
        library.openblas_get_config.restype = ctypes.c_char_p
        library.openblas_get_corename.restype = ctypes.c_char_p
        return f"vector code {capability}; {library.openblas_get_config().decode().strip()}, kernels {library.openblas_get_corename().decode()}"
    return f"vector code {capability}; no OpenBLAS"


def pages():
    """What start.sh has asked of the C library."""
    return ", huge pages asked for" if "glibc.malloc.hugetlb=1" in os.environ.get("GLIBC_TUNABLES", "") else ""


def main():
    torch.set_num_threads(arguments.threads)
    print(json.dumps({"peer": "torch", "version": torch.__version__, "threads": torch.get_num_threads(), "details": details() + pages()}), flush=True)
    rows = {}
    for line in sys.stdin:
        command, *words = line.split() or [""]
        if command == "quit":
            break
        print(answer(rows, command, words), flush=True)


main()
