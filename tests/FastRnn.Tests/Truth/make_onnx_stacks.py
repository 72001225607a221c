"""Writes onnx_stacks.zip: models as PyTorch exports them to ONNX, each with an input and what PyTorch computes from it in double precision.

Made with PyTorch 1.13.0 (Debian 12). Weights are multiples of 1/128, so that they are exact and pack well. For every model NAME the archive has NAME.onnx, and
NAME.json with the input x and the output y as nested lists, whether only the last step is given, and whether the file is meant to be a stack of layers.
"""
import io
import json
import os
import warnings
import zipfile

import torch
from torch import nn

warnings.filterwarnings("ignore")
T, N, I, H, O, V = 5, 3, 7, 11, 4, 13
KINDS = {"lstm": nn.LSTM, "gru": nn.GRU, "tanh": nn.RNN, "relu": nn.RNN}


class Stack(nn.Module):
    """Embedding or none, recurrent layers, a head."""

    def __init__(self, kind, layers, both, first, head, states, tokens):
        super().__init__()
        more = {"nonlinearity": kind} if kind in ("tanh", "relu") else {}
        self.embedding = nn.Embedding(V, I) if tokens else nn.Identity()
        self.recurrent = KINDS[kind](I, H, layers, bidirectional=both, batch_first=first, dropout=0.2 if layers > 1 else 0.0, **more)
        self.kind, self.head, self.states, self.first = kind, head, states, first
        self.both = both
        width = H * (2 if both else 1)
        self.dense = nn.Linear(width, 9 if head == "deep" else O)
        self.second = nn.Linear(9, O)
        self.norm = nn.LayerNorm(width, eps=1e-3)

    def forward(self, x, h=None, c=None):
        x = self.embedding(x)
        state = None if h is None else ((h, c) if self.kind == "lstm" else h)
        y, final = self.recurrent(x, state)
        hidden = final[0] if self.kind == "lstm" else final
        if self.head == "last":
            y = self.dense(y[:, -1] if self.first else y[-1])
        elif self.head == "hidden":
            y = self.dense(torch.cat([hidden[-2], hidden[-1]], 1) if self.both else hidden[-1])
        elif self.head == "dense":
            y = self.dense(y)
        elif self.head == "deep":
            y = torch.sigmoid(self.second(torch.relu(self.dense(y))))
        elif self.head == "classes":
            y = torch.log_softmax(self.dense(y), -1)
        elif self.head == "softmax":
            y = torch.softmax(self.dense(torch.tanh(y)), -1)
        elif self.head == "norm":
            y = self.dense(self.norm(y))
        return (y, *final) if self.states and self.kind == "lstm" else (y, final) if self.states else y


def cases():
    """Every kind and direction meets every head; what else there is goes round."""
    opsets, number = [9, 10, 11, 12, 13, 14, 15, 16], 0
    for kind in KINDS:
        for both in (False, True):
            for head in ("none", "dense", "last", "hidden", "deep", "classes", "softmax", "norm"):
                layers, first, dynamic = 1 + number % 2, number // 2 % 2 == 1, number // 3 % 2 == 1
                states, tokens = number % 5 == 4 and head != "hidden", number % 3 == 2
                yield f"{kind}{'_both' if both else ''}_{head}", (kind, layers, both, first, head, states, tokens), dynamic, opsets[number % 8]
                number += 1
            number += 1


def rounded(module):
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.round(p * 128) / 128)


def write(archive, name, data):
    archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED, 9)


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "onnx_stacks.zip")
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, options, dynamic, opset) in enumerate(cases()):
            kind, layers, both, first, head, states, tokens = options
            torch.manual_seed(number)
            model = Stack(*options).eval()
            rounded(model)
            sizes = (N, T) if first else (T, N)
            x = torch.randint(0, V, sizes) if tokens else torch.round(torch.randn(*sizes, I) * 64) / 64
            arguments, names = [x], ["x"]
            if states:
                count = layers * (2 if both else 1)
                for state in ("h0", "c0")[: 2 if kind == "lstm" else 1]:
                    arguments.append(torch.zeros(count, N, H))
                    names.append(state)
            outputs = ["y", "hn", "cn"][: (3 if kind == "lstm" else 2) if states else 1]
            axes = None
            if dynamic:
                axes = {"x": {0: "batch" if first else "time", 1: "time" if first else "batch"}, **{state: {1: "batch"} for state in names[1:]}}
            file = io.BytesIO()
            torch.onnx.export(model, tuple(arguments), file, opset_version=opset, input_names=names, output_names=outputs, dynamic_axes=axes)
            write(archive, f"{name}.onnx", file.getvalue())
            model.double()
            with torch.no_grad():
                y = model(*[argument if argument.dtype == torch.int64 else argument.double() for argument in arguments])
            y = y[0] if states else y
            facts = {"x": x.tolist(), "y": y.tolist(), "batch_first": first, "last": head in ("last", "hidden"), "states": states}
            write(archive, f"{name}.json", json.dumps(facts))
    print(os.path.getsize(path), "bytes")


main()
