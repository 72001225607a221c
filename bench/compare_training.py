#!/usr/bin/env python3
"""Tokens per second of training, FastRnn beside PyTorch on one core.

The work: a character LSTM on tiny-shakespeare, embedding 64, two layers of 128, batch 50, windows of 50, Adam, clipping at 5; one pass
over the training part in every run. Both programs run in turn on the same core, each round in the other order, so that a slow minute of
the machine hits both. The ratio is taken within a round; its median is the result. Both report the time of training alone, without
reading, validating and saving; FastRnn's includes the JIT compiler's work.

Cores share power, caches and, as hyper-threads, even arithmetic units, so work on other cores changes a program's speed and also the CPU
time it is charged. Every run therefore states which share of its own core it got and how busy the other cores were. Believe figures whose share
is near 100 % and whose other cores were idle, above all when the two programs of a round saw different neighbours.

Needs the runner, built by `dotnet build -c Release`, and a Python with PyTorch. Writes training.md and training.json to
bench/results/<cpu>/. Ends with 1 when --at-least is not reached.

    python3 bench/compare_training.py --rounds 5 --at-least 2
"""
import argparse
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNNER = ROOT / "src/FastRnn.Runner/bin/Release/net10.0/FastRnn.Runner.dll"
SHAPE = ["--embedding", "64", "--hidden", "128", "--layers", "2", "--batch", "50", "--time-steps", "50",
         "--learning-rate", "2e-3", "--clip-norm", "5", "--validation-split", "0.1"]

FIGURES = ("tokens_per_second", "seconds", "train_loss", "validation_loss", "core_share", "others_busy")


def parse_arguments():
    parser = argparse.ArgumentParser(description="Training speed of FastRnn beside PyTorch, one core")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=0, help="both programs are bound to this core")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=ROOT / "tests/data/tiny-shakespeare.txt")
    parser.add_argument("--runner", type=Path, help="fastrnn's executable or .dll; default: the Release build")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has PyTorch")
    parser.add_argument("--out", type=Path, help="folder of the results; default: bench/results/<cpu>")
    parser.add_argument("--at-least", type=float, help="the median ratio that is asked for")
    return parser.parse_args()


def find_runner(given):
    """The command that starts fastrnn."""
    path = given or RUNNER
    if not path.is_file():
        sys.exit(f"{path} does not exist; build it with: dotnet build FastRnn.sln -c Release")
    return ["dotnet", str(path)] if path.suffix == ".dll" else [str(path)]


def others(core):
    """Busy and total time so far of all cores but one, in ticks since the machine started."""
    busy = total = 0
    for line in Path("/proc/stat").read_text(encoding="utf-8").splitlines():
        name, *fields = line.split()
        if re.fullmatch(r"cpu\d+", name) and name != f"cpu{core}":
            ticks = [int(field) for field in fields[:8]]  # user, nice, system, idle, iowait, irq, softirq, steal
            total += sum(ticks)
            busy += sum(ticks) - ticks[3] - ticks[4]
    return busy, total


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(command, core):
    """
    The command's stdout, on one core, and how undisturbed it was: its share of that core and how busy the others were (0 to 1).
    Its errors are shown when it fails.
    """
    environment = dict(os.environ, OMP_NUM_THREADS="1", DOTNET_CLI_TELEMETRY_OPTOUT="1")
    busy, total = others(core)
    used, start = children_seconds(), time.perf_counter()
    done = subprocess.run(["taskset", "-c", str(core), *command], capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stderr}")
    share = (children_seconds() - used) / (time.perf_counter() - start)
    busy_after, total_after = others(core)
    return done.stdout, {"core_share": share, "others_busy": (busy_after - busy) / max(1, total_after - total)}


def measure_fastrnn(a, runner):
    with tempfile.TemporaryDirectory() as folder:
        output, surroundings = run([
            *runner, "train", "--task", "char-lm", "--data", str(a.data), "--cell", "lstm", "--optimizer", "adam", *SHAPE,
            "--epochs", "1", "--seed", str(a.seed), "--threads", "1", "--out", f"{folder}/model.safetensors", "--json"], a.core)
    result = json.loads(output)
    return {**result["epochs"][0], **surroundings}, {"isa": result["isa"], "parameters": result["parameters"]}


def measure_pytorch(a):
    peer = str(ROOT / "bench/peers/train_char_lm.py")
    command = [a.python, peer, "--data", str(a.data), *SHAPE, "--epochs", "1", "--seed", str(a.seed), "--threads", "1"]
    output, surroundings = run(command, a.core)
    about, epoch = output.splitlines()
    return {**json.loads(epoch), **surroundings}, json.loads(about)


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def plain(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def surroundings(row):
    return ", ".join(
        f"{key.replace('_', ' ')} {row['fastrnn'][key]:.0%} / {row['pytorch'][key]:.0%}" for key in ("core_share", "others_busy"))


def measure(a):
    """All rounds, and what each program says about itself."""
    runner = find_runner(a.runner)
    rounds, about = [], {}
    for number in range(1, a.rounds + 1):
        row = {"round": number}
        order = ["fastrnn", "pytorch"] if number % 2 else ["pytorch", "fastrnn"]
        for program in order:
            epoch, about[program] = measure_fastrnn(a, runner) if program == "fastrnn" else measure_pytorch(a)
            row[program] = {key: epoch[key] for key in FIGURES}
        row["ratio"] = row["fastrnn"]["tokens_per_second"] / row["pytorch"]["tokens_per_second"]
        print(f"round {number}: FastRnn {row['fastrnn']['tokens_per_second']:,.0f}, PyTorch {row['pytorch']['tokens_per_second']:,.0f} "
              f"tokens/s, ratio {row['ratio']:.2f}, {surroundings(row)}", flush=True)
        rounds.append(row)
    if about["fastrnn"]["parameters"] != about["pytorch"]["parameters"]:
        sys.exit(f"the models differ: {about['fastrnn']['parameters']} and {about['pytorch']['parameters']} parameters")
    return rounds, about


def summary(a, rounds, about):
    """Everything the two files say."""
    def median(program):
        return statistics.median(row[program]["tokens_per_second"] for row in rounds)

    return {
        "date": date.today().isoformat(), "cpu": cpu_name(), "threads": 1, "core": a.core, "kernel": platform.release(),
        "fastrnn": {
            "commit": plain(["git", "describe", "--always", "--dirty"]), "dotnet": plain(["dotnet", "--version"]), **about["fastrnn"],
        },
        "pytorch": about["pytorch"], "work": " ".join(SHAPE),
        "fastrnn_tokens_per_second": median("fastrnn"), "pytorch_tokens_per_second": median("pytorch"),
        "median_ratio": statistics.median(row["ratio"] for row in rounds), "rounds": rounds,
    }


def markdown(s):
    lines = [
        "**Training a character LSTM: FastRnn beside PyTorch, one core.**", "",
        f"- {s['date']}, {s['cpu']}, one thread each on core {s['core']}, in turn",
        f"- FastRnn {s['fastrnn']['commit']}, {s['fastrnn']['isa']}, .NET SDK {s['fastrnn']['dotnet']}",
        f"- PyTorch {s['pytorch']['torch']}, {s['pytorch']['blas']}",
        f"- Work: char-lm on tiny-shakespeare, `{s['work']}`, Adam, one epoch, {s['fastrnn']['parameters']:,} parameters",
        "- Figures: tokens per second of training; validation loss in nats per character after the epoch; for the run of FastRnn / of "
        "PyTorch the share it got of its core, and how busy all other cores were", "",
        "| round | FastRnn | PyTorch | ratio | validation FastRnn | validation PyTorch | core share | others busy |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in s["rounds"]:
        ours, theirs = row["fastrnn"], row["pytorch"]
        lines.append(
            f"| {row['round']} | {ours['tokens_per_second']:,.0f} | {theirs['tokens_per_second']:,.0f} | {row['ratio']:.2f} | "
            f"{ours['validation_loss']:.4f} | {theirs['validation_loss']:.4f} | {ours['core_share']:.0%} / {theirs['core_share']:.0%} | "
            f"{ours['others_busy']:.0%} / {theirs['others_busy']:.0%} |")
    lines.append(
        f"| **median** | **{s['fastrnn_tokens_per_second']:,.0f}** | **{s['pytorch_tokens_per_second']:,.0f}** | "
        f"**{s['median_ratio']:.2f}** | | | | |")
    lines += ["", "Measured by `python3 bench/compare_training.py`.", ""]
    return "\n".join(lines)


def main(a):
    rounds, about = measure(a)
    result = summary(a, rounds, about)
    slug = re.sub("[^a-z0-9]+", "-", result["cpu"].lower()).strip("-")
    folder = a.out or ROOT / "bench/results" / slug
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "training.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    text = markdown(result)
    (folder / "training.md").write_text(text, encoding="utf-8")
    print(f"\n{text}\nwritten to {folder}")
    if a.at_least and result["median_ratio"] < a.at_least:
        print(f"FAILED: the median ratio is {result['median_ratio']:.2f}, asked for {a.at_least}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(parse_arguments()))
