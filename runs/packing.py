"""Packs the run folders of a sweep into the few compressed files that runs/packed.py reads."""

import copy
import functools
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from runs.description import read_description
from runs.folder import AGENT, DESCRIPTION, FIGURES, TABLES, write_atomically
from runs.packed import (
    DERIVED,
    FORM,
    STUDY,
    Study,
    facts_of,
    has_table,
    is_packed,
    lengthen,
    parse,
    plain_run_dirs,
    read_packed_description,
    read_packed_table,
    readable,
    rows_by_run,
    run_dirs,
)
from runs.tables import only_tables_of_runs
from settings.errors import UsageError

AGENTS = "agents"
REPORTS = ("report.md", "per_seed.csv", f"{FIGURES}/**/*")
FLOAT32 = {"rounds.csv": "loss"}  # a float32 that a run writes with all digits of a float64
# Columns with many digits, which are stored last: repeated cells that stand side by side compress better.
LAST = ("distance", "accuracy", "train_seconds", "evaluate_seconds", "round_seconds", "loss", "values")


def shorten(cell: str) -> str:
    """Returns the fewest digits that give the same float32."""
    return cell and str(np.float32(cell))


def pack(folder: Path, out: Path) -> list[Path]:
    """Packs the runs in `folder` into the folder `out`, with the report if there is one; returns the files.

    Runs of `folder` that are packed already are packed with the run folders, which stay. Raises UsageError where a run
    has not finished, where a table differs from what a run writes, or where a file in `out` would be replaced.
    """
    if not plain_run_dirs(folder):
        raise UsageError(f"{folder} holds no run folders; give the --out folder of a sweep")
    dirs, descriptions, agents = run_dirs(folder), {}, {}
    for path in dirs:
        if read_description(path)["end"] is None:
            raise UsageError(f"{path} has not finished; finish its sweep or move it away, then pack again")
        packed = is_packed(path)
        descriptions[path.name] = read_packed_description(path) if packed else _read_description(path)
        agents[f"{AGENTS}/{path.name}.npz"] = folder / AGENTS / f"{path.name}.npz" if packed else path / AGENT
    with only_tables_of_runs():
        files = _packed_tables(dirs, descriptions)
    files |= {name: path.read_bytes() for name, path in agents.items() if path.exists()}
    files |= read_files(folder, REPORTS)
    files[STUDY] = files.pop(STUDY)  # is written last: without it, nothing counts as packed
    return write_new(out, files)


def read_files(folder: Path, patterns: tuple[str, ...]) -> dict[str, bytes]:
    """Returns the files of a folder that fit one of the patterns, by their names in it.

    Leaves out what a killed process left of a file that it was writing.
    """
    paths = [path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.suffix != ".tmp"}


def write_new(out: Path, files: dict[str, bytes]) -> list[Path]:
    """Writes files into the folder `out`, in their order; returns their paths.

    Raises UsageError, and writes nothing, where one of them is there with another content.
    """
    for name, content in files.items():
        if (out / name).exists() and (out / name).read_bytes() != content:
            raise UsageError(f"{out / name} would be replaced; choose another --out or move it away")
    for name, content in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out / name, content)
    return [out / name for name in files]


def compressed(table: pd.DataFrame) -> bytes:
    """Returns a table as compressed CSV text, the same bytes every time."""
    return gzip.compress(table.to_csv(index=False, lineterminator="\n").encode(), mtime=0)


def _packed_tables(dirs: list[Path], descriptions: dict[str, dict]) -> dict[str, bytes]:
    """Returns runs.json and the compressed tables by file name; raises UsageError where one cannot be restored."""
    texts = {name: {path.name: _text(path, name) for path in dirs if has_table(path, name)} for name in TABLES}
    # Where training went wrong there are no node models; a header says as little as no file.
    models = texts["node_models.csv"]
    texts["node_models.csv"] = {run: text for run, text in models.items() if text.count("\n") > 1}
    texts = {name: of_runs for name, of_runs in texts.items() if of_runs}
    tables = {name: {run: parse(text) for run, text in of_runs.items()} for name, of_runs in texts.items()}
    index = {"packed": FORM, "tables": {}, "runs": descriptions}
    for name, of_runs in tables.items():
        columns = list(next(iter(of_runs.values())))
        index["tables"][name] = {
            "columns": columns,
            "other_columns": {run: list(table) for run, table in of_runs.items() if list(table) != columns},
            "float32": None,
            "lacking": [run for run in descriptions if run not in of_runs],
            "same_as": {},
        }
    whole, files = Study(copy.deepcopy(index), tables.__getitem__), {}
    for name, of_runs in tables.items():
        stored = _without_what_follows(whole, name, of_runs)
        about, first = index["tables"][name], {}
        if name in FLOAT32 and all(_is_float32(table[FLOAT32[name]]) for table in of_runs.values()):
            about["float32"] = FLOAT32[name]
            for table in stored.values():
                table[FLOAT32[name]] = table[FLOAT32[name]].map(shorten)
        for run, table in stored.items():
            if (original := first.setdefault(table.to_csv(index=False), run)) != run:
                about["same_as"][run] = original
        rows = pd.concat({run: stored[run] for run in first.values()}, names=["run"]).reset_index("run")
        rows = rows[sorted(rows, key=lambda column: LAST.index(column) if column in LAST else -1)]
        files[f"{name}.gz"] = compressed(rows)
    packed = Study(index, functools.cache(lambda name: rows_by_run(files[f"{name}.gz"])))
    for name, of_runs in texts.items():
        for run, text in of_runs.items():
            if packed.text(run, name) != text:
                raise UsageError(f"{name} of {run} differs from what a run writes; run it again or leave it out")
    return files | {STUDY: json.dumps(index, indent=1).encode() + b"\n"}


def _read_description(run_dir: Path) -> dict:
    return json.loads((run_dir / DESCRIPTION).read_text(encoding="utf-8-sig"))


def _text(run_dir: Path, name: str) -> str:
    if is_packed(run_dir):
        return read_packed_table(run_dir, name)
    with readable(run_dir / name):
        return (run_dir / name).read_text()


def _is_float32(cells: pd.Series) -> bool:
    """Returns whether `shorten` and `lengthen` give the same cells again."""
    return bool((cells.map(shorten).map(lengthen) == cells).all())


def _without_what_follows(whole: Study, name: str, of_runs: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Returns a table by run without the columns that are restored exactly from the rest.

    A column that follows from every run's description is dropped. A derivable column is emptied in each run where it
    can be derived, and dropped where that holds for all runs.
    """
    derived, stored = DERIVED.get(name, {}), {}
    for run, table in of_runs.items():
        follows = [column for column, work_out in derived.items() if _equal(table, column, whole, run, work_out)]
        stored[run] = table.assign(**dict.fromkeys(follows, ""))
    for column in {column: None for table in stored.values() for column in table}:
        holding = {run: table for run, table in stored.items() if column in table}
        expected = {run: "" if column in derived else facts_of(whole.runs[run]).get(column) for run in holding}
        if all((table[column] == expected[run]).all() for run, table in holding.items()):
            stored |= {run: table.drop(columns=column) for run, table in holding.items()}
    return stored


def _equal(table: pd.DataFrame, column: str, whole: Study, run: str, work_out: Callable) -> bool:
    """Returns whether a derived column is worked out as the run wrote it."""
    try:
        return list(work_out(whole, run, table)) == list(table[column])
    except (LookupError, ValueError, ArithmeticError):  # such as the distance of a round of several nodes
        return False
