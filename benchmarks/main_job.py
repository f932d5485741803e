"""Measures time and memory of the main job: `python -m benchmarks.main_job --run-dir DIR --out results/benchmarks`.

Runs `main.py` with the preset `paper` into DIR and records its resident memory (Linux) after every episode.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from reporting.tables import markdown
from settings.errors import UsageError
from settings.names import PROJECT
from studies.command import run

EARLY = 5  # the episode that the end is compared with


def status(pid: int, field: str) -> float:
    """Returns a memory field of /proc/PID/status in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def measure(options: argparse.Namespace) -> dict[str, str]:
    """Runs main.py and returns the table and the memory after every episode; raises UsageError where it fails."""
    flags = f"--preset paper --seed {options.seed} --threads {options.threads} --run-dir"
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, str(PROJECT / "main.py"), *flags.split(), str(options.run_dir)])
    episodes, rows, peak = options.run_dir / "episodes.csv", [], 0.0
    while process.poll() is None:
        try:
            done = episodes.read_text().count("\n") - 1
            peak = max(peak, status(process.pid, "VmHWM"))
            if done > (rows[-1][0] if rows else 0):
                rows.append((done, time.perf_counter() - started, status(process.pid, "VmRSS")))
        except (OSError, StopIteration):
            pass  # not begun yet, or just ended
        time.sleep(0.2)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise UsageError(f"main.py ended with exit code {process.returncode}; see what it said above")
    table = pd.DataFrame(rows, columns=["episode", "seconds", "resident_mib"]).set_index("episode")
    early, late = table.loc[EARLY, "resident_mib"], table["resident_mib"].iloc[-1]
    cells = [
        ("threads", f"{options.threads}"),
        ("rounds", f"{pd.read_csv(episodes)['rounds'].sum()}"),
        ("time from the start to the figures", f"{seconds // 60:.0f} min {seconds % 60:.0f} s"),
        (f"resident memory after episode {EARLY}, MiB", f"{early:.0f}"),
        (f"after episode {table.index[-1]}, MiB", f"{late:.0f} ({late / early - 1:+.1%})"),
        ("peak, MiB", f"{peak:.0f}"),
    ]
    return {".md": markdown(pd.DataFrame(cells, columns=["main job", "once"])), ".csv": table.to_csv()}


if __name__ == "__main__":
    flags = {"run_dir": (Path("results/runs/main-job"), "new folder for the run"), "seed": (0, "seed of the run")}
    sys.exit(run("main_job", __doc__, measure, threads=2, **flags))
