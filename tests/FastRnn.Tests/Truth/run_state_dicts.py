"""Loads safetensors files that FastRnn has written into PyTorch modules, strictly, and runs them.

run_state_dicts.py JOBS.json: [{"file": …, "modules": [[name, kind, sizes…]], "steps": T, "batch": N, "x": […]}]; writes one JSON list of outputs a job.
A module called "" is the file's torch.nn.Sequential.
"""
import json
import struct
import sys

import torch
from torch import nn


def read(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    return {name: torch.frombuffer(bytearray(data[8 + size + entry["data_offsets"][0]:8 + size + entry["data_offsets"][1]]), dtype=torch.float32).reshape(entry["shape"])
            for name, entry in header.items() if entry["dtype"] == "F32"}


def make(kind, sizes):
    if kind == "linear":
        return nn.Linear(*sizes)
    if kind == "embedding":
        return nn.Embedding(*sizes)
    inputs, hidden, layers, directions, projection = sizes
    cell = {"lstm": nn.LSTM, "gru": nn.GRU, "tanh": nn.RNN, "relu": nn.RNN}[kind]
    more = {"nonlinearity": kind} if cell is nn.RNN else {"proj_size": projection} if projection else {}
    return cell(inputs, hidden, num_layers=layers, bidirectional=directions == 2, **more)


results = []
for job in json.load(open(sys.argv[1])):
    parts = [(name, make(kind, sizes)) for name, kind, *sizes in job["modules"]]
    model = nn.Sequential(*[part for _, part in parts]) if parts[0][0] == "" else nn.Module()
    if parts[0][0]:
        for name, part in parts:
            setattr(model, name, part)
    model.load_state_dict(read(job["file"]), strict=True)
    model.double()
    shape = (job["steps"], job["batch"])
    x = torch.tensor(job["x"], dtype=torch.float64).reshape(*shape, -1)
    if isinstance(parts[0][1], nn.Embedding):
        x = x[:, :, 0].long()
    for _, part in parts:
        x = part(x)[0] if isinstance(part, nn.RNNBase) else part(x)
    results.append(x.flatten().tolist())
print(json.dumps(results))
