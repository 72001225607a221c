"""Writes audio_models.zip: models in the JSON formats of audio programs, and what they mean, computed in float64 from the formats' equations alone.

RTNeural's layers are Keras's: kernels [input, gates·units], gates i f c o and z r h, the reset after the product with a bias of its own. State_dicts are PyTorch's:
[gates·units, input], gates i f g o and r z n. Neural Amp Modeler: [gates·units, input + units] with gates i f g o, one bias, initial h and c. With --nam FILE it runs a
genuine .nam over a sweep and writes boss_lstm.json.

/usr/bin/python3 make_audio_models.py [--nam FILE.nam]
"""
import json
import sys
import zipfile

import numpy as np

STEPS, BATCH = 7, 2


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


FUNCTIONS = {"tanh": np.tanh, "relu": lambda x: np.maximum(x, 0), "sigmoid": sigmoid, "": lambda x: x, "softplus": lambda x: np.log1p(np.exp(x)), "silu": lambda x: x * sigmoid(x), "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1), "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)}


def lstm(x, w, r, b, h=None, c=None):
    """Gates i f g o by rows of w [4H, I] and r [4H, H]; x [T, B, I]."""
    units, out = r.shape[1], []
    h = np.zeros((x.shape[1], units)) + (0 if h is None else h)
    c = np.zeros((x.shape[1], units)) + (0 if c is None else c)
    for step in x:
        i, f, g, o = np.split(step @ w.T + h @ r.T + b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return np.array(out)


def gru(x, w, r, bw, br):
    """Gates r z n by rows."""
    h, out = np.zeros((x.shape[1], r.shape[1])), []
    for step in x:
        (ar, az, an), (hr, hz, hn) = np.split(step @ w.T + bw, 3, axis=1), np.split(h @ r.T + br, 3, axis=1)
        reset, z = sigmoid(ar + hr), sigmoid(az + hz)
        h = z * h + (1 - z) * np.tanh(an + reset * hn)
        out.append(h)
    return np.array(out)


def rnn(x, w, r, b):
    h, out = np.zeros((x.shape[1], r.shape[1])), []
    for step in x:
        h = np.tanh(step @ w.T + h @ r.T + b)
        out.append(h)
    return np.array(out)


def swap(rows, order):
    """Blocks of rows in another order."""
    blocks = np.split(rows, len(order))
    return np.concatenate([blocks[i] for i in order])


cases, archive = [], None
random = np.random.default_rng(7)


def draw(*shape):
    return np.float32(random.integers(-1023, 1024, shape) / 1500).astype(np.float64)


def add(name, model, width, compute, **more):
    x = np.float32(random.integers(-999, 1000, (STEPS, BATCH, width)) / 700).astype(np.float64)
    y = compute(x)
    archive.writestr(zipfile.ZipInfo(name), json.dumps(model), zipfile.ZIP_DEFLATED)
    cases.append({"name": name, "steps": STEPS, "batch": BATCH, "x": x.flatten().tolist(), "y": [float(f"{v:.10g}") for v in y.flatten()], **more})


def rtneural_layer(kind, width, units, activation=""):
    """A layer of the file, and its function."""
    shape = [None, None, units]
    layer = {"type": kind, "activation": activation, "shape": shape, "weights": []}
    if kind == "activation":
        return layer, FUNCTIONS[activation]
    if kind in ("dense", "time-distributed-dense"):
        w, b = draw(width, units), draw(units)
        layer["weights"] = [w.tolist(), b.tolist()]
        return layer, lambda x: FUNCTIONS[activation](x @ w + b)
    layer["activation"] = "tanh"
    if kind == "lstm":
        w, r, b = draw(width, 4 * units), draw(units, 4 * units), draw(4 * units)
        layer["weights"] = [w.tolist(), r.tolist(), b.tolist()]
        return layer, lambda x: lstm(x, w.T, r.T, b)
    w, r, b = draw(width, 3 * units), draw(units, 3 * units), draw(2, 3 * units)
    layer["weights"] = [w.tolist(), r.tolist(), b.tolist()]
    order = (1, 0, 2)  # z r h as r z n
    return layer, lambda x: gru(x, swap(w.T, order), swap(r.T, order), swap(b[0], order), swap(b[1], order))


def rtneural(name, width, layers, skip=False, **fields):
    entries, functions, units = [], [], width
    for kind, size, activation in layers:
        entry, function = rtneural_layer(kind, units, size, activation)
        entries.append(entry)
        functions.append(function)
        units = size

    def compute(x):
        y = x
        for function in functions:
            y = function(y)
        return y + x[:, :, :1] if skip else y

    model = {"in_shape": [None, None, width], **({"in_skip": 1} if skip else {}), **fields, "layers": entries}
    add(name, model, width, compute, metadata={key: str(value) for key, value in fields.items() if not isinstance(value, dict)})


def state_dict(prefix, cell, width, units, layers, biases=True):
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[cell]
    state, functions = {}, []
    for k in range(layers):
        w, r, bi, bh = draw(gates * units, units if k else width), draw(gates * units, units), draw(gates * units), draw(gates * units)
        for name, value in (("weight_ih", w), ("weight_hh", r), ("bias_ih", bi), ("bias_hh", bh)):
            if biases or "weight" in name:
                state[f"{prefix}{name}_l{k}"] = value.tolist()
        if not biases:
            bi, bh = bi * 0, bh * 0
        functions.append({"lstm": lambda x, w=w, r=r, a=bi, b=bh: lstm(x, w, r, a + b), "gru": lambda x, w=w, r=r, a=bi, b=bh: gru(x, w, r, a, b),
                          "rnn": lambda x, w=w, r=r, a=bi, b=bh: rnn(x, w, r, a + b)}[cell])
    return state, functions


def torch_file(name, width, modules, outputs, bias=True, skip=0, said=None, order=None, **fields):
    state, functions, units = {}, [], width
    for prefix, cell, size, layers, biases in modules:
        part, more = state_dict(prefix, cell, units, size, layers, biases)
        state.update(part)
        functions += more
        units = size
    head = "lin." if said else "dense."
    w, b = draw(outputs, units), draw(outputs)
    state[head + "weight"] = w.tolist()
    if bias:
        state[head + "bias"] = b.tolist()
    if order:
        state = {key: state[key] for key in sorted(state)}

    def compute(x):
        y = x
        for function in functions:
            y = function(y)
        y = y @ w.T + (b if bias else 0)
        return y + x[:, :, :skip] if skip else y

    model = {"model_data": {**said, "skip": skip, "bias_fl": bias}, "state_dict": state, **fields} if said else {**state, **fields}
    add(name, model, width, compute)


def nam(name, width, units, layers, outputs=1, version="0.5.4", **fields):
    weights, parts = [], []
    for k in range(layers):
        size = units if k else width
        w, b, h, c = draw(4 * units, size + units), draw(4 * units), draw(units), draw(units) * 3
        weights += [*w.flatten(), *b, *h, *c]
        parts.append((w[:, :size], w[:, size:], b, h, c))
    w, b = draw(outputs, units), draw(outputs)
    weights += [*w.flatten(), *b]

    def compute(x):
        for part in parts:
            x = lstm(x, *part)
        return x @ w.T + b

    config = {"input_size": width, "hidden_size": units, "num_layers": layers, **({"in_channels": width, "out_channels": outputs} if outputs > 1 else {})}
    add(name, {"version": version, "metadata": {"loudness": -17.25, "gain": 0.5}, "architecture": "LSTM", "config": config, "weights": weights, **fields}, width, compute)


def genuine(path):
    """One LSTM layer and its head, run over a sweep that grows."""
    model = json.load(open(path))
    units, weights = model["config"]["hidden_size"], np.array(model["weights"])
    w, at = weights[:4 * units * (1 + units)].reshape(4 * units, 1 + units), 4 * units * (1 + units)
    b, h, c, head, bias = np.split(weights[at:], [4 * units, 5 * units, 6 * units, 7 * units])
    x = np.float32([np.sin(0.0007 * t * t) * t / 400 for t in range(400)]).astype(np.float64)
    y = lstm(x.reshape(-1, 1, 1), w[:, :1], w[:, 1:], b, h, c)[:, 0] @ head + bias[0]
    with open("boss_lstm.json", "w") as file:
        json.dump({"x": x.tolist(), "y": [float(f"{v:.12g}") for v in y]}, file)


if "--nam" in sys.argv:
    genuine(sys.argv[sys.argv.index("--nam") + 1])
archive = zipfile.ZipFile("audio_models.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9)
for cell in ("lstm", "gru"):
    for width, units in ((1, 11), (7, 5), (3, 16)):
        rtneural(f"rt-{cell}-{width}-{units}.json", width, [(cell, units, ""), ("dense", 1, "")])
        rtneural(f"rt-{cell}-tdd-{width}-{units}.json", width, [("time-distributed-dense", 6, "tanh"), (cell, units, ""), ("dense", 3, "sigmoid")])
    for activation in ("tanh", "relu", "sigmoid", "elu", "softmax"):
        rtneural(f"rt-{cell}-then-{activation}.json", 2, [(cell, 6, ""), ("dense", 4, activation), ("dense", 2, "")])
        rtneural(f"rt-{cell}-{activation}-layer.json", 2, [("dense", 5, ""), ("activation", 5, activation), (cell, 6, ""), ("activation", 6, activation)])
    rtneural(f"rt-{cell}-stack.json", 1, [(cell, 6, ""), (cell, 5, ""), ("dense", 1, "")], samplerate=48000, author="somebody")
    rtneural(f"rt-{cell}-square.json", 6, [(cell, 6, ""), ("dense", 6, "")])
    for layers in (1, 2):
        sizes = [(cell, 8 - k, "") for k in range(layers)]
        rtneural(f"aida-{cell}-{layers}.json", 1, [*sizes, ("dense", 1, "")], skip=True, in_gain=-3.5, out_gain=6, samplerate=48000, metadata={"name": "amp", "gear": {"make": "x"}})
    rtneural(f"aida-{cell}-dense.json", 1, [("dense", 3, ""), (cell, 8, ""), ("dense", 1, "")], skip=True, input_gain=1.5, output_gain=-2)
for cell in ("lstm", "gru", "rnn"):
    for layers in (1, 2):
        for skip in (0, 1):
            said = {"model": "SimpleRNN", "input_size": 1, "output_size": 1, "unit_type": cell.upper(), "num_layers": layers, "hidden_size": 9}
            torch_file(f"guitarml-{cell}-{layers}-{skip}.json", 1, [("rec.", cell, 9, layers, True)], 1, bias=layers + skip != 2, skip=skip, said=said, order=skip)
    said = {"model": "SimpleRNN", "input_size": 3, "output_size": 2, "unit_type": cell.upper(), "num_layers": 1, "hidden_size": 6, "knobs": 2}
    torch_file(f"guitarml-{cell}-knobs.json", 3, [("rec.", cell, 6, 1, True)], 2, skip=1, said=said, samplerate=44100)
    torch_file(f"guitarml-{cell}-wide.json", 3, [("rec.", cell, 6, 1, True)], 2, skip=2, said=said)
for cell in ("lstm", "gru"):
    torch_file(f"torch-{cell}.json", 3, [(f"{cell}.", cell, 7, 1, True)], 2)
    torch_file(f"torch-{cell}-two.json", 1, [(f"{cell}.", cell, 5, 1, True), (f"{cell}2.", cell, 5, 3, True)], 1, samplerate=96000)
    torch_file(f"torch-{cell}-plain.json", 2, [("rec1.", cell, 6, 1, False), ("rec2.", cell, 4, 1, True)], 3, bias=False)
for layers in (1, 2, 3):
    for width, units in ((1, 16), (1, 3), (2, 9)):
        nam(f"lstm-{layers}x{units}-{width}.nam", width, units, layers, sample_rate=48000)
nam("lstm-outputs.nam", 2, 8, 2, outputs=3, version="0.7.0")
nam("lstm-old.nam", 1, 8, 1, version="0.5.0")
archive.writestr(zipfile.ZipInfo("cases.json"), json.dumps({"numpy": np.__version__, "cases": cases}, separators=(",", ":")), zipfile.ZIP_DEFLATED)
archive.close()
print(len(cases), "models")
