"""Times the start of `python main.py`: `python -m benchmarks.start_up --out results/benchmarks`.

The time is that from the start of the process to the first row of rounds.csv. On a busy machine the processor time is
the more reliable one. `--before` names a checkout of an earlier version, which is started in turn with this one.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from reporting.tables import markdown
from settings.errors import UsageError
from settings.names import PROJECT
from studies.command import run


def first_round(project: Path, threads: int) -> tuple[float, float]:
    """Returns (seconds, seconds of processor time) until a run of the version in `project` has logged a round."""
    with tempfile.TemporaryDirectory() as folder:
        rounds = Path(folder) / "run" / "rounds.csv"
        command = [sys.executable, "main.py", "--run-dir", str(rounds.parent), "--threads", str(threads)]
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL)
        try:
            while not rounds.exists() or rounds.read_text().count("\n") < 2:
                if process.poll() is not None:
                    raise UsageError(f"main.py in {project} ended with {process.returncode} before its first round")
                time.sleep(0.01)
            seconds = time.perf_counter() - started
            ticks = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]  # user, system
            return seconds, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        finally:
            process.kill()
            process.wait()


def benchmark(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table and the seconds of every start."""
    projects = {"this version": PROJECT}
    if options.before:
        projects = {"before": Path(options.before)} | projects
    for project in projects.values():
        first_round(project, options.threads)  # compiles, and fills the system's file cache
    rows = [
        (name, *first_round(project, options.threads))
        for _ in range(options.repetitions)
        for name, project in projects.items()
    ]
    times = pd.DataFrame(rows, columns=["version", "seconds", "processor"])
    medians = times.groupby("version").median().map("{:.1f}".format).reset_index()
    text = markdown(medians.set_axis(["version", "s to the first round", "of processor time"], axis=1))
    text += f"\nMedians of {options.repetitions} starts on {options.threads} thread(s).\n"
    return {".md": text, ".csv": times.to_csv(index=False)}


if __name__ == "__main__":
    flags = {"repetitions": (9, "starts of each version"), "before": ("", "checkout of an earlier version")}
    sys.exit(run("start_up", __doc__, benchmark, **flags))
