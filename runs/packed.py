"""Reads packed studies: the runs of a sweep in a few compressed files, which runs/packing.py writes.

A packed study is one folder with `runs.json` (the description of every run), one `.csv.gz` file for each kind of table
(the rows of all runs, with a first column `run`) and `agents/`. Columns that follow from other files are left out, and
reading restores the text of each CSV file exactly as the run wrote it.
"""

import contextlib
import copy
import functools
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from runs.folder import DESCRIPTION
from settings.errors import UsageError

STUDY, FORM = "runs.json", 1
OF_A_TABLE = {"columns", "other_columns", "float32", "lacking", "same_as"}  # what runs.json says of each


class Study:
    """A packed study. Its tables hold text: a cell has the characters that the run wrote."""

    def __init__(self, index: dict, rows: Callable[[str], dict[str, pd.DataFrame]]):
        """Takes the content of runs.json and a function that returns the stored rows of a table by run."""
        self.tables, self.runs, self._rows = index["tables"], index["runs"], rows

    def has(self, run: str, name: str) -> bool:
        """Returns whether a run has a table."""
        return name in self.tables and run not in self.tables[name]["lacking"]

    def table(self, run: str, name: str) -> pd.DataFrame:
        """Returns a table of a run as text, with the columns that are not stored."""
        about, facts = self.tables[name], facts_of(self.runs[run])
        columns = about["other_columns"].get(run, about["columns"])
        stored = self._rows(name)[about["same_as"].get(run, run)]
        derived = {column: work_out for column, work_out in DERIVED.get(name, {}).items() if column in columns}
        table = stored[[column for column in stored if not (column in derived and (stored[column] == "").all())]].copy()
        if about["float32"]:
            table[about["float32"]] = table[about["float32"]].map(lengthen)
        for column, work_out in derived.items():
            if column not in table:
                table[column] = work_out(self, run, table)
        cells = {column: table[column] if column in table else facts[column] for column in columns}
        return pd.DataFrame(cells, index=table.index)

    def text(self, run: str, name: str) -> str:
        """Returns a CSV file of a run as text."""
        return self.table(run, name).to_csv(index=False, lineterminator="\n")


def facts_of(description: dict) -> dict[str, str]:
    """Returns what a run's description says, as cells of a table."""
    return {name: str(value) for name, value in (description["config"] | description).items()}


def _previous_nodes(study: Study, run: str, rounds: pd.DataFrame) -> pd.Series:
    before = rounds["node"].str.partition("+")[0].shift()
    return before.where(rounds["round"] != "1", facts_of(study.runs[run])["starter"])


def _distances(study: Study, run: str, rounds: pd.DataFrame) -> list[str]:
    between = study.table(run, "distances.csv").set_index("node")
    rows, columns = ({label: place for place, label in enumerate(labels)} for labels in (between.index, between))
    cells = between.to_numpy()
    pairs = zip(rounds["previous_node"], rounds["node"], strict=True)
    return [cells[rows[start], columns[end]] for start, end in pairs]


def _rewards(study: Study, run: str, rounds: pd.DataFrame) -> list[str]:
    # The last digit can differ where another mathematical library computes the power.
    config = study.runs[run]["config"]
    pairs = zip(rounds["accuracy"].astype(float), rounds["distance"].astype(float), strict=True)
    return [str(config["reward_base"] ** (accuracy - config["goal"]) - distance - 1) for accuracy, distance in pairs]


def _epsilons(study: Study, run: str, rounds: pd.DataFrame) -> pd.Series:
    return rounds["episode"].map(study.table(run, "episodes.csv").set_index("episode")["epsilon"])


def _ends(study: Study, run: str, rounds: pd.DataFrame) -> pd.Series:
    return (rounds["episode"] != rounds["episode"].shift(-1)).map(str)


# Columns that follow from others, by table. Each is worked out from the study, the run's name and its table so far.
DERIVED = {
    "rounds.csv": {
        "previous_node": _previous_nodes,
        "distance": _distances,
        "reward": _rewards,
        "epsilon": _epsilons,
        "done": _ends,
    }
}


def lengthen(cell: str) -> str:
    """Returns the digits of a float64 that give the same float32."""
    return cell and str(float(np.float32(cell)))


def run_dirs(folder: Path) -> list[Path]:
    """Returns the folders of a study's runs, sorted by name. Those of packed runs are not on the disk."""
    study = _open(folder)
    return sorted({*plain_run_dirs(folder), *(folder / name for name in (study.runs if study else ()))})


def is_packed(run_dir: Path) -> bool:
    """Returns whether a run is packed and has no folder of its own, which would be read instead."""
    if (run_dir / DESCRIPTION).exists() or not (study := _open(run_dir.parent)):
        return False
    return run_dir.name in study.runs


def has_table(run_dir: Path, name: str) -> bool:
    """Returns whether a run, packed or not, has a CSV file of this name."""
    return _open(run_dir.parent).has(run_dir.name, name) if is_packed(run_dir) else (run_dir / name).exists()


def read_packed_description(run_dir: Path) -> dict:
    """Returns what the run.json of a packed run says."""
    return copy.deepcopy(_open(run_dir.parent).runs[run_dir.name])


def read_packed_table(run_dir: Path, name: str) -> str:
    """Returns the text of a CSV file of a packed run.

    Raises UsageError where the file is missing or damaged.
    """
    path, study = run_dir.parent / f"{name}.gz", _open(run_dir.parent)
    if not study.has(run_dir.name, name):
        raise UsageError(f"{path} has no rows of {run_dir.name}; that run wrote no {name}")
    with readable(path):
        return study.text(run_dir.name, name)


def plain_run_dirs(folder: Path) -> list[Path]:
    """Returns the run folders in a folder."""
    return sorted(path.parent for path in folder.glob(f"*/{DESCRIPTION}"))


@contextlib.contextmanager
def readable(path: Path, advice: str = "put the original back") -> Iterator[None]:
    """Raises UsageError, which ends with `advice`, where a file of a study is missing, damaged or of something else."""
    try:
        yield
    except (
        OSError,
        EOFError,
        zlib.error,
        zipfile.BadZipFile,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise UsageError(f"{path} cannot be read ({reason}); {advice}") from error


def _open(folder: Path) -> Study | None:
    """Returns the packed study in a folder, None where there is none."""
    path = folder / STUDY
    if not path.is_file():
        return None
    with readable(path):
        return _read_study(folder, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=16)
def _read_study(folder: Path, _changed: int) -> Study | None:
    """Reads runs.json, anew where it has changed."""
    index = json.loads((folder / STUDY).read_text())
    if "packed" not in index:  # of another program
        return None
    if index["packed"] != FORM:
        raise ValueError(f"it has form {index['packed']}, this version reads {FORM}")
    if not all(isinstance(run["config"], dict) for run in index["runs"].values()):
        raise ValueError("it lacks the settings of a run")
    if not all(set(about) == OF_A_TABLE for about in index["tables"].values()):
        raise ValueError("it lacks how a table is stored")

    def rows(name: str) -> dict[str, pd.DataFrame]:
        path = folder / f"{name}.gz"
        return _read_rows(path, path.stat().st_mtime_ns)

    return Study(index, rows)


@functools.lru_cache(maxsize=8)
def _read_rows(path: Path, _changed: int) -> dict[str, pd.DataFrame]:
    """Reads the rows of all runs from a compressed table, anew where it has changed."""
    return rows_by_run(path.read_bytes())


def rows_by_run(content: bytes) -> dict[str, pd.DataFrame]:
    """Returns the stored rows of each run from the bytes of a compressed table."""
    return rows_by(parse(gzip.decompress(content).decode()), "run")


def rows_by(table: pd.DataFrame, name: str) -> dict[str, pd.DataFrame]:
    """Returns the rows of each value of a column, without that column."""
    groups = table.drop(columns=name).groupby(table[name], sort=False)
    return {value: group.reset_index(drop=True) for value, group in groups}


def parse(text: str) -> pd.DataFrame:
    """Reads CSV text as a table of text."""
    return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
