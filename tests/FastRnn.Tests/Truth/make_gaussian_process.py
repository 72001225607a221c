"""Vectors for the Gaussian process of the search, by numpy with plain inverses and determinants: python3 make_gaussian_process.py"""
import json
import os

import numpy as np

rng = np.random.default_rng(7)
lengths, signal, noise = np.array([0.31, 1.7, 0.8]), 1.9, 0.013
categories = [False, False, True]


def kernel(a, b):
    d = np.array([(float(x != y) if c else x - y) for x, y, c in zip(a, b, categories)])
    r = np.sqrt(np.sum((d / lengths) ** 2))
    return signal * (1 + np.sqrt(5) * r + 5 * r * r / 3) * np.exp(-np.sqrt(5) * r)


def points(n):
    return np.column_stack([rng.random(n), rng.random(n), rng.integers(0, 3, n)])


x, y, at = points(9), rng.standard_normal(9), points(5)
k = np.array([[kernel(a, b) for b in x] for a in x]) + noise * np.eye(len(x))
inverse = np.linalg.inv(k)
cross = np.array([[kernel(a, b) for b in x] for a in at])
truth = {
    "lengths": lengths.tolist(), "categories": categories, "signal": signal, "noise": noise,
    "x": x.tolist(), "y": y.tolist(), "at": at.tolist(),
    "log_likelihood": float(-0.5 * y @ inverse @ y - 0.5 * np.log(np.linalg.det(k)) - len(y) / 2 * np.log(2 * np.pi)),
    "mean": (cross @ inverse @ y).tolist(),
    "variance": [float(signal - c @ inverse @ c) for c in cross],
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "gaussian_process.json"), "w") as file:
    json.dump(truth, file, indent=1)
