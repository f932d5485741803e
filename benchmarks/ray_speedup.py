"""Measures the speed-up of a sweep with Ray workers: `python -m benchmarks.ray_speedup --out results/benchmarks`.

Runs the same experiments with the random policy on Ray clusters of this machine, whose nodes have one processor each:
one node and two nodes in turn. The time is that of the whole command, from its start until the last file is written.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from reporting.tables import markdown
from settings.errors import UsageError
from settings.names import PROJECT
from studies.command import run


def sweep(options: argparse.Namespace, workers: int, out: Path) -> float:
    """Runs the sweep on a new cluster of `workers` nodes, and returns the seconds it took."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        for _ in range(workers - 1):
            cluster.add_node(num_cpus=1)
        flags = ["--policies", "random", "--splits", "disjoint", "--seeds", f"0-{options.runs - 1}"]
        flags += ["--control-episodes", options.episodes, "--engine", "ray", "--ray-address", cluster.address]
        line = [sys.executable, PROJECT / "sweep.py", *flags, "--out", out]
        started = time.perf_counter()
        done = subprocess.run([*map(str, line)], capture_output=True, text=True)
        took = time.perf_counter() - started
    finally:
        cluster.shutdown()
    if done.returncode:
        raise UsageError(f"the sweep failed: {(done.stderr.splitlines() or ['it says nothing'])[-1]}")
    return took


def measure(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table and the seconds of every repetition."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    seconds = {1: [], 2: []}
    for _ in range(options.repetitions):
        for workers, column in seconds.items():
            with tempfile.TemporaryDirectory() as folder:
                column.append(sweep(options, workers, Path(folder) / "sweep"))
    medians = {workers: np.median(column) for workers, column in seconds.items()}
    lines = [(workers, f"{value / 60:.2f}", f"{medians[1] / value:.2f}") for workers, value in medians.items()]
    table = markdown(pd.DataFrame(lines, columns=["Ray workers of one processor", "minutes", "speed-up"]))
    note = f"Medians of {options.repetitions} sweeps of {options.runs} runs, {options.episodes} episodes each."
    rows = ["workers,repetition,seconds"]
    rows += [f"{workers},{k + 1},{took:.1f}" for workers, column in seconds.items() for k, took in enumerate(column)]
    return {".md": f"{table}\n{note}\n", ".csv": "\n".join(rows) + "\n"}


if __name__ == "__main__":
    numbers = {"runs": (4, "runs of a sweep"), "episodes": (2, "episodes of a run")}
    sys.exit(run("ray_speedup", __doc__, measure, **numbers, repetitions=(3, "sweeps with each cluster")))
