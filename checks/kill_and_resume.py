"""Whether a run that was killed ends with the same files: `python -m checks.kill_and_resume --out results/checks`.

Runs a short experiment undisturbed, then again and again with `kill -9` at random moments, resumed until it ends.
"""

import argparse
import collections
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import command
from config import UsageError
from run_folder import CHECKPOINT, DESCRIPTION, TABLES

MAIN = Path(__file__).parent.parent / "main.py"
# fmt: off
FLAGS = (
    "--preset", "quick", "--episodes", "8", "--round-limit", "6", "--minibatch", "16", "--drop-rate", "0.1",
    "--evaluation-samples", "500", "--threads", "1", "--figure-every", "-1",
)
# fmt: on
TIMES = ["train_seconds", "evaluate_seconds", "round_seconds", "seconds"]


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    """Starts the experiment in a process of its own."""
    arguments = [sys.executable, str(MAIN), *FLAGS, "--run-dir", str(folder), *more]
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def go_on(folder: Path) -> subprocess.Popen[str]:
    """Starts or, once there is something to resume, resumes the experiment."""
    return start(folder, *(["--resume"] if (folder / DESCRIPTION).exists() else []))


def stage(folder: Path) -> str:
    """Returns how far a killed run had come, in words."""
    if not (folder / DESCRIPTION).exists():
        return "before its folder"
    if not (folder / CHECKPOINT).exists():
        return "before its first checkpoint"
    with np.load(folder / CHECKPOINT) as arrays:
        return "after its last checkpoint" if arrays["episode"] == 8 else "between checkpoints"


def same(folder: Path, reference: Path) -> bool:
    """Tells whether all CSV files, the times aside, and the checkpoints' arrays are equal."""
    for name in TABLES:
        if not (reference / name).exists():  # what other processes sent is logged where there are any
            continue
        one, other = (pd.read_csv(path / name).drop(columns=TIMES, errors="ignore") for path in (folder, reference))
        if not one.equals(other):
            return False
    with np.load(folder / CHECKPOINT) as one, np.load(reference / CHECKPOINT) as other:
        skipped = {"sizes"}  # bytes of files that hold times
        return set(one) == set(other) and all(np.array_equal(one[key], other[key]) for key in set(one) - skipped)


def killed_run(folder: Path, seconds: float, rng: np.random.Generator) -> list[str]:
    """Runs the experiment, kills it at a random moment, half of the times once more on the way; returns the stages."""
    stages = []
    for _ in range(rng.integers(1, 3)):
        process = go_on(folder)
        time.sleep(rng.uniform(0, seconds))
        if process.poll() is not None:
            break
        process.kill()
        process.communicate()
        stages.append(stage(folder))
    process = go_on(folder)
    _, errors = process.communicate()
    if process.returncode:
        raise UsageError(f"a resumed run failed: {errors.strip()}")
    return stages


def check(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table of stages and outcomes."""
    rng, stages, equal = np.random.default_rng(options.seed), collections.Counter(), 0
    with tempfile.TemporaryDirectory() as place:
        reference = Path(place) / "reference"
        started = time.perf_counter()
        if start(reference).wait():
            raise UsageError("the undisturbed run failed; try it with: python main.py " + " ".join(FLAGS))
        seconds = time.perf_counter() - started
        for number in range(options.runs):
            folder = Path(place) / str(number)
            stages.update(killed_run(folder, seconds, rng))
            equal += same(folder, reference)
            print(f"{number + 1} of {options.runs}: {equal} equal so far", flush=True)
    lines = ["| killed | times |", "| --- | --- |", *(f"| {name} | {stages[name]} |" for name in sorted(stages))]
    verdict = f"{equal} of {options.runs} runs ended with the same CSV files and checkpoint as the undisturbed run."
    return {".md": "\n".join(lines) + f"\n\n{verdict}\n"}


if __name__ == "__main__":
    sys.exit(command.run("kill_and_resume", __doc__, check, runs=(20, "runs to kill"), seed=(0, "seed of the moments")))
