"""Damages the files of a finished run and tries them on everything that reads a run, for `studies.faults.fuzz`."""

import contextlib
import json
import os
import shutil
import tempfile
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import main
import plots
import report
from reporting import averages, run_figures
from runs import tables
from runs.description import read_description
from runs.folder import CHECKPOINT, DESCRIPTION, holds_run
from runs.logs import RunLog
from runs.options import parse

FLAGS = "--dataset fashion-mnist --episodes 3 --round-limit 3 --nodes 3 --pca-components 3 --minibatch 4 --threads 1"
MORE = ("--samples-per-node", "20", "--figure-every", "0")
VICTIMS = ("rounds.csv", "episodes.csv", "nodes.csv", "distances.csv", "node_models.csv", DESCRIPTION, CHECKPOINT)
CELLS = (b"", b"nan", b"inf", b"-1", b"1e400", b"abc", b"True", b"0x10", b'"', b"9" * 30, "é".encode(), b"[/b]")
VALUES = (None, "", "x", -1, 0.5, 1e400, True, [], [None], {}, {"": 1})  # in run.json
DRAWN_EVERY = 20  # figures take seconds


def make_run(folder: Path, data: Path):
    """Makes the run whose files are injured, from a data file."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        code = main.main([*FLAGS.split(), *MORE, "--data-path", str(data), "--run-dir", str(folder)])
    if code:
        raise RuntimeError("the run to be injured failed")


def injured_cells(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns a CSV file with other values in a few cells, missing or repeated rows, or other line ends."""
    lines = content.split(b"\n")
    for _ in range(rng.integers(1, 4)):
        row = int(rng.integers(len(lines)))
        match rng.integers(5):
            case 0 | 1:
                cells = lines[row].split(b",")
                cells[rng.integers(len(cells))] = CELLS[rng.integers(len(CELLS))]
                lines[row] = b",".join(cells)
            case 2:
                lines.insert(row, lines[row])
            case 3:
                del lines[row]
                lines = lines or [b""]
            case 4:
                return (b"\r\n" if rng.random() < 0.5 else b"\n\n").join(lines)
    return b"\n".join(lines)


def injured_description(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns a run.json in which a key is missing or has another value."""
    about = json.loads(content)
    part = about["config"] if rng.random() < 0.5 else about
    name = list(part)[rng.integers(len(part))]
    if rng.random() < 0.3:
        del part[name]
    else:
        part[name] = VALUES[rng.integers(len(VALUES))]
    return json.dumps(about).encode()


def injured(path: Path, mutate: Callable[[bytes, np.random.Generator], bytes], rng: np.random.Generator) -> bytes:
    """Returns the content of a file of a run with injured bytes or values."""
    meaning = {".csv": injured_cells, ".json": injured_description}.get(path.suffix)
    return (meaning if meaning and rng.random() < 0.7 else mutate)(path.read_bytes(), rng)


def resumer(run: Path) -> Callable[[Path], None]:
    """Returns a function that resumes a copy of a run, up to its first episode."""
    from node import make_policy  # after TensorFlow's own start

    about = read_description(run)
    policy = make_policy(about["config"], np.zeros((3, 3)))
    nodes = types.SimpleNamespace(
        name=about["dataset"],
        sha256=lambda: about["dataset_sha256"],
        evaluation=about["evaluation"],
        evaluation_reason="it is the same",
    )

    def resume(folder: Path):
        config, options = parse(["--resume", "--run-dir", str(folder)])
        log = RunLog(config, nodes, options)
        if log.policy_state is not None:
            policy.restore(log.policy_state)
        log.finish(policy)

    return resume


def average(folder: Path):
    """Reads and averages a run as report.py does."""
    with tables.only_tables_of_runs():
        averages.every_average(averages.read_runs(folder.parent)[0])


def readers(number: int, resume: Callable[[Path], None]) -> dict[str, Callable[[Path], object]]:
    """Returns the functions that read an injured run, by name."""
    found = {
        "plots.py, reading": lambda folder: [
            run_figures.label(tables.read_table(folder, name)) for name in tables.COLUMNS
        ],
        "report.py, reading": average,
    }
    if number % DRAWN_EVERY == 0:
        out = Path(tempfile.gettempdir()) / "figures"
        found["plots.py"] = lambda folder: _exits(plots.main([str(folder), "--out", str(out)]))
        found["report.py"] = lambda folder: _exits(report.main([str(folder.parent), "--out", str(out)]))
    return found | {"main.py --resume": resume}  # the last, as it changes what it takes


def _exits(code: int):
    """Ends as a process would."""
    raise SystemExit(code)


def fuzz_tables(
    count: int, run: Path, mutate: Callable[[bytes, np.random.Generator], bytes], rng: np.random.Generator
) -> Iterator[tuple[str, Callable[[], object], str]]:
    """Yields (reader, attempt, description of the injury) for `count` injured copies of a run.

    An attempt raises RuntimeError where a file was changed though the run was refused, or only read.
    """
    resume = resumer(run)
    for number in range(count):
        folder = Path(tempfile.mkdtemp()) / "run"
        shutil.copytree(run, folder, ignore=shutil.ignore_patterns("figures", ".lock"))
        path = folder / VICTIMS[rng.integers(len(VICTIMS))]
        path.write_bytes(injured(path, mutate, rng))
        before = {path: path.read_bytes() for path in folder.iterdir()}

        def unharmed(read: Callable[[Path], object], folder: Path = folder, before: dict[Path, bytes] = before) -> None:
            taken = False
            try:
                read(folder)
                taken = True
            finally:
                after = {path: path.read_bytes() for path in folder.iterdir()}
                if before != after and not (taken and read is resume):
                    raise RuntimeError("a file was changed by what reads or refuses it")

        for name, read in readers(number, resume).items():
            yield name, lambda read=read, unharmed=unharmed: unharmed(read), f"{path.name}: {path.read_bytes()!r:.300}"
        holds_run(folder)
        shutil.rmtree(folder.parent)
