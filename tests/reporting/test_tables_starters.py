"""A policy with several starters against hand computation, on made-up runs."""

import numpy as np
import pytest
from helpers import write_run

import report
from reporting import averages, tables


@pytest.fixture
def starters(tmp_path):
    """Standalone from two starters on five seeds, dqn from one. With starter 0 no episode reaches the goal, with
    starter 4 all do: accuracies are 0.75 and 0.8."""
    for seed in range(5):
        write_run(tmp_path, "standalone", seed, [36], [0], starter=0)
        write_run(tmp_path, "standalone", seed, [10 + seed], [0], starter=4)
        write_run(tmp_path, "dqn", seed, [12], [0.1], starter=0)
        write_run(tmp_path, "random", seed, [12], [0.1], starter=0)
    return tmp_path


def test_starters_and_their_mean_by_hand(starters):
    """The means of a seed are 23, 23.5, ..., 25 rounds: 24, standard deviation 0.79."""
    table = averages.per_seed(averages.read_runs(starters)[0])
    rows = tables.starter_table(table)
    assert rows["policy"].tolist() == ["standalone"] * 3
    assert rows["starter"].tolist() == [0, 4, "mean"]
    half = 2.776445 * np.std([23, 23.5, 24, 24.5, 25], ddof=1) / 5**0.5
    assert rows["rounds"].iloc[2] == f"24.0 ({24 - half:.1f} to {24 + half:.1f})"
    assert rows["goal reached"].tolist() == ["0%", "100%", "50%"]
    assert rows["accuracy (Student t)"].iloc[2] == "0.775 (0.775 to 0.775)"


def test_others_against_the_mean_over_starters_by_hand(starters):
    """12 rounds against 24, and 0.8 against 0.775; a seed that lacks a starter does not count."""
    write_run(starters, "standalone", 5, [36], [0], starter=0)
    write_run(starters, "dqn", 5, [12], [0.1], starter=0)
    rows = tables.against_starters_table(averages.per_seed(averages.read_runs(starters)[0])).set_index("policy")
    assert rows.loc["dqn", ["starters of standalone", "seeds"]].tolist() == [2, 5]
    assert rows.loc["dqn", "rounds, change"].startswith("-50.0% (")
    assert rows.loc["random", "accuracy, difference (Student t)"] == "+0.025 (+0.025 to +0.025)"


def test_report_shows_starters_where_they_differ(starters, tmp_path_factory, unrendered):
    text = report.write_report([starters], starters)
    assert "## Starters\n" in text
    assert "## Against the mean over starters\n" in text
    one = tmp_path_factory.mktemp("one")
    write_run(one, "standalone", 0, [36], [0], starter=4)
    assert "starters" not in report.write_report([one], one).lower()
