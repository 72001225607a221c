#!/usr/bin/env python3
"""Writes log_mel.json beside this file: log energies in mel bands as numpy computes them in double, for FastRnn's to be compared with.

The samples are a rising tone with a little of a second one, each exactly a float. 37 samples are no power of 2, the last hop is not filled, and the
bands are fewer than the lines of the spectrum, yet the lowest is narrower than the distance of two lines, so that it holds none.

    python3 tests/FastRnn.Tests/Truth/make_log_mel_truth.py
"""
import json
from pathlib import Path

import numpy as np

RATE, WINDOW, HOP, BANDS, SAMPLES, FLOOR = 8000, 37, 20, 30, 190, 1e-10


def hertz(mel):
    return 700 * (10 ** (mel / 2595) - 1)


def filters(size):
    corners = hertz(np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), BANDS + 2))
    f = np.fft.rfftfreq(size, 1 / RATE)
    return np.stack([np.interp(f, corners[b:b + 3], [0, 1, 0]) for b in range(BANDS)])


def main():
    t = np.arange(SAMPLES)
    sound = (0.6 * np.sin(0.01 * t ** 1.5) + 0.1 * np.cos(2.1 * t)).astype(np.float32)
    size = 1 << (WINDOW - 1).bit_length()
    hann = np.hanning(WINDOW + 1)[:-1]
    frames = np.stack([sound[s:s + WINDOW] * hann for s in range(0, SAMPLES - WINDOW + 1, HOP)])
    power = np.abs(np.fft.rfft(frames, size)) ** 2
    expected = np.log(np.maximum(power @ filters(size).T, FLOOR))
    tensor = lambda x: {"shape": list(x.shape), "values": [float(v) for v in x.ravel()]}
    (Path(__file__).resolve().parent / "log_mel.json").write_text(json.dumps({
        "sizes": {"rate": RATE, "window": WINDOW, "hop": HOP, "bands": BANDS},
        "versions": {"numpy": np.__version__},
        "given": {"samples": tensor(sound.astype(np.float64))},
        "expected": {"frames": tensor(expected)},
    }) + "\n")


main()
