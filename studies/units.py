"""Measures the units of a study: each has its own CSV file and is measured once.

`pack` puts the files of all units of a part into one table, `runs/PART.csv.gz`, whose first column names the unit.

Several processes may work in one folder. A unit that one of them measures is locked for the others.
"""

import dataclasses
import functools
import gzip
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import filelock
import pandas as pd
from rich.console import Console

from runs.description import now
from runs.folder import FIGURES, lock, write_atomically
from runs.packed import parse, readable, rows_by
from runs.packing import compressed, read_files, write_new
from runs.screen import progress_bar
from settings.errors import UsageError

RUNS, LOCKS, DESCRIPTION = "runs", "locks", "comparison.json"
REPORTS = (DESCRIPTION, "*.csv", "report.md", f"{FIGURES}/*")
Rows = list[dict[str, float]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unit:
    """One measurement. Its fields identify it and name its file; subclasses add fields, `part` and how to measure it.

    `cost` says how long it takes, in any unit that all units of a study share; the time left follows from it.
    """

    part: ClassVar[str]
    cost: ClassVar[float] = 1
    seed: int

    def name(self) -> str:
        """Returns the name of its file without the ending."""
        values = [getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "seed"]
        shown = [f"{value:g}" if isinstance(value, float) else str(value) for value in values if value != ""]
        return "-".join([self.part, *shown, f"seed{self.seed}"]).replace(" ", "-")

    def needs(self) -> "list[Unit]":
        """Returns the units that have to be finished before this one."""
        return []

    def path(self, folder: Path) -> Path:
        """Returns its CSV file in the comparison's folder."""
        return folder / RUNS / f"{self.name()}.csv"

    def finished(self, folder: Path) -> bool:
        """Returns whether it has been measured."""
        return self.path(folder).exists() or self.name() in packed(folder, self.part)

    def write(self, rows: Rows, folder: Path):
        """Writes its rows, each with the fields of the unit."""
        table = pd.DataFrame([{"part": self.part, **dataclasses.asdict(self), **row} for row in rows])
        write_atomically(self.path(folder), table.to_csv(index=False).encode())

    def read(self, folder: Path) -> pd.DataFrame:
        """Returns its rows as a DataFrame."""
        path = self.path(folder)
        return _read(path) if path.exists() else packed(folder, self.part)[self.name()]


def prepare(folder: Path, fixed: dict, about: dict):
    """Makes the folder of a study and writes its description: settings that are `fixed`, and what else is known.

    Raises UsageError where the study was started with other fixed settings.
    """
    for name in (RUNS, LOCKS):
        (folder / name).mkdir(parents=True, exist_ok=True)
    path = folder / DESCRIPTION
    with lock(folder / LOCKS / DESCRIPTION):
        if not path.exists():
            write_atomically(path, json.dumps(fixed | about | {"start": now()}, indent=2).encode() + b"\n")
        then = read_settings(folder)
    for name, value in fixed.items():
        if then.get(name) != value:
            raise UsageError(
                f"{folder} was started with {name} {then.get(name)}, not {value}; use that, or choose another --out"
            )


def read_settings(folder: Path) -> dict:
    """Returns the description of a study; raises UsageError where they cannot be read."""
    try:
        return {**json.loads((folder / DESCRIPTION).read_text())}
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{folder / DESCRIPTION} cannot be read ({error}); choose another --out") from error


def measure_with_bar(
    units: Sequence[Unit],
    folder: Path,
    measure: Callable[[Unit, Callable[[float], None]], Rows],
    console: Console | None = None,
):
    """Measures the unfinished units as `measure_all` does, and shows a progress bar with the time left.

    `measure` gets a function too, which it may call with the share of the unit that is done.
    """
    console = console or Console(highlight=False)
    done = [unit for unit in units if unit.finished(folder)]
    console.print(f"{len(units)} units in {folder}, {len(done)} of them finished already", soft_wrap=True)
    bar = progress_bar("units {task.fields[done]}/{task.fields[units]}", console)
    total = sum(unit.cost for unit in units)
    task = bar.add_task("", total=total, completed=sum(unit.cost for unit in done), done=len(done), units=len(units))

    def in_parts(unit: Unit) -> Rows:
        before = bar.tasks[0].completed
        return measure(unit, lambda share: bar.update(task, completed=before + share * unit.cost))

    def on_progress(unit: Unit, seconds: float):
        console.print(f"{unit.name()}  {seconds:.1f} s", soft_wrap=True)
        done.append(unit)
        bar.update(task, completed=sum(unit.cost for unit in done), done=len(done))

    with bar:
        measure_all(units, folder, in_parts, on_progress)


def measure_all(
    units: Sequence[Unit],
    folder: Path,
    measure: Callable[[Unit], Rows],
    on_progress: Callable[[Unit, float], None] = lambda unit, seconds: None,
):
    """Measures the unfinished units in order, except those that another process measures; waits until all are finished.

    `measure` returns the rows (dicts) of a unit. Calls `on_progress(unit, seconds)` for each unit, with 0 seconds if
    another process has measured it.
    """
    waiting = [unit for unit in units if not unit.finished(folder)]
    while waiting:
        moved = False
        for unit in list(waiting):
            if any(not other.finished(folder) for other in unit.needs()):
                continue
            seconds = _measure(unit, folder, measure)
            if seconds is not None:
                waiting.remove(unit)
                on_progress(unit, seconds)
                moved = True
        if not moved:
            time.sleep(1)  # all that is left is with another process, or waits for it


def _measure(unit: Unit, folder: Path, measure: Callable[[Unit], Rows]) -> float | None:
    """Measures a unit; returns the seconds that took, or None where another process is measuring it."""
    try:
        with filelock.FileLock(folder / LOCKS / f"{unit.name()}.lock", blocking=False):
            start = time.perf_counter()
            if unit.finished(folder):
                return 0
            unit.write(measure(unit), folder)
            return time.perf_counter() - start
    except filelock.Timeout:
        return None


def read_part(folder: Path, part: str) -> pd.DataFrame:
    """Returns the rows of all finished units of a part as one DataFrame, empty where there is none."""
    tables = packed(folder, part) | {path.stem: _read(path) for path in _paths(folder, part)}
    tables = [tables[name] for name in sorted(tables, key=lambda name: f"{name}.csv")]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _read(path: Path) -> pd.DataFrame:
    """Returns the rows of a unit's file; raises UsageError for a damaged one."""
    with readable(path):
        return pd.read_csv(path)


def _paths(folder: Path, part: str) -> list[Path]:
    """Returns the files of the finished units of a part that are not packed."""
    return sorted((folder / RUNS).glob(f"{part}-*.csv"))


def packed(folder: Path, part: str) -> dict[str, pd.DataFrame]:
    """Returns the rows of the packed units of a part by the unit's name; raises UsageError for a damaged file."""
    path = folder / RUNS / f"{part}.csv.gz"
    if not path.exists():
        return {}
    with readable(path):
        return _read_packed(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _read_packed(path: Path, _changed: int) -> dict[str, pd.DataFrame]:
    return rows_by(pd.read_csv(path), "unit")


def print_units(units: Sequence[Unit], folder: Path):
    """Prints which units are finished and which are new."""
    for unit in units:
        print(f"{'finished' if unit.finished(folder) else 'new':8}  {unit.name()}")


def pack_and_print(folder: Path, out: Path):
    """Packs the units of a folder as `pack` does, and prints what was done."""
    files = pack(folder, out)
    print(f"{folder} is packed in {out}: {len(files)} files; the files of its units stay")


def pack(folder: Path, out: Path) -> list[Path]:
    """Packs the units measured in `folder` into one table a part in `out`, with the report; returns the files.

    Units of `folder` that are packed already go along. The files of the units stay. Raises UsageError where a file in
    `out` would be replaced by another content.
    """
    read_settings(folder)
    files = read_files(folder, REPORTS)
    parts = {path.name.partition("-")[0] for path in (folder / RUNS).glob("*-*.csv")}
    parts |= {path.name.removesuffix(".csv.gz") for path in (folder / RUNS).glob("*.csv.gz") if "-" not in path.name}
    for part in sorted(parts):
        name, tables = f"{RUNS}/{part}.csv.gz", {}
        for path in _paths(folder, part):
            with readable(path):
                tables[path.stem] = parse(path.read_text())
        rows = [table.assign(unit=unit) for unit, table in tables.items()]
        if (folder / name).exists():
            with readable(folder / name):
                before = parse(gzip.decompress((folder / name).read_bytes()).decode())
                rows.insert(0, before[~before["unit"].isin(tables)])
        rows = pd.concat(rows, ignore_index=True)
        files[name] = compressed(rows[["unit", *rows.columns.drop("unit")]])
    if not parts:
        raise UsageError(f"{folder} holds no measured units; give the --out folder of this study")
    return write_new(out, files)
