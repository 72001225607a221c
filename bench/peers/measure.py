#!/usr/bin/env python3
"""Times of the installed peers alone, in turns, on the rows that are named or on a list of usual ones.

    python3 bench/peers/measure.py --peers onnxruntime,onednn --threads 1 --seconds 0.5 "step lstm 64 64 1 1 1"

Each row is MODE CELL I H LAYERS T B as in README.md. Every peer verifies a row before it is timed; the times are medians of all rounds.
Bind the process to its cores from outside, as with `taskset -c 1`.
"""
import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

START = Path(__file__).resolve().parent / "start.sh"
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
PASSES = {"step": 1, "infer": 1, "forward-train": 1, "backward": 2, "train": 3, "whole": 3}
ROWS = [f"step lstm 1 {h} 1 1 1" for h in (8, 16, 20, 32, 40)] + [f"step lstm {h} {h} 1 1 1" for h in (64, 128, 256, 512)] + [
    "step gru 1 8 1 1 1", "step gru 1 32 1 1 1", "step gru 64 64 1 1 1", "infer lstm 512 512 1 50 32", "infer gru 512 512 1 50 32",
    "infer lstm 1024 1024 1 25 64", "infer lstm 256 256 1 100 1"] + [
    f"{mode} {shape}" for shape in ("lstm 512 512 2 64 64", "gru 512 512 2 64 64", "lstm 65 128 2 50 50")
    for mode in ("forward-train", "backward", "train", "whole")]


class Peer:
    """One peer's process; its first line says what it is."""

    def __init__(self, name, threads):
        self.process = subprocess.Popen([START, name, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = json.loads(self.process.stdout.readline())

    def ask(self, line):
        """The answer's words; it begins with its kind and the row's name."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            sys.exit(f"{self.about['peer']} ended at: {line}")
        return answer


def flop(row):
    """Of the products alone: 2 a weight, step and sample forward, twice that backward."""
    mode, cell, *sizes = row.split()
    inputs, hidden, layers, steps, batch = map(int, sizes)
    weights = sum(GATES[cell] * hidden * ((inputs if layer == 0 else hidden) + hidden) for layer in range(layers))
    return 2.0 * weights * steps * batch * PASSES[mode]


def measure(row, peers, rounds, seconds, judge):
    """A line for each peer: the median time of a unit, or why there is none."""
    lines, ready = [], []
    for peer in peers:
        answer = peer.ask(f"prepare row {row}")
        if answer[0] == "ready" and judge:
            answer = peer.ask("verify row")
        if answer[0] in ("ready", "verified"):
            ready.append((peer, []))
        else:
            lines.append(f"{row} | {peer.about['peer']} | {' '.join(answer)}")
    for _ in range(rounds):
        for peer, times in ready:
            times.extend(map(float, peer.ask(f"run row {seconds / rounds}")[2:]))
    for peer, times in ready:
        time = statistics.median(times)
        lines.append(f"{row} | {peer.about['peer']} | {time / 1e3:.3f} µs | {flop(row) / time:.1f} GFLOP/s | {' '.join(peer.ask('describe row')[2:])}")
        peer.ask("release row")
    return lines


def main():
    parser = argparse.ArgumentParser(description="Times of the peers alone")
    parser.add_argument("rows", nargs="*", default=ROWS)
    parser.add_argument("--peers", default="onnxruntime,onednn,onednn3,torch")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="for each row and peer")
    parser.add_argument("--no-verify", action="store_true")
    a = parser.parse_args()
    peers = [Peer(name, a.threads) for name in a.peers.split(",")]
    for peer in peers:
        print(json.dumps(peer.about))
    for row in a.rows:
        for line in measure(row, peers, a.rounds, a.seconds, not a.no_verify):
            print(line, flush=True)
    for peer in peers:
        peer.process.communicate("quit\n")


main()
