"""Keras's layers in float64, written from their equations in Keras's own array layout; nothing here knows FastRnn's.

A layer is a class name, a configuration and arrays; `run` maps [N, T, F] (or tokens [N, T]) to [N, T, H] or [N, H], as Keras does.
"""
import math

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


FUNCTIONS = {
    "linear": lambda x: x,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": lambda x: np.maximum(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "softplus": lambda x: np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: 1.05070098735548 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
    "exponential": np.exp,
    "silu": lambda x: x * sigmoid(x),
    "gelu": lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x >= 0, x, 0.2 * x),
    "softmax": lambda x: np.exp(x - x.max(-1, keepdims=True)) / np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True),
    "hard_sigmoid 2": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "hard_sigmoid 3": lambda x: np.clip(x / 6 + 0.5, 0, 1),
}
FUNCTIONS["swish"] = FUNCTIONS["silu"]


def function(name, major):
    return FUNCTIONS[f"hard_sigmoid {3 if major >= 3 else 2}" if name == "hard_sigmoid" else name or "linear"]


def step_lstm(x, state, arrays, act, gate):
    h, c = state
    kernel, recurrent, bias = arrays
    z = x @ kernel + h @ recurrent + bias
    i, f, g, o = np.split(z, 4, axis=-1)
    c = gate(f) * c + gate(i) * act(g)
    return gate(o) * act(c), (gate(o) * act(c), c)


def step_gru(x, state, arrays, act, gate, reset_after):
    h = state[0]
    kernel, recurrent, bias = arrays
    units = h.shape[-1]
    input_bias, state_bias = bias if reset_after else (bias, np.zeros_like(bias))
    xz, xr, xh = np.split(x @ kernel + input_bias, 3, axis=-1)
    rz, rr, rh = np.split(recurrent, 3, axis=-1)
    bz, br, bh = np.split(state_bias, 3, axis=-1)
    z = gate(xz + h @ rz + bz)
    r = gate(xr + h @ rr + br)
    n = act(xh + r * (h @ rh + bh)) if reset_after else act(xh + (r * h) @ rh)
    assert n.shape[-1] == units
    h = z * h + (1 - z) * n
    return h, (h,)


def step_rnn(x, state, arrays, act):
    h = act(x @ arrays[0] + state[0] @ arrays[1] + arrays[2])
    return h, (h,)


def recurrent(x, cell, config, arrays, major, backwards=None):
    """Keras's loop: `go_backwards` turns the input round and leaves the output in the order of reading."""
    arrays = [np.asarray(a, np.float64) for a in arrays]
    units = arrays[1].shape[0]
    reset_after = bool(config.get("reset_after"))
    if len(arrays) == 2:
        columns = arrays[0].shape[1]
        arrays.append(np.zeros((2, columns) if cell == "GRU" and reset_after else columns))
    act, gate = function(config.get("activation", "tanh"), major), function(config.get("recurrent_activation", "sigmoid"), major)
    if config.get("go_backwards") if backwards is None else backwards:
        x = x[:, ::-1]
    state, out = (np.zeros((x.shape[0], units)),) * 2, []
    for t in range(x.shape[1]):
        if cell == "LSTM":
            y, state = step_lstm(x[:, t], state, arrays, act, gate)
        elif cell == "GRU":
            y, state = step_gru(x[:, t], state, arrays, act, gate, reset_after)
        else:
            y, state = step_rnn(x[:, t], state, arrays, act)
        out.append(y)
    return np.stack(out, axis=1) if config.get("return_sequences") else out[-1]


def run(layers, x, major):
    for kind, config, arrays in layers:
        arrays = [np.asarray(a, np.float64) for a in arrays]
        if kind in ("LSTM", "GRU", "SimpleRNN"):
            x = recurrent(x, kind, config, arrays, major)
        elif kind == "Bidirectional":
            inner, half = config["layer"], len(arrays) // 2
            f = recurrent(x, inner["class_name"], inner["config"], arrays[:half], major)
            b = recurrent(x, inner["class_name"], inner["config"], arrays[half:], major, backwards=True)
            b = b[:, ::-1] if inner["config"].get("return_sequences") else b
            x = {"concat": np.concatenate([f, b], -1), "sum": f + b, "ave": (f + b) / 2, "mul": f * b}[config.get("merge_mode", "concat")]
        elif kind in ("Dense", "TimeDistributedDense"):
            x = function(config.get("activation"), major)(x @ arrays[0] + (arrays[1] if len(arrays) > 1 else 0))
        elif kind == "TimeDistributed":
            x = function(config["layer"]["config"].get("activation"), major)(x @ arrays[0] + (arrays[1] if len(arrays) > 1 else 0))
        elif kind == "Embedding":
            x = arrays[0][x]
        elif kind == "Activation":
            x = function(config["activation"], major)(x)
        elif kind == "LeakyReLU":
            x = np.where(x >= 0, x, config.get("alpha", config.get("negative_slope", 0.3)) * x)
        elif kind == "ReLU":
            x = np.clip(x, 0, config["max_value"]) if config.get("max_value") else np.where(x >= 0, x, (config.get("negative_slope") or 0) * x)
        elif kind == "ELU":
            x = np.where(x > 0, x, config.get("alpha", 1.0) * np.expm1(np.minimum(x, 0)))
        elif kind == "Softmax":
            x = FUNCTIONS["softmax"](x)
        elif kind == "LayerNormalization":
            mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
            x = (x - mean) / np.sqrt(var + config.get("epsilon", 1e-3))
            rest = list(arrays)
            x = x * rest.pop(0) if config.get("scale", True) else x
            x = x + rest.pop(0) if config.get("center", True) else x
        elif kind not in ("Dropout", "SpatialDropout1D", "GaussianNoise", "InputLayer"):
            raise ValueError(kind)
    return x
