#!/usr/bin/env python3
"""The PyTorch peer of `fastrnn train --task char-lm`: the same model, data order, loss and update on the CPU.

Embedding -> nn.LSTM -> Linear, cross-entropy in nats, Adam, global-norm clipping, truncated back-propagation through time with carried
state. The text is cut as FastRnn's TextDataset cuts it: the last part is for validation; S = (length - 1) // batch characters in each of
`batch` streams, in windows of `time_steps`, the last one shorter; states start from zero in every epoch and for validation.

Prints one JSON object a line on stdout: first the versions, then one for each epoch.
tokens_per_second counts training only, not validation.

    python3 bench/peers/train_char_lm.py --data tests/data/tiny-shakespeare.txt --epochs 10 --seed 1
"""
import argparse
import ctypes
import glob
import json
import os
import platform
import sys
import time


def parse_arguments():
    parser = argparse.ArgumentParser(description="PyTorch peer of fastrnn train --task char-lm")
    parser.add_argument("--data", required=True, help="UTF-8 text file")
    parser.add_argument("--embedding", type=int, default=64)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--time-steps", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--clip-norm", type=float, default=5.0)
    parser.add_argument("--validation-split", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--max-steps", type=int, default=0, help="stop an epoch after so many windows and skip validation; 0: never")
    return parser.parse_args()


arguments = parse_arguments()
# The BLAS and OpenMP libraries read this when they are loaded, which is when torch is imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(arguments.threads)

import torch  # noqa: E402
from torch import nn  # noqa: E402


def blas_version():
    """OpenBLAS's own description, with the kernels it has chosen for this CPU; without OpenBLAS what PyTorch says about its build."""
    for path in glob.glob("/usr/lib/*/libopenblas.so.0"):
        library = ctypes.CDLL(path)
        library.openblas_get_config.restype = ctypes.c_char_p
        library.openblas_get_corename.restype = ctypes.c_char_p
        return f"{library.openblas_get_config().decode().strip()}; kernels {library.openblas_get_corename().decode()}"
    return next((line.strip(" -") for line in torch.__config__.show().splitlines() if "BLAS_INFO" in line), "unknown")


class Model(nn.Module):
    def __init__(self, vocabulary, a):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, a.embedding)
        self.lstm = nn.LSTM(a.embedding, a.hidden, num_layers=a.layers)
        self.head = nn.Linear(a.hidden, vocabulary)

    def forward(self, tokens, state):
        output, state = self.lstm(self.embedding(tokens), state)
        return self.head(output), state


def load(a):
    """Tokens for training and validation, and the number of symbols: the characters that occur, sorted by code point."""
    with open(a.data, encoding="utf-8", newline="") as file:
        text = file.read()
    symbols = sorted(set(text))
    token = {symbol: i for i, symbol in enumerate(symbols)}
    tokens = torch.tensor([token[symbol] for symbol in text], dtype=torch.long)
    train = int(len(tokens) * (1 - a.validation_split))
    return tokens[:train], tokens[train:], len(symbols)


def windows(tokens, a):
    """Inputs and targets [T, B] of every window, contiguous as FastRnn's are."""
    length = (len(tokens) - 1) // a.batch
    inputs = tokens[: length * a.batch].view(a.batch, length).t()
    targets = tokens[1 : length * a.batch + 1].view(a.batch, length).t()
    return [
        (inputs[t : t + a.time_steps].contiguous(), targets[t : t + a.time_steps].contiguous())
        for t in range(0, length, a.time_steps)
    ]


def train_epoch(model, optimizer, chunks, a):
    """One pass; mean loss a token and tokens seen."""
    state, total, count = None, 0.0, 0
    for inputs, targets in chunks[: a.max_steps or None]:
        optimizer.zero_grad()
        logits, state = model(inputs, state)
        state = tuple(s.detach() for s in state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        if a.clip_norm > 0:
            nn.utils.clip_grad_norm_(model.parameters(), a.clip_norm)
        optimizer.step()
        total += loss.item() * targets.numel()
        count += targets.numel()
    return total / count, count


@torch.no_grad()
def evaluate(model, chunks):
    state, total, count = None, 0.0, 0
    for inputs, targets in chunks:
        logits, state = model(inputs, state)
        total += nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        count += targets.numel()
    return total / count


def main(a):
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    train_tokens, validation_tokens, vocabulary = load(a)
    model = Model(vocabulary, a)
    optimizer = torch.optim.Adam(model.parameters(), lr=a.learning_rate)
    train, validation = windows(train_tokens, a), windows(validation_tokens, a)
    print(json.dumps({
        "torch": torch.__version__, "blas": blas_version(), "python": platform.python_version(), "threads": torch.get_num_threads(),
        "seed": a.seed, "vocabulary": vocabulary, "parameters": sum(p.numel() for p in model.parameters()),
    }), flush=True)
    for epoch in range(1, a.epochs + 1):
        start = time.perf_counter()
        train_loss, tokens = train_epoch(model, optimizer, train, a)
        seconds = time.perf_counter() - start
        validation_loss = None if a.max_steps else evaluate(model, validation)
        print(json.dumps({
            "epoch": epoch, "train_loss": train_loss, "validation_loss": validation_loss,
            "tokens_per_second": tokens / seconds, "seconds": seconds,
        }), flush=True)


if __name__ == "__main__":
    sys.exit(main(arguments))
