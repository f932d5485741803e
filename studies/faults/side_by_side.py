"""Tests that two commands in one folder lose nothing: `python -m studies.faults.side_by_side --out results/checks`.

Two processes start the same command at the same moment: runs, sweeps, reports, comparisons of learners. Took 50 minutes
of two cores with other work beside it, most of them for the sweeps.
"""

import argparse
import contextlib
import dataclasses
import io
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reporting.tables import markdown
from runs.comparison import equal
from settings.errors import UsageError
from studies.command import run
from studies.faults.fuzz import small_arrays, write_data

if TYPE_CHECKING:
    from studies.units import Unit

FLAGS = "--dataset fashion-mnist --episodes 4 --round-limit 3 --nodes 3 --pca-components 3 --samples-per-node 20"
UNITS = 12


def run_experiment(folder: Path, data: Path, which: int) -> int:
    """Runs main.py in the folder of the other process."""
    import main

    own = ("--policy", "random", "--threads", "1", "--figure-every", "-1", "--run-dir", str(folder))
    return main.main([*FLAGS.split(), *own, "--data-path", str(data)])


def run_sweep(folder: Path, data: Path, which: int) -> int:
    """Sweeps over two seeds, as the other process does."""
    import sweep

    own = ("--policies", "random", "--seeds", "0-1", "--jobs", "1", "--control-episodes", "4", "--out", str(folder))
    return sweep.main([*own, *FLAGS.split(), "--data-path", str(data)])


def run_report(folder: Path, data: Path, which: int) -> int:
    """Reports on the same runs, into the same files."""
    import report

    return report.main([str(folder)])


def run_comparison(folder: Path, data: Path, which: int) -> int:
    """Measures the same units."""
    from studies import units

    units.prepare(folder, {"dataset": "small"}, {})
    units.measure_all(toy_units(), folder, lambda unit: unit.measure(folder))
    return 0


def toy_units() -> "list[Unit]":
    """Returns units that leave a file for every process that measured them."""
    from studies.units import Unit

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Toy(Unit):
        part = "toy"

        def measure(self, folder: Path) -> list[dict[str, float]]:
            (folder / f"measured-{self.seed}-{os.getpid()}").touch()
            time.sleep(0.01)
            return [{"value": row / 7} for row in range(50)]

    return [Toy(seed=seed) for seed in range(UNITS)]


KINDS = {
    "two runs": run_experiment,
    "two sweeps": run_sweep,
    "two reports": run_report,
    "two comparisons of learners": run_comparison,
}


def quietly(kind: str, folder: Path, data: Path, which: int) -> int:
    """Does a job without its output; returns its exit code. Raises RuntimeError where a refusal is not one line."""
    errors = io.StringIO()
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(errors):
        code = KINDS[kind](folder, data, which)
    if code == 2 and errors.getvalue().count("\n") != 1:
        raise RuntimeError(errors.getvalue())
    return code


def work(jobs: Connection, barrier: Barrier, which: int):
    """Does one job after the other; starts it together with the other process where the job says so."""
    from settings.quiet_import import import_tensorflow_quietly

    import_tensorflow_quietly()
    from models import start_tensorflow

    start_tensorflow(1)
    while True:
        kind, folder, data, together = jobs.recv()
        if together:
            barrier.wait()
        try:
            code = quietly(kind, folder, data, which)
        except Exception as error:
            code = f"{type(error).__name__}: {error}"
        jobs.send(code)


def nothing_lost(kind: str, folder: Path, codes: list, reference: Path) -> bool:
    """Returns whether both processes ended as expected and the folder has everything that it should have."""
    if [*folder.rglob("*.tmp")]:
        return False
    if kind == "two runs":
        return sorted(map(str, codes)) == ["0", "2"] and equal(folder, reference)
    if kind == "two sweeps":  # a run that one sweep has started is refused to the other, which says so
        runs = [path.parent for path in reference.glob("*/run.json")]
        described = [json.loads((folder / run.name / "run.json").read_text()) for run in runs]
        whole = all(about["end"] and not about["resumed"] for about in described)
        return set(codes) <= {0, 1} and len(runs) == 2 and whole and all(equal(folder / run.name, run) for run in runs)
    if codes != [0, 0]:
        return False
    if kind == "two reports":
        names = [path.relative_to(reference) for path in reference.rglob("*") if path.suffix in (".md", ".png", ".pdf")]
        return bool(names) and all((folder / name).read_bytes() == (reference / name).read_bytes() for name in names)
    whole = all(len(unit.read(folder)) == 50 for unit in toy_units())
    return whole and len(list(folder.glob("measured-*"))) == UNITS


def try_all(pipes: list[Connection], place: Path, tries: int) -> Iterator[str]:
    """Yields each kind after its tries; raises UsageError where something was lost."""
    data, _ = write_data(place, "npz", small_arrays(np.random.default_rng(0), 300))
    # What one process makes of it.
    alone = {"two runs": place / "run", "two sweeps": place / "sweep", "two reports": place / "runs"}
    first = [("two runs", alone["two runs"]), ("two runs", alone["two reports"] / "one")]
    for kind, folder in [*first, *((kind, alone[kind]) for kind in ("two sweeps", "two reports") if kind in KINDS)]:
        pipes[0].send((kind, folder, data, False))
        if code := pipes[0].recv():
            raise UsageError(f"{kind}: one process alone ended with {code}")
    for kind in KINDS:
        for number in range(tries):
            folder = place / f"{kind}-{number}" / "runs"  # a report names its folder
            if kind == "two reports":
                shutil.copytree(alone[kind] / "one", folder / "one")
            folder.mkdir(parents=True, exist_ok=True)
            for pipe in pipes:
                pipe.send((kind, folder, data, True))
            codes = [pipe.recv() for pipe in pipes]
            if not nothing_lost(kind, folder, codes, alone.get(kind, place)):
                raise UsageError(f"{kind}, try {number + 1}: something was lost (they ended with {codes})")
        print(f"{kind}: nothing lost in {tries} tries", flush=True)
        yield kind


def measure(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table of tries."""
    context = multiprocessing.get_context("spawn")
    barrier, pipes = context.Barrier(2), [context.Pipe() for _ in range(2)]
    workers = [
        context.Process(target=work, args=(theirs, barrier, which), daemon=True)
        for which, (_, theirs) in enumerate(pipes)
    ]
    for worker in workers:
        worker.start()
    with tempfile.TemporaryDirectory() as place:
        kinds = list(try_all([ours for ours, _ in pipes], Path(place), options.tries))
    for worker in workers:
        worker.terminate()
    rows = [(kind, options.tries, options.tries) for kind in kinds]
    return {".md": markdown(pd.DataFrame(rows, columns=["at once on one folder", "tries", "nothing lost"]))}


if __name__ == "__main__":
    tries = (50, "tries of each kind")
    sys.exit(run("side_by_side", __doc__, measure, threads=1, by_processor=False, tries=tries))
