"""Tests that stopped runs end with the same files: `python -m studies.faults.kill_and_resume --out results/checks`.

Runs a short experiment without a stop, then again and again, stopped at random moments and resumed until it ends. It is
stopped by `kill -9`, also while it draws, on Ray and with TensorBoard; by signals, after which the printed command
resumes it; and as part of a sweep. A hundred runs take about 12 minutes on two cores.
"""

import argparse
import collections
import concurrent.futures
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from reporting.tables import markdown
from runs.comparison import equal
from runs.description import read_description
from runs.folder import CHECKPOINT, DESCRIPTION, EVENTS, FIGURES, TABLES, figure_paths
from settings.errors import UsageError
from settings.names import PROJECT
from studies.command import run

EPISODES = 8
LONGEST = 300  # seconds that a process may take to end, and a run after its sweep
# fmt: off
FLAGS = (
    "--preset", "quick", "--episodes", str(EPISODES), "--round-limit", "6", "--minibatch", "16", "--drop-rate", "0.1",
    "--evaluation-samples", "500", "--threads", "1", "--figure-every", "-1",
)
# fmt: on
RAY = ("--engine", "ray", "--ray-actors", "1", "--nodes", "3", "--pca-components", "3")
KINDS = {  # of what is stopped: how many of a hundred, and its further flags
    "killed": (60, ()),
    "killed, with TensorBoard": (12, ("--tensorboard",)),
    "killed while it draws": (6, ("--figure-every", "4")),
    "stopped by a signal, then the printed command": (10, ()),
    "a sweep, its terminal closed or killed": (8, ()),
    "killed, on Ray": (4, RAY),
}
PLAIN, BOARD, DRAWS, STOPPED, SWEEP, ON_RAY = KINDS
REFERENCES = {DRAWS: "drawn", ON_RAY: "ray"}  # the undisturbed runs beside the plain one
STAGES = (
    "before its folder",
    "before its first checkpoint",
    "between checkpoints",
    "while it draws",
    "after its last checkpoint",
)


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    """Starts the experiment in a process of its own."""
    return launch("main.py", *FLAGS, "--run-dir", str(folder), *more)


def launch(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Starts a command line of the project."""
    line = [sys.executable, str(PROJECT / script), *arguments]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def go_on(folder: Path, *more: str) -> subprocess.Popen[str]:
    """Starts the experiment, or resumes it if its folder holds a run."""
    return start(folder, *more, *(["--resume"] if (folder / DESCRIPTION).exists() else []))


def stage(folder: Path) -> str:
    """Returns the stage at which a run was stopped, one of STAGES."""
    if not (folder / DESCRIPTION).exists():
        return "before its folder"
    if not (folder / CHECKPOINT).exists():
        return "before its first checkpoint"
    if (folder / FIGURES).exists() and not all(path.exists() for path in figure_paths(folder)):
        return "while it draws"
    with np.load(folder / CHECKPOINT) as arrays:
        return "after its last checkpoint" if arrays["episode"] == EPISODES else "between checkpoints"


def same(folder: Path, reference: Path) -> bool:
    """Returns whether the CSV files without the times, the figures and the checkpoints of two runs are equal.

    A temporary file that is left counts as a difference.
    """
    if [*folder.rglob("*.tmp")]:
        return False
    names = [name for name in TABLES if (reference / name).exists()]  # not every kind of run writes all tables
    if not equal(folder, reference, names):
        return False
    figures = [path for path in figure_paths(reference) if path.exists()]
    if any(path.read_bytes() != (folder / FIGURES / path.name).read_bytes() for path in figures):
        return False
    with np.load(folder / CHECKPOINT) as one, np.load(reference / CHECKPOINT) as other:
        skipped = {"tables"}  # sizes and digests of files that hold times
        return set(one) == set(other) and all(np.array_equal(one[key], other[key]) for key in set(one) - skipped)


def has_events(folder: Path) -> bool:
    """Returns whether the TensorBoard events of all parts together have every episode."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    steps = set()
    for path in (folder / EVENTS).iterdir():
        events = EventAccumulator(str(path), size_guidance={"tensors": 0})
        events.Reload()
        if "episode/rounds" in events.Tags()["tensors"]:
            steps |= {event.step for event in events.Tensors("episode/rounds")}
    return steps == set(range(1, EPISODES + 1))


def ended(process: subprocess.Popen[str]) -> str:
    """Waits for a process; returns what it said on stderr. Raises UsageError where it does not end."""
    try:
        return process.communicate(timeout=LONGEST)[1]
    except subprocess.TimeoutExpired as error:
        process.kill()
        raise UsageError(f"{shlex.join(process.args)} did not end within {LONGEST} seconds") from error


def finish(process: subprocess.Popen[str], what: str) -> None:
    """Waits for a process; raises UsageError where it failed."""
    errors = ended(process)
    if process.returncode:
        raise UsageError(f"{what} failed: {' '.join(errors.split()) or f'exit code {process.returncode}'}")


def killed(folder: Path, more: Sequence[str], moments: tuple[float, float], rng: np.random.Generator) -> list[str]:
    """Runs the experiment and kills it once or twice, after `moments` (low, high) seconds; returns the stages."""
    stages = []
    for _ in range(rng.integers(1, 3)):
        process = go_on(folder, *more)
        time.sleep(rng.uniform(*moments))
        if process.poll() is not None:
            break
        process.kill()
        ended(process)
        stages.append(stage(folder))
    finish(go_on(folder, *more), "a resumed run")
    return stages


def killed_drawing(folder: Path, every: str, rng: np.random.Generator) -> list[str]:
    """Runs the experiment and kills it while it first draws figures; returns the stage."""
    process = start(folder, "--figure-every", every)
    while process.poll() is None and not (folder / FIGURES).exists():
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 1))
    stages = []
    if process.poll() is None:
        process.kill()
        ended(process)
        stages.append(stage(folder))
    finish(go_on(folder, "--figure-every", every), "a resumed run")
    return stages


def stopped(folder: Path, seconds: float, rng: np.random.Generator) -> list[str]:
    """Stops the experiment once or twice by a signal and runs the command that it prints; returns the stages."""
    process, stages = start(folder), []
    for _ in range(rng.integers(1, 3)):
        time.sleep(rng.uniform(0.2, 0.9) * seconds)
        process.send_signal(rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
        errors = ended(process)
        done = (folder / DESCRIPTION).exists() and read_description(folder)["end"]
        if process.returncode == 0 or (process.returncode < 0 and done):  # Python itself was ending when it came
            return stages
        starting = process.returncode < 0 and not folder.exists()  # Python itself was starting
        if not starting and (process.returncode != 130 or errors.count("\n") != 1):
            raise UsageError(f"a stopped run ended with {process.returncode}: {' '.join(errors.split())}")
        stages.append(stage(folder))
        _, found, printed = errors.partition("go on with: python ")
        process = launch(*shlex.split(printed)) if found else go_on(folder)
    finish(process, "a resumed run")
    return stages


def swept(out: Path, seconds: float, rng: np.random.Generator) -> tuple[Path, list[str]]:
    """Stops a sweep of one experiment by SIGHUP or SIGKILL; returns (folder of the run, stages)."""
    line = ("sweep.py", "--policies", "dqn", "--seeds", "0", "--jobs", "1", "--out", str(out), *FLAGS)
    folder, process, stages = out / "dqn-disjoint-seed0", launch(*line), []
    time.sleep(rng.uniform(0.2, 1) * seconds)
    if process.poll() is None:
        process.send_signal(rng.choice([signal.SIGHUP, signal.SIGKILL]))
        ended(process)
        stages.append(stage(folder))
    deadline = time.monotonic() + LONGEST
    while subprocess.run(["pgrep", "-f", str(folder)], stdout=subprocess.DEVNULL).returncode == 0:
        if time.monotonic() > deadline:
            raise UsageError(f"a run outlived its sweep by {LONGEST} seconds")
        time.sleep(0.1)
    finish(launch(*line), "the sweep's second call")
    return folder, stages


def attempt(number: int, kind: str, place: Path, seconds: float, seed: int) -> tuple[str, list[str], bool]:
    """Stops one experiment of a kind; returns (kind, stages, whether its files are those of the reference)."""
    rng, stages = np.random.default_rng([seed, number]), []
    while not stages:  # it may have ended before it was to be stopped
        folder = place / str(number)
        shutil.rmtree(folder, ignore_errors=True)
        if kind == SWEEP:
            folder, stages = swept(folder, 1.2 * seconds, rng)
        elif kind == STOPPED:
            stages = stopped(folder, seconds, rng)
        elif kind == DRAWS:  # half of them between episodes, half at the end
            stages = killed_drawing(folder, ("4", "0")[number % 2], rng)
        else:
            # On Ray most of the time passes before the first episode, and two at once slow each other.
            moments = (1.5 * seconds, 3 * seconds) if kind == ON_RAY else (0, seconds)
            stages = killed(folder, KINDS[kind][1], moments, rng)
    equal = same(folder, place / REFERENCES.get(kind, "reference"))
    return kind, stages, equal and (kind != BOARD or has_events(folder))


def measure(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table of stages and outcomes."""
    kinds = [kind for kind, (share, _) in KINDS.items() for _ in range(max(1, round(share * options.runs / 100)))]
    counts, good = collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        finish(start(place / "warm-up"), "an undisturbed run")  # compiles what is compiled once
        begun = time.perf_counter()
        finish(start(place / "reference"), "an undisturbed run")
        seconds = time.perf_counter() - begun
        for kind, other in REFERENCES.items():
            finish(start(place / other, *KINDS[kind][1]), "an undisturbed run")
        with concurrent.futures.ThreadPoolExecutor(options.threads) as pool:
            jobs = [pool.submit(attempt, *pair, place, seconds, options.seed) for pair in enumerate(kinds)]
            for done, job in enumerate(concurrent.futures.as_completed(jobs), 1):
                kind, stages, equal = job.result()
                counts.update((kind, stage) for stage in stages)
                good[kind] += equal
                print(f"{done} of {len(kinds)}: {good.total()} equal so far ({kind})", flush=True)
    rows = [
        (kind, *(counts[kind, stage] for stage in STAGES), f"{good[kind]} of {kinds.count(kind)}") for kind in KINDS
    ]
    table = markdown(pd.DataFrame(rows, columns=["what is stopped", *STAGES, "ended with the same files"]))
    verdict = f"{good.total()} of {len(kinds)} ended with the same CSV files and checkpoint as the undisturbed ones."
    return {".md": f"{table}\n{verdict}\n"}


if __name__ == "__main__":
    flags = {"runs": (100, "runs to stop"), "seed": (0, "seed of the moments")}
    sys.exit(run("kill_and_resume", __doc__, measure, by_processor=False, **flags))
