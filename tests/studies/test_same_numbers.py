"""The comparison of two versions' numbers finds what differs and nothing else."""

import shutil

import pandas as pd
import pytest

from studies.same_numbers import compare


@pytest.fixture
def pair(finished, tmp_path):
    """Two folders with the same run."""
    return [shutil.copytree(finished, tmp_path / name) for name in ("before", "now")]


def change(folder, name, **columns):
    """Overwrites columns of a table of a run, all rows of them or the last one."""
    table = pd.read_csv(folder / name, dtype=str, keep_default_na=False)
    for column, value in columns.items():
        table.loc[len(table) - 1, column] = value
    table.to_csv(folder / name, index=False)


def test_times_are_not_compared(pair):
    change(pair[1], "rounds.csv", train_seconds="9", evaluate_seconds="9", round_seconds="9")
    change(pair[1], "episodes.csv", seconds="9")
    assert compare(*pair) == (len(pd.read_csv(pair[0] / "rounds.csv")), True, "equal")


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [("rounds.csv", "loss", "0.5000000000000001"), ("episodes.csv", "ended", "lost"), ("rounds.csv", "loss", "")],
)
def test_first_difference_is_named(pair, name, column, value):
    table = pd.read_csv(pair[0] / name, dtype=str, keep_default_na=False)
    change(pair[1], name, **{column: value})
    _, equal, found = compare(*pair)
    assert not equal
    assert found == f"{name}, row {len(table)}, {column}: {table[column].iloc[-1]} before, {value} now"


def test_missing_rows_differ(pair):
    episodes = pd.read_csv(pair[1] / "episodes.csv", dtype=str, keep_default_na=False)
    episodes[:-1].to_csv(pair[1] / "episodes.csv", index=False)
    assert compare(*pair)[1:] == (False, f"episodes.csv, {len(episodes)} rows before, {len(episodes) - 1} now")


def test_columns_of_one_version_are_named_only(pair):
    change(pair[0], "episodes.csv", former="1")
    change(pair[1], "rounds.csv", added="1")
    assert compare(*pair)[1:] == (
        True,
        "equal; rounds.csv has added only now; episodes.csv has former only before",
    )
