#!/usr/bin/env python3
"""Writes optimizers.json beside this file: what PyTorch makes of a small model in five updates, and its schedules' rates.

As in make_truth.py, whose helpers it uses: what goes in is exactly a float, results are computed in double, and `float_error` says what
rounding does to each. Every update sees another window, and the rate falls with every update. Runs are named as in OptimizerTruthTests.cs,
which has the same numbers.

    python3 tests/FastRnn.Tests/Truth/make_optimizer_truth.py
"""
import warnings

import torch
from torch import nn
from torch.optim import lr_scheduler as schedules

from make_truth import float_constant as f
from make_truth import ramp, tensor, versions, with_errors, write

STEPS, BATCH, VOCABULARY, EMBEDDING, HIDDEN, UPDATES = 4, 3, 5, 3, 4, 5
FALL = f(0.75)
ADAM = {"lr": f(0.01), "betas": (f(0.8), f(0.9)), "eps": f(1e-6)}

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=f(0.5)),
    "sgd decay": lambda p: torch.optim.SGD(p, lr=f(0.5), weight_decay=f(0.05)),
    "sgd momentum": lambda p: torch.optim.SGD(p, lr=f(0.5), momentum=f(0.8)),
    "sgd dampening": lambda p: torch.optim.SGD(p, lr=f(0.5), momentum=f(0.8), dampening=f(0.3), weight_decay=f(0.05)),
    "sgd nesterov": lambda p: torch.optim.SGD(p, lr=f(0.5), momentum=f(0.8), nesterov=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=f(0.05), eps=f(1e-6)),
    "adagrad options": lambda p: torch.optim.Adagrad(
        p, lr=f(0.05), lr_decay=f(0.1), weight_decay=f(0.05), initial_accumulator_value=f(0.01), eps=f(1e-6)),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=f(0.01), alpha=f(0.9), eps=f(1e-3)),
    "rmsprop momentum": lambda p: torch.optim.RMSprop(p, lr=f(0.01), alpha=f(0.9), eps=f(1e-3), momentum=f(0.7), weight_decay=f(0.05)),
    "rmsprop centered": lambda p: torch.optim.RMSprop(p, lr=f(0.01), alpha=f(0.9), eps=f(1e-3), centered=True),
    "rmsprop centered momentum": lambda p: torch.optim.RMSprop(p, lr=f(0.01), alpha=f(0.9), eps=f(1e-3), momentum=f(0.7), centered=True),
    "adam": lambda p: torch.optim.Adam(p, **ADAM),
    "adam decay": lambda p: torch.optim.Adam(p, **ADAM, weight_decay=f(0.05)),
    "adam amsgrad": lambda p: torch.optim.Adam(p, **ADAM, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, **ADAM, weight_decay=f(0.2)),
    "adamw amsgrad": lambda p: torch.optim.AdamW(p, **ADAM, weight_decay=f(0.2), amsgrad=True),
    # The loop over single tensors of release 1.13 multiplies the product of momenta by the last one twice; foreach, the paper and later
    # releases do not.
    "nadam": lambda p: torch.optim.NAdam(p, **ADAM, weight_decay=f(0.05), momentum_decay=f(0.02), foreach=True),
}


class Model(nn.Module):
    """Parameters are named as torch.nn.Sequential would: 0.weight, 1.weight_ih_l0, …"""

    def __init__(self):
        super().__init__()
        for index, layer in enumerate([nn.Embedding(VOCABULARY, EMBEDDING), nn.LSTM(EMBEDDING, HIDDEN), nn.Linear(HIDDEN, VOCABULARY)]):
            self.add_module(str(index), layer)

    def forward(self, tokens):
        embedding, recurrent, head = self.children()
        return head(recurrent(embedding(tokens))[0])


POSITIONS = torch.arange(2 * UPDATES * STEPS * BATCH)
INPUTS = ((POSITIONS * 3 + POSITIONS // 7) % (VOCABULARY - 1)).reshape(-1, STEPS, BATCH)
TARGETS = ((POSITIONS * 2 + POSITIONS // 5 + 1) % VOCABULARY).reshape(-1, STEPS, BATCH)
GIVEN = {name: ramp(p.shape, 1.3 * i, 0.9 if i == 0 else 0.45, 0.02 * i) for i, (name, p) in enumerate(Model().named_parameters())}


def train(dtype, make, windows_per_update=1, clip=None, average=None):
    """Losses of the windows and weights after five updates; with an average, that of the weights."""
    torch.set_default_dtype(dtype)  # of Nadam's product of momenta too
    model = Model().to(dtype)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(GIVEN[name])
    optimizer = make(model)
    schedule = schedules.ExponentialLR(optimizer, FALL)
    averaged = torch.optim.swa_utils.AveragedModel(model, avg_fn=lambda a, p, _: average * a + (1 - average) * p) if average else None
    losses = []
    for update in range(UPDATES):
        optimizer.zero_grad()
        for part in range(windows_per_update):
            window = update * windows_per_update + part
            loss = nn.functional.cross_entropy(model(INPUTS[window]).flatten(0, 1), TARGETS[window].flatten())
            (loss / windows_per_update).backward()
            losses.append(loss.detach())
        if clip:
            clip([p for p in model.parameters() if p.grad is not None])
        optimizer.step()
        schedule.step()
        if averaged:
            averaged.update_parameters(model)
    shown = averaged.module if averaged else model
    return {"losses": torch.stack(losses), **{name: p.detach() for name, p in shown.named_parameters()}}


def clip_value(parameters):
    nn.utils.clip_grad_value_(parameters, f(0.02))


def clip_tensors(parameters):
    for parameter in parameters:
        nn.utils.clip_grad_norm_([parameter], f(0.05))


def clip_all(parameters):
    clip_value(parameters)
    clip_tensors(parameters)
    nn.utils.clip_grad_norm_(parameters, f(0.06))


def groups(model):
    """The embedding frozen, the recurrent layer at half the rate, biases without decay."""
    made = []
    for name, parameter in model.named_parameters():
        if name.startswith("0."):
            parameter.requires_grad_(False)
            continue
        half = 0.5 if name.startswith("1.") else 1.0
        made.append({"params": [parameter], "lr": ADAM["lr"] * half, "weight_decay": 0.0 if "bias" in name else f(0.2)})
    return torch.optim.AdamW(made, **ADAM)


def runs(dtype):
    results = {name: train(dtype, lambda model, make=make: make(model.parameters())) for name, make in OPTIMIZERS.items()}
    sgd, adam = (lambda model, name=name: OPTIMIZERS[name](model.parameters()) for name in ("sgd", "adam"))
    results["clip value"] = train(dtype, sgd, clip=clip_value)
    results["clip tensors"] = train(dtype, sgd, clip=clip_tensors)
    results["clip all"] = train(dtype, sgd, clip=clip_all)
    results["groups"] = train(dtype, groups)
    results["accumulate"] = train(dtype, adam, windows_per_update=2)
    results["average"] = train(dtype, adam, average=f(0.9))
    return {f"{run}: {name}": values for run, tensors in results.items() for name, values in tensors.items()}


PLATEAU_LOSSES = [5.0, 4.0, 4.5, 3.99999, 4.0, 4.1, 4.2, 3.5, 3.6, 3.7, 3.8, 3.9, 3.3, 3.4, 3.5, 3.6, 3.7, 3.75, 3.8, 3.9, 4.0, 4.1, 4.2, 4.3]


def rates():
    """Factors on a rate of 1 by update."""
    def follow(make, updates, metrics=None):
        optimizer = torch.optim.SGD([torch.zeros(1, dtype=torch.float64, requires_grad=True)], lr=1.0)
        schedule, values = make(optimizer), []
        for update in range(updates):
            values.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step(*([] if metrics is None else [metrics[update]]))
        return torch.tensor(values, dtype=torch.float64)

    one_cycle = {"max_lr": 1.0, "cycle_momentum": False}
    return {
        "step": follow(lambda o: schedules.StepLR(o, 5, 0.6), 24),
        "exponential": follow(lambda o: schedules.ExponentialLR(o, 0.9), 24),
        "cosine": follow(lambda o: schedules.CosineAnnealingLR(o, 20, 0.1), 21),
        "cosine restarts": follow(lambda o: schedules.CosineAnnealingWarmRestarts(o, 5, 2, 0.1), 40),
        "cosine restarts equal": follow(lambda o: schedules.CosineAnnealingWarmRestarts(o, 5), 24),
        "one cycle": follow(lambda o: schedules.OneCycleLR(o, total_steps=24, **one_cycle), 24),
        "one cycle options": follow(lambda o: schedules.OneCycleLR(
            o, total_steps=20, pct_start=0.45, div_factor=4, final_div_factor=100, **one_cycle), 20),
        "warm-up": follow(lambda o: schedules.LinearLR(o, 0.2, total_iters=6), 24),
        "warm-up, then cosine": follow(lambda o: schedules.SequentialLR(
            o, [schedules.LinearLR(o, 0.2, total_iters=6), schedules.CosineAnnealingLR(o, 10)], [6]), 16),
        "plateau": follow(
            lambda o: schedules.ReduceLROnPlateau(o, factor=0.3, patience=2, threshold=0.01, cooldown=2, min_lr=0.01), 24, PLATEAU_LOSSES),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    expected, errors = with_errors(runs)
    expected.update({f"schedule: {name}": tensor(values) for name, values in rates().items()})
    given = {**GIVEN, "plateau losses": torch.tensor(PLATEAU_LOSSES, dtype=torch.float64)}
    write("optimizers.json", {
        "versions": versions(), "sizes": {"steps": STEPS, "batch": BATCH, "updates": UPDATES},
        "inputs": INPUTS.flatten().tolist(), "targets": TARGETS.flatten().tolist(),
        "given": {name: tensor(values) for name, values in given.items()}, "expected": expected, "float_error": errors,
    })
