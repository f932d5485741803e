"""Whether what was stopped ends with the same files: `python -m checks.kill_and_resume --out results/checks`.

Runs a short experiment undisturbed, then again and again, stopped at random moments and resumed until it ends: by
`kill -9`, by signals after which the printed command goes on, on Ray, with TensorBoard, and as a sweep.
"""

import argparse
import collections
import concurrent.futures
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import command
from config import UsageError
from run_folder import CHECKPOINT, DESCRIPTION, EVENTS, TABLES, locked

PROJECT = Path(__file__).parent.parent
EPISODES = 8
# fmt: off
FLAGS = (
    "--preset", "quick", "--episodes", str(EPISODES), "--round-limit", "6", "--minibatch", "16", "--drop-rate", "0.1",
    "--evaluation-samples", "500", "--threads", "1", "--figure-every", "-1",
)
# fmt: on
RAY = ("--engine", "ray", "--ray-actors", "1", "--nodes", "3", "--pca-components", "3")
TIMES = ["train_seconds", "evaluate_seconds", "round_seconds", "seconds"]
KINDS = {  # of what is stopped: how many of a hundred, and its further flags
    "killed": (66, ()),
    "killed, with TensorBoard": (12, ("--tensorboard",)),
    "stopped by a signal, then the printed command": (10, ()),
    "a sweep, its terminal closed or killed": (8, ()),
    "killed, on Ray": (4, RAY),
}
PLAIN, BOARD, STOPPED, SWEEP, ON_RAY = KINDS


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    """Starts the experiment in a process of its own."""
    return launch("main.py", *FLAGS, "--run-dir", str(folder), *more)


def launch(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Starts a command line of the project."""
    line = [sys.executable, str(PROJECT / script), *arguments]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def go_on(folder: Path, *more: str) -> subprocess.Popen[str]:
    """Starts or, once there is something to resume, resumes the experiment."""
    return start(folder, *more, *(["--resume"] if (folder / DESCRIPTION).exists() else []))


def stage(folder: Path) -> str:
    """Returns how far a stopped run had come, in words."""
    if not (folder / DESCRIPTION).exists():
        return "before its folder"
    if not (folder / CHECKPOINT).exists():
        return "before its first checkpoint"
    with np.load(folder / CHECKPOINT) as arrays:
        return "after its last checkpoint" if arrays["episode"] == EPISODES else "between checkpoints"


def same(folder: Path, reference: Path) -> bool:
    """Tells whether all CSV files, the times aside, and the checkpoints' arrays are equal."""
    for name in TABLES:
        if not (reference / name).exists():  # there are such tables for other kinds of runs
            continue
        one, other = (pd.read_csv(path / name).drop(columns=TIMES, errors="ignore") for path in (folder, reference))
        if not one.equals(other):
            return False
    with np.load(folder / CHECKPOINT) as one, np.load(reference / CHECKPOINT) as other:
        skipped = {"tables"}  # sizes and digests of files that hold times
        return set(one) == set(other) and all(np.array_equal(one[key], other[key]) for key in set(one) - skipped)


def has_events(folder: Path) -> bool:
    """Tells whether the TensorBoard events of all parts together have every episode."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    steps = set()
    for path in (folder / EVENTS).iterdir():
        events = EventAccumulator(str(path), size_guidance={"tensors": 0})
        events.Reload()
        if "episode/rounds" in events.Tags()["tensors"]:
            steps |= {event.step for event in events.Tensors("episode/rounds")}
    return steps == set(range(1, EPISODES + 1))


def finish(process: subprocess.Popen[str], what: str) -> None:
    """Waits for a process; raises UsageError where it failed."""
    _, errors = process.communicate()
    if process.returncode:
        raise UsageError(f"{what} failed: {' '.join(errors.split()) or f'exit code {process.returncode}'}")


def killed(folder: Path, more: Sequence[str], seconds: float, rng: np.random.Generator) -> list[str]:
    """Runs the experiment, kills it at a random moment, half of the times once more on the way; returns the stages."""
    stages = []
    for _ in range(rng.integers(1, 3)):
        process = go_on(folder, *more)
        time.sleep(rng.uniform(0, seconds))
        if process.poll() is not None:
            break
        process.kill()
        process.communicate()
        stages.append(stage(folder))
    finish(go_on(folder, *more), "a resumed run")
    return stages


def stopped(folder: Path, seconds: float, rng: np.random.Generator) -> list[str]:
    """Stops the experiment by a signal and does what it says then, until it ends; returns the stages."""
    process, stages = start(folder), []
    while True:
        time.sleep(rng.uniform(0.5, 1) * seconds)
        process.send_signal(rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
        _, errors = process.communicate()
        if process.returncode == 0:
            return stages
        stages.append(stage(folder))
        _, found, printed = errors.partition("go on with: python ")
        process = launch(*shlex.split(printed)) if found else go_on(folder)


def swept(out: Path, seconds: float, rng: np.random.Generator) -> tuple[Path, list[str]]:
    """Closes the terminal of a sweep of the one experiment, or kills it; returns (the run's folder, the stages)."""
    line = ("sweep.py", "--policies", "dqn", "--seeds", "0", "--jobs", "1", "--out", str(out), *FLAGS)
    folder, process = out / "dqn-disjoint-seed0", launch(*line)
    time.sleep(rng.uniform(0.3, 1.2) * seconds)
    process.send_signal(rng.choice([signal.SIGHUP, signal.SIGKILL]))
    process.communicate()
    stages = [stage(folder)]
    for _ in range(200):  # a run that lost its sweep finishes its round first
        try:
            if not folder.exists():
                break
            with locked(folder):
                break
        except UsageError:
            time.sleep(0.1)
    else:
        raise UsageError("a run outlived its sweep by 20 seconds")
    finish(launch(*line), "the sweep's second call")
    return folder, stages


def attempt(number: int, kind: str, place: Path, seconds: float, seed: int) -> tuple[str, list[str], bool]:
    """Stops one experiment of a kind; returns (kind, stages, whether its files are those of the reference)."""
    rng, folder = np.random.default_rng([seed, number]), place / str(number)
    if kind == SWEEP:
        folder, stages = swept(folder, 1.3 * seconds, rng)
    elif kind == STOPPED:
        stages = stopped(folder, seconds, rng)
    else:
        stages = killed(folder, KINDS[kind][1], seconds * (2.5 if kind == ON_RAY else 1), rng)
    equal = same(folder, place / ("ray" if kind == ON_RAY else "reference"))
    return kind, stages, equal and (kind != BOARD or has_events(folder))


def check(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table of stages and outcomes."""
    kinds = [kind for kind, (share, _) in KINDS.items() for _ in range(max(1, round(share * options.runs / 100)))]
    counts, good = collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        finish(start(place / "warm-up"), "an undisturbed run")  # compiles what is compiled once
        begun = time.perf_counter()
        finish(start(place / "reference"), "an undisturbed run")
        seconds = time.perf_counter() - begun
        if ON_RAY in kinds:
            finish(start(place / "ray", *RAY), "an undisturbed run on Ray")
        with concurrent.futures.ThreadPoolExecutor(options.threads) as pool:
            jobs = [pool.submit(attempt, *pair, place, seconds, options.seed) for pair in enumerate(kinds)]
            for done, job in enumerate(concurrent.futures.as_completed(jobs), 1):
                kind, stages, equal = job.result()
                counts.update((kind, stage) for stage in stages)
                good[kind] += equal
                print(f"{done} of {len(kinds)}: {good.total()} equal so far ({kind})", flush=True)
    stages = ("before its folder", "before its first checkpoint", "between checkpoints", "after its last checkpoint")
    lines = [f"| what is stopped | {' | '.join(stages)} | ended with the same files |", f"|{' --- |' * 6}"]
    for kind in KINDS:
        times = " | ".join(str(counts[kind, stage]) for stage in stages)
        lines.append(f"| {kind} | {times} | {good[kind]} of {kinds.count(kind)} |")
    verdict = f"{good.total()} of {len(kinds)} ended with the same CSV files and checkpoint as the undisturbed ones."
    return {".md": "\n".join(lines) + f"\n\n{verdict}\n"}


if __name__ == "__main__":
    runs, seed = (100, "runs to stop"), (0, "seed of the moments")
    sys.exit(command.run("kill_and_resume", __doc__, check, by_processor=False, runs=runs, seed=seed))
