"""Injured files of a finished run, as `checks.fuzz` tries them on what reads them: figures, reports, a resume."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import main
import plots
import report
from logs import EPISODE_METRICS, ROUND_METRICS
from run_folder import CHECKPOINT, DESCRIPTION, holds_run
from runs.checkpoint import read_checkpoint
from runs.description import read_description

FLAGS = "--dataset fashion-mnist --policy random --episodes 3 --round-limit 3 --nodes 3 --pca-components 3"
MORE = ("--samples-per-node", "20", "--figure-every", "0")
VICTIMS = ("rounds.csv", "episodes.csv", "nodes.csv", "distances.csv", "node_models.csv", DESCRIPTION, CHECKPOINT)
CELLS = (b"", b"nan", b"inf", b"-1", b"1e400", b"abc", b"True", b"0x10", b'"', b"9" * 30, "é".encode(), b"[/b]")
DRAWN_EVERY = 20  # figures take seconds


def make_run(folder: Path, data: Path):
    """Makes the run whose files are injured, from a data file."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        code = main.main([*FLAGS.split(), *MORE, "--data-path", str(data), "--run-dir", str(folder)])
    if code:
        raise RuntimeError("the run to be injured failed")


def injured_cells(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns a CSV file in which a few cells say something else, rows are gone or twice, or lines end otherwise."""
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


def resume(folder: Path):
    """Checks a run as a resume does before it changes anything."""
    config = read_description(folder)["config"]
    headers = {"rounds.csv": ROUND_METRICS, "episodes.csv": EPISODE_METRICS}
    for name, extent in read_checkpoint(folder, config)[1].items():
        extent.check(folder / name, [metric.name for metric in headers[name]])


def readers(number: int) -> dict[str, Callable[[Path], object]]:
    """Returns what is tried on an injured run, by name."""
    found = {
        "plots.py, reading": lambda folder: [plots.label(plots.read_table(folder, name)) for name in plots.COLUMNS],
        "report.py, reading": lambda folder: report.every_average(report.read_runs(folder.parent)[0]),
        "main.py --resume": resume,
    }
    if number % DRAWN_EVERY == 0:
        out = Path(tempfile.gettempdir()) / "figures"
        found["plots.py"] = lambda folder: _exits(plots.main([str(folder), "--out", str(out)]))
        found["report.py"] = lambda folder: _exits(report.main([str(folder.parent), "--out", str(out)]))
    return found


def _exits(code: int):
    """Ends as a process would."""
    raise SystemExit(code)


def fuzz_tables(
    count: int, run: Path, mutate: Callable[[bytes, np.random.Generator], bytes], rng: np.random.Generator
) -> Iterator[tuple[str, Callable[[], object], str]]:
    """Yields (reader, attempt, description of the injury) for `count` injured copies of a run.

    An attempt raises RuntimeError where reading changed a file.
    """
    for number in range(count):
        folder = Path(tempfile.mkdtemp()) / "run"
        shutil.copytree(run, folder, ignore=shutil.ignore_patterns("figures", ".lock"))
        path = folder / VICTIMS[rng.integers(len(VICTIMS))]
        cells = path.suffix == ".csv" and rng.random() < 0.7
        path.write_bytes((injured_cells if cells else mutate)(path.read_bytes(), rng))
        before = {path: path.read_bytes() for path in folder.iterdir()}

        def unharmed(read: Callable[[Path], object], folder: Path = folder, before: dict[Path, bytes] = before) -> None:
            try:
                read(folder)
            finally:
                if before != {path: path.read_bytes() for path in folder.iterdir()}:
                    raise RuntimeError("a file was changed by reading")

        for name, read in readers(number).items():
            yield name, lambda read=read, unharmed=unharmed: unharmed(read), f"{path.name}: {path.read_bytes()!r:.300}"
        holds_run(folder)
        shutil.rmtree(folder.parent)
