#!/usr/bin/env python3
"""Writes tbptt.json beside this file: losses and weights of truncated back-propagation through time with k2 above k1.

An LSTM stack and a head, by hand: every window of k1 steps is run with the weights of its time and its activations are kept; then its
squared error goes back through the last k2 steps, in products with the weights of now and with the activations as they were kept, and
the weights take one step of gradient descent. As in make_truth.py, what goes in is exactly a float and results are double. Where the
weights stay, what is done here is what autograd does on the last k2 steps, and the script checks that before it writes.

    python3 tests/FastRnn.Tests/Truth/make_tbptt_truth.py
"""
import torch
from torch import nn

from make_truth import ramp, tensor, versions, with_errors, write

STEPS, BACK, BATCH, INPUT, HIDDEN, OUTPUT, WINDOWS = 3, 7, 2, 3, (4, 5), 2, 5
RATE = 0.5
WIDTHS = [(INPUT, HIDDEN[0]), (HIDDEN[0], HIDDEN[1])]


def shapes():
    for index, (inputs, hidden) in enumerate(WIDTHS):
        yield f"{index}.weight_ih_l0", (4 * hidden, inputs)
        yield f"{index}.weight_hh_l0", (4 * hidden, hidden)
        yield f"{index}.bias_ih_l0", (4 * hidden,)
        yield f"{index}.bias_hh_l0", (4 * hidden,)
    yield "2.weight", (OUTPUT, HIDDEN[1])
    yield "2.bias", (OUTPUT,)


GIVEN = {name: ramp(shape, 1.7 * index, 0.8, 0.01 * index) for index, (name, shape) in enumerate(shapes())}
GIVEN["inputs"] = ramp((WINDOWS * STEPS, BATCH, INPUT), 0.4, 1.0, 0.0)
GIVEN["targets"] = ramp((WINDOWS * STEPS, BATCH, OUTPUT), 2.1, 0.9, 0.1)


def forward(w, x, states):
    """One step of the stack: what every layer had and made, and the state after it."""
    kept, after = [], []
    for index, (h, c) in enumerate(states):
        a = x @ w[f"{index}.weight_ih_l0"].T + w[f"{index}.bias_ih_l0"] + h @ w[f"{index}.weight_hh_l0"].T + w[f"{index}.bias_hh_l0"]
        i, f, g, o = a.chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        cell = f * c + i * g
        kept.append((x, h, c, i, f, g, o, cell))
        x = o * cell.tanh()
        after.append((x, cell))
    return kept, after, x


def backward(w, grads, kept, d_outputs):
    """Through the kept steps, newest first; d_outputs has the gradient of the top layer's output at each."""
    d_states = [(torch.zeros_like(k[1]), torch.zeros_like(k[2])) for k in kept[0]]
    for step in reversed(range(len(kept))):
        d_y = d_outputs[step]
        for index in reversed(range(len(WIDTHS))):
            x, h, c, i, f, g, o, cell = kept[step][index]
            dh, dc = d_states[index]
            dh = dh + d_y
            dc = dc + dh * o * (1 - cell.tanh() ** 2)
            da = torch.cat([dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g ** 2), dh * cell.tanh() * o * (1 - o)], 1)
            grads[f"{index}.weight_ih_l0"] += da.T @ x
            grads[f"{index}.weight_hh_l0"] += da.T @ h
            grads[f"{index}.bias_ih_l0"] += da.sum(0)
            grads[f"{index}.bias_hh_l0"] += da.sum(0)
            d_y = da @ w[f"{index}.weight_ih_l0"]
            d_states[index] = (da @ w[f"{index}.weight_hh_l0"], dc * f)


def window(w, kept, states, first, inputs, targets):
    """A window forward and its loss back; returns gradients, loss and the state after it. Its steps are added to those kept."""
    grads = {name: torch.zeros_like(value) for name, value in w.items()}
    loss, d_outputs = 0, []
    for t in range(first, first + STEPS):
        step, states, y = forward(w, inputs[t], states)
        kept.append(step)
        error = y @ w["2.weight"].T + w["2.bias"] - targets[t]
        loss = loss + (error ** 2).sum()
        d_error = 2 * error / (STEPS * BATCH * OUTPUT)
        grads["2.weight"] += d_error.T @ y
        grads["2.bias"] += d_error.sum(0)
        d_outputs.append(d_error @ w["2.weight"])
    del kept[:-BACK]
    backward(w, grads, kept, [torch.zeros_like(d_outputs[0])] * (len(kept) - STEPS) + d_outputs)
    return grads, loss / (STEPS * BATCH * OUTPUT), states


def train(dtype, rate):
    w = {name: GIVEN[name].to(dtype) for name, _ in shapes()}
    inputs, targets = GIVEN["inputs"].to(dtype), GIVEN["targets"].to(dtype)
    states = [(torch.zeros(BATCH, hidden, dtype=dtype),) * 2 for _, hidden in WIDTHS]
    kept, losses = [], []
    for first in range(0, WINDOWS * STEPS, STEPS):
        grads, loss, states = window(w, kept, states, first, inputs, targets)
        losses.append(loss)
        w = {name: value - rate * grads[name] for name, value in w.items()}
    return torch.stack(losses), w, grads


def check_with_autograd():
    """With weights that stay: autograd on the last BACK steps from the state before them."""
    w = {name: GIVEN[name].double().requires_grad_() for name, _ in shapes()}
    layers = [nn.LSTM(*widths).double() for widths in WIDTHS]
    for index, layer in enumerate(layers):
        layer.load_state_dict({name.partition(".")[2]: value.detach() for name, value in w.items() if name.startswith(f"{index}.")})
    head = nn.Linear(HIDDEN[1], OUTPUT).double()
    head.load_state_dict({name: w[f"2.{name}"].detach() for name in ("weight", "bias")})
    x = GIVEN["inputs"].double()
    early, late = x[:-BACK], x[-BACK:]
    for layer in layers:
        with torch.no_grad():
            early, state = layer(early)
        late, _ = layer(late, state)
    ((head(late[-STEPS:]) - GIVEN["targets"].double()[-STEPS:]) ** 2).mean().backward()
    _, _, grads = train(torch.float64, 0.0)
    for index, module in enumerate([*layers, head]):
        for name, parameter in module.named_parameters():
            assert torch.allclose(parameter.grad, grads[f"{index}.{name}"], rtol=0, atol=1e-14), name


def results(dtype):
    losses, w, grads = train(dtype, RATE)
    return {"losses": losses, **{f"gradient.{name}": value for name, value in grads.items()}, **w}


if __name__ == "__main__":
    torch.set_num_threads(1)
    check_with_autograd()
    expected, errors = with_errors(results)
    write("tbptt.json", {
        "versions": versions(),
        "sizes": {"steps": STEPS, "back": BACK, "batch": BATCH, "input": INPUT, "hidden0": HIDDEN[0], "hidden1": HIDDEN[1], "output": OUTPUT,
                  "windows": WINDOWS},
        "constants": {"rate": RATE},
        "given": {name: tensor(values) for name, values in GIVEN.items()}, "expected": expected, "float_error": errors,
    })
