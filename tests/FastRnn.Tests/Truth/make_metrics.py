#!/usr/bin/env python3
"""Writes metrics.json beside this file: figures by their plain definitions in numpy, loops over pairs and thresholds, for FastRnn to be compared with.

    python3 tests/FastRnn.Tests/Truth/make_metrics.py
"""
import json
from pathlib import Path

import numpy as np

CLASSES, ROWS = 4, 97


def auc_by_pairs(positive, scores):
    """Share of (positive, negative) pairs in the right order, equal scores counting half."""
    wins = sum(1.0 if p > n else 0.5 if p == n else 0.0 for p in scores[positive] for n in scores[~positive])
    return wins / (positive.sum() * (~positive).sum())


def average_precision_by_thresholds(positive, scores):
    """Sum of (recall - recall before) * precision over falling thresholds."""
    total, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        called = scores >= threshold
        recall = (called & positive).sum() / positive.sum()
        total += (recall - before) * (called & positive).sum() / called.sum()
        before = recall
    return total


def averages(values, support):
    values = np.array(values)
    return {"macro": values.mean(), "weighted": (values * support).sum() / support.sum()}


def classification(random):
    logits = np.round(random.normal(size=(ROWS, CLASSES)) * 2, 1).astype(np.float32).astype(float)  # rounded: equal scores within rows
    logits[60:] = logits[random.integers(0, 60, ROWS - 60)]  # and equal rows
    targets = random.choice(CLASSES, size=ROWS, p=[0.5, 0.3, 0.15, 0.05])
    logits[np.arange(ROWS), targets] += 1.5
    logits = logits.astype(np.float32).astype(float)
    probabilities = np.exp(logits - logits.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    predicted = logits.argmax(1)
    support = np.bincount(targets, minlength=CLASSES)
    precision, recall, f1, auc, ap = [], [], [], [], []
    for c in range(CLASSES):
        right, called, there = ((predicted == c) & (targets == c)).sum(), (predicted == c).sum(), (targets == c).sum()
        p, r = right / called, right / there
        precision.append(p)
        recall.append(r)
        f1.append(2 * p * r / (p + r))
        auc.append(auc_by_pairs(targets == c, probabilities[:, c]))
        ap.append(average_precision_by_thresholds(targets == c, probabilities[:, c]))
    flat = np.eye(CLASSES, dtype=bool)[targets].ravel()
    top = [float(np.mean([targets[i] in np.argsort(-logits[i], kind="stable")[:k] for i in range(ROWS)])) for k in range(1, CLASSES + 1)]
    return {
        "classes": CLASSES, "logits": logits.ravel().tolist(), "targets": targets.tolist(), "top": top,
        "confusion": [int(((targets == a) & (predicted == b)).sum()) for a in range(CLASSES) for b in range(CLASSES)],
        "precision": precision, "recall": recall, "f1": f1, "auc": auc, "ap": ap,
        "averages": {name: averages(values, support) for name, values in
                     {"precision": precision, "recall": recall, "f1": f1, "auc": auc, "ap": ap}.items()},
        "micro_auc": auc_by_pairs(flat, probabilities.ravel()),
        "micro_ap": average_precision_by_thresholds(flat, probabilities.ravel()),
    }


def regression(random):
    actual = np.round(random.normal(size=53) * 3, 1).astype(np.float32).astype(float)
    actual[[4, 17]] = 0
    predicted = (actual + random.normal(size=53)).astype(np.float32).astype(float)
    baseline = np.roll(actual, 1)
    quantiles = np.array([0.1, 0.5, 0.9], dtype=np.float32).astype(float)
    bands = (predicted[:, None] + np.array([-0.8, 0.1, 0.9]) + random.normal(size=(53, 3)) * 0.2).astype(np.float32).astype(float)
    bands[7] = bands[7, ::-1]
    error, there = predicted - actual, actual != 0
    below = actual[:, None] - bands
    pinball = np.maximum(quantiles * below, (quantiles - 1) * below)
    return {
        "actual": actual.tolist(), "predicted": predicted.tolist(), "baseline": baseline.tolist(),
        "mse": np.mean(error ** 2), "rmse": np.sqrt(np.mean(error ** 2)), "mae": np.mean(np.abs(error)),
        "mape": 100 * np.mean(np.abs(error[there] / actual[there])), "zeros": int((~there).sum()),
        "skill": 1 - np.sqrt(np.mean(error ** 2) / np.mean((baseline - actual) ** 2)),
        "quantiles": quantiles.tolist(), "bands": bands.ravel().tolist(), "pinball": pinball.mean(), "pinball_of": pinball.mean(0).tolist(),
        "coverage": np.mean((actual >= bands[:, 0]) & (actual <= bands[:, 2])), "width": np.mean(bands[:, 2] - bands[:, 0]),
        "not_above": np.mean(actual[:, None] <= bands, axis=0).tolist(),
        "crossings": int(np.any(np.diff(bands, axis=1) < 0, axis=1).sum()),
    }


if __name__ == "__main__":
    random = np.random.default_rng(11)
    result = {"classification": classification(random), "regression": regression(random)}
    path = Path(__file__).resolve().parent / "metrics.json"
    path.write_text(json.dumps(result, separators=(",", ":")) + "\n", encoding="utf-8")
