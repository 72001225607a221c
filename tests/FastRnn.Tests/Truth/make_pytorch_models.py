"""Writes pytorch_models.zip: state_dicts as safetensors, made by PyTorch (1.13 when it was written last), and what the modules compute in float64.

/usr/bin/python3 make_pytorch_models.py
"""
import io
import json
import struct
import zipfile

import numpy
import torch
from torch import nn

CODES = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16"}


def safetensors(state):
    """As the format's own writer: wide elements first, then by name."""
    entries, data, at = {}, [], 0
    for name, tensor in sorted(state.items(), key=lambda item: (-item[1].element_size(), item[0])):
        tensor = tensor.detach().contiguous()
        raw = (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy().tobytes()
        entries[name] = {"dtype": CODES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + len(raw)]}
        data.append(raw)
        at += len(raw)
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + b"".join(data)


class Tagger(nn.Module):
    """Modules one after the other, under names."""

    def __init__(self, parts, after=None):
        super().__init__()
        for name, part in parts:
            owner = self
            for step in name.split(".")[:-1]:
                if not hasattr(owner, step):
                    owner.add_module(step, nn.Module())
                owner = getattr(owner, step)
            owner.add_module(name.split(".")[-1], part)
        self.parts = [part for _, part in parts]
        self.after = after or {}

    def forward(self, x):
        for i, part in enumerate(self.parts):
            x = part(x)[0] if isinstance(part, nn.RNNBase) else part(x)
            if i in self.after:
                x = self.after[i](x)
        return x


def recurrent(cell, inputs, hidden, layers, directions, bias, projection=0):
    kind = {"lstm": nn.LSTM, "gru": nn.GRU, "tanh": nn.RNN, "relu": nn.RNN}[cell]
    more = {"nonlinearity": cell} if kind is nn.RNN else {"proj_size": projection} if projection else {}
    return kind(inputs, hidden, num_layers=layers, bidirectional=directions == 2, bias=bias, **more)


cases, archive = [], zipfile.ZipFile("pytorch_models.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9)


def add(name, model, width, vocabulary=0, dtype=torch.float32, sidecar=None, **options):
    generator = numpy.random.default_rng(len(cases) + 1)
    with torch.no_grad():
        for parameter in model.parameters():  # few bits, so that they pack well and F16 and BF16 hold them; all kinds of signs and sizes
            bits = 127 if dtype == torch.bfloat16 else 1023
            parameter.copy_(torch.tensor(generator.integers(-bits, bits + 1, tuple(parameter.shape)) / (1.6 * bits)).to(dtype).float())
    state = {key: value.to(dtype) for key, value in model.state_dict().items()}
    steps, batch = 5, 3
    shape = (steps, batch) if vocabulary else (steps, batch, width)
    x = generator.integers(0, vocabulary, shape) if vocabulary else generator.integers(-999, 1000, shape) / 500
    y = model.double()(torch.tensor(x if vocabulary else x.astype(numpy.float32).astype(numpy.float64)))
    y = y[0] if isinstance(y, tuple) else y
    archive.writestr(zipfile.ZipInfo(f"{name}.safetensors"), safetensors(state), zipfile.ZIP_DEFLATED)
    if sidecar:
        archive.writestr(zipfile.ZipInfo(f"{name}.safetensors.json"), json.dumps(sidecar), zipfile.ZIP_DEFLATED)
    cases.append({"name": name, "steps": steps, "batch": batch, "tokens": bool(vocabulary), "options": options,
                  "x": x.flatten().tolist(), "y": [float(f"{value:.9g}") for value in y.flatten().tolist()]})


names = [("lstm", "fc"), ("0", "1"), ("net.rnn", "net.out"), ("rec", "lin"), ("encoder", "decoder")]
count = 0
for cell in ("lstm", "gru", "tanh", "relu"):
    extra = {"activation": cell} if cell in ("tanh", "relu") else {}
    for layers in (1, 2):
        for directions in (1, 2):
            for bias in (True, False):
                count += 1
                hidden = 11 if layers == 1 else 5
                stack = recurrent(cell, 7, hidden, layers, directions, bias)
                first, second = names[count % len(names)]
                parts = [(first, stack)] if count % 4 == 3 else [(first, stack), (second, nn.Linear(hidden * directions, 4, bias=count % 3 > 0))]
                add(f"{cell}-{layers}-{directions}-{'bias' if bias else 'plain'}", Tagger(parts), 7, **extra)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        add(f"{cell}-{CODES[dtype]}", Tagger([("rnn", recurrent(cell, 7, 6, 1, 1, True)), ("head", nn.Linear(6, 3))]), 7, dtype=dtype, **extra)
    add(f"{cell}-alone", recurrent(cell, 4, 6, 2, 1, True), 4, **extra)
    add(f"{cell}-embedded", Tagger([("embed", nn.Embedding(13, 7)), ("rnn", recurrent(cell, 7, 6, 1, 1, True)), ("out", nn.Linear(6, 13))]), 7, vocabulary=13, **extra)
    add(f"{cell}-two-modules", Tagger([(f"{cell}1", recurrent(cell, 3, 6, 1, 1, True)), (f"{cell}2", recurrent(cell, 6, 6, 2, 1, False)), ("fc", nn.Linear(6, 2))]), 3, **extra)
    add(f"{cell}-squashed", Tagger([("rnn", recurrent(cell, 3, 6, 1, 1, True)), ("fc", nn.Linear(6, 2))], {1: nn.Sigmoid()}), 3, output="sigmoid", **extra)
    add(f"{cell}-normed", Tagger([("rnn", recurrent(cell, 3, 6, 1, 1, True)), ("norm", nn.LayerNorm(6)), ("fc", nn.Linear(6, 2))]), 3, **extra)
    words = [{"type": "linear", "input": 6, "output": 6}, {"type": "activation", "activation": "relu"},
             {"type": "rnn", "input": 6, "hidden": 6, "activation": cell} if extra else {"type": cell, "input": 6, "hidden": 6}, {"type": "linear", "input": 6, "output": 6}]
    add(f"{cell}-sidecar", Tagger([("inner", nn.Linear(6, 6)), ("a_rnn", recurrent(cell, 6, 6, 1, 1, True)), ("b_out", nn.Linear(6, 6))], {0: nn.ReLU()}), 6,
        sidecar={"modules": ["inner", "a_rnn", "b_out"], "layers": words})
for layers in (1, 2):
    for directions in (1, 2):
        add(f"projected-{layers}-{directions}", Tagger([("lstm", recurrent("lstm", 7, 6, layers, directions, True, 4)), ("fc", nn.Linear(4 * directions, 3))]), 7)

archive.writestr(zipfile.ZipInfo("cases.json"), json.dumps({"torch": torch.__version__, "cases": cases}, separators=(",", ":")), zipfile.ZIP_DEFLATED)
archive.close()
print(len(cases), "models")
