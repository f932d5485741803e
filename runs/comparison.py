"""Compares the logs of runs, and of a run with those of the run that `--like` names."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from runs.description import read_description
from runs.packed import parse
from runs.records import TIMES
from runs.tables import read_text
from settings.errors import UsageError, first_line
from settings.machine import machine, numeric_environment

if TYPE_CHECKING:
    from nodes.local import LocalNodes
    from nodes.ray_actors import RayNodes

COMPARED = ("rounds.csv", "episodes.csv")
COMPUTE = ("tensorflow", "keras", "numpy", "numba")  # the packages whose version can change a run's last digits


def read(folder: Path, names: Iterable[str] = COMPARED) -> dict[str, pd.DataFrame]:
    """Reads CSV files of a run, packed or not, as tables of text, without the times.

    Raises UsageError where one is missing, or is not what a run writes.
    """
    tables = {}
    for name in names:
        text = read_text(folder, name)
        try:
            table = parse(text)
        except ValueError as error:
            raise UsageError(f"{folder / name} cannot be read ({first_line(error)})") from error
        if name in COMPARED and "episode" not in table:
            raise UsageError(f"{folder / name} lacks the column episode; it is not of a run of main.py")
        tables[name] = table.drop(columns=[*TIMES & set(table)])
    return tables


def equal(folder: Path, other: Path, names: Iterable[str] = COMPARED) -> bool:
    """Tells whether CSV files of two runs are equal, times aside."""
    tables = read(folder, names).values(), read(other, names).values()
    return all(one.equals(two) for one, two in zip(*tables, strict=True))


def first_difference(before: pd.DataFrame, after: pd.DataFrame) -> str:
    """Returns the first difference in the columns that both tables have, as text; empty where there is none."""
    if len(before) != len(after):
        return f"{len(before)} rows before, {len(after)} now"
    shared = [name for name in before if name in after]
    differs = before[shared] != after[shared]
    if not differs.to_numpy().any():
        return ""
    row = differs.any(axis=1).idxmax()
    name = differs.loc[row].idxmax()
    return f"row {row + 1}, {name}: {before.loc[row, name]} before, {after.loc[row, name]} now"


def refuse_incomparable(like: Path, nodes: "LocalNodes | RayNodes"):
    """Raises UsageError where the run in the folder `like` had other images than the `nodes`, or has no episode."""
    described = read_description(like)
    if described["dataset_sha256"] != nodes.sha256():
        raise UsageError(f"{like} ran on other data ({described['dataset']}, here {nodes.name}); give its --data-path")
    if read(like)["episodes.csv"].empty:
        raise UsageError(f"{like} has no finished episode to compare with; give another run")


def compare_with(like: Path, folder: Path, nodes: "LocalNodes | RayNodes") -> tuple[bool, str]:
    """Compares a finished run with the run in `like`, in the episodes that both have; returns (whether it is as
    expected, what was found). Logs are expected to be equal, times aside, on the same kind of machine."""
    described, before, after = read_description(like), read(like), read(folder)
    episodes = set(before["episodes.csv"]["episode"]) & set(after["episodes.csv"]["episode"])
    tables, found = {}, ""
    for name in COMPARED:
        # Which arithmetic evaluated is told as a property of the machine.
        both = [table[name].drop(columns="evaluation", errors="ignore") for table in (before, after)]
        old, new = (table[table["episode"].isin(episodes)].reset_index(drop=True) for table in both)
        tables[name], difference = new, first_difference(old, new)
        found = found or (f"{name}, {difference}" if difference else "")
    counted = f"{len(tables['rounds.csv'])} rounds of {len(episodes)} episodes"
    others = machine_differences(described, nodes)
    kind = f"; this is another kind of machine ({'; '.join(others)})" if others else ", on the same kind of machine"
    if not found:
        return True, f"The logs equal those of {like} in all columns but the times, {counted}{kind}."
    commit = str(described.get("git_commit"))[:7]
    return bool(others), f"The logs differ from those of {like} (commit {commit}): {found}{kind}."


def machine_differences(described: dict, nodes: "LocalNodes | RayNodes") -> list[str]:
    """Returns in what this machine differs from that of a run's description, as far as that can change numbers."""
    pairs = {"evaluation": (described["evaluation"], nodes.evaluation)}
    present, packages = machine(), described.get("packages") or {}
    pairs["processor"] = described.get("processor"), present["processor"]
    pairs |= {name: (packages.get(name), present["packages"][name]) for name in COMPUTE}
    here = numeric_environment()
    then = described.get("environment", here)  # early runs do not tell
    pairs |= {name: (then.get(name), here.get(name)) for name in sorted({*then, *here})}
    return [f"{name} {before}, here {now}" for name, (before, now) in pairs.items() if before != now]
