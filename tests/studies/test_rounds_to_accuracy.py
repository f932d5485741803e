"""The rounds to each accuracy by hand, from logs made up for it and from those that are published."""

import numpy as np
import pandas as pd
import pytest
from helpers import write_run

from reporting.averages import per_seed, read_runs
from runs.records import RoundRecord, columns
from settings.names import PROJECT
from studies import rounds_to_accuracy


def write(folder, policy, seed, *episodes, stays=True, **changes):
    """Writes a finished run with the accuracies of the rounds of each of its episodes.

    The model stays in all rounds, or else moves in the odd ones.
    """
    write_run(folder, policy, seed, [len(accuracies) for accuracies in episodes], [0] * len(episodes), **changes)
    (path,) = folder.glob(f"{policy}-*seed{seed}")
    rows = [
        dict.fromkeys(columns(RoundRecord), "")
        | {"episode": episode, "round": round, "accuracy": accuracy}
        | {"node": 0 if stays else round % 2, "previous_node": 0}
        for episode, accuracies in enumerate(episodes, 1)
        for round, accuracy in enumerate(accuracies, 1)
    ]
    pd.DataFrame(rows).to_csv(path / "rounds.csv", index=False)


@pytest.fixture
def studied(tmp_path):
    """The goal is 0.5, the limit 5 rounds."""
    settings = {"goal": 0.5, "round_limit": 5}
    write(tmp_path / "runs", "random", 0, [0.4, 0.2, 0.5], [0.3, 0.39, 0.4, 0.1, 0.2], **settings)
    write(tmp_path / "runs", "random", 1, [0.35, 0.45, 0.1, 0.1, 0.1], [0.1, 0.4, 0.7], **settings)
    write(tmp_path / "runs", "standalone", 0, [0.6], **settings)
    write(tmp_path / "runs", "nearest", 0, [0.6], **settings)
    write(tmp_path / "runs", "dqn", 0, *[[0.2] * 5] * 5, *[[0.1, 0.1, 0.1, 0.5]] * 20, stays=False, **settings)
    assert rounds_to_accuracy.main([str(tmp_path / "runs"), "--out", str(tmp_path / "out")]) == 0
    return tmp_path / "out"


def test_counts_by_hand(studied):
    counts = pd.read_csv(studied / "rounds_to_accuracy.csv")
    assert set(counts["policy"]) == {"random", "standalone", "dqn"}
    rounds = counts.set_index(["policy", "seed", "accuracy"])["rounds"]
    # An accuracy that is missed counts with the limit.
    assert rounds["random", 0].to_dict() == {0.3: 1, 0.35: 1.5, 0.4: 2, 0.45: 4, 0.5: 4}
    assert rounds["random", 1].to_dict() == {0.3: 1.5, 0.35: 1.5, 0.4: 2, 0.45: 2.5, 0.5: 4}
    assert set(rounds["standalone", 0]) == {1}
    assert set(rounds["dqn", 0]) == {4}  # the last 20 episodes, as in a report
    stays = counts.groupby("policy")["stays"].unique()
    assert stays["dqn"] == pytest.approx(2 / 3, abs=1e-4)  # rounds 2 and 4 of 2, 3 and 4
    assert stays["random"] == [1]
    assert np.isnan(stays["standalone"])  # no choice


def test_table_has_the_goal_and_figure_every_policy(studied):
    (row,) = (studied / "rounds_to_accuracy.md").read_text().splitlines()[2:]
    rounds = "4.0 (no interval) | 4.0 (4.0 to 4.0) | 1.0 (no interval)"
    assert row == f"| mnist | disjoint | 0.50 (goal) | {rounds} | 67% (no interval) |"
    figure = rounds_to_accuracy.figure(pd.read_csv(studied / "rounds_to_accuracy.csv"))
    (axes,) = figure.axes
    assert {line.get_label(): line.get_ydata()[-1] for line in axes.lines} == {"dqn": 4, "random": 4, "standalone": 1}
    assert {path.name for path in (studied / "figures").iterdir()} == {
        "rounds_to_accuracy.png",
        "rounds_to_accuracy.pdf",
    }


def test_seeds_with_their_own_worlds_are_a_task_of_their_own_and_policies_may_be_missing(tmp_path):
    for world, rounds in (("authors", 2), ("seed", 3)):
        for seed in (0, 1):
            write(tmp_path / world, "random", seed, [*[0.1] * (rounds - 1), 0.5], goal=0.5, world=world)
    folders = [str(tmp_path / world) for world in ("authors", "seed")]
    assert rounds_to_accuracy.main([*folders, "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/rounds_to_accuracy.md").read_text().splitlines()[2:] == [
        "| mnist | disjoint | 0.50 (goal) |  | 2.0 (2.0 to 2.0) |  |  |",
        "| mnist, one world per seed | disjoint | 0.50 (goal) |  | 3.0 (3.0 to 3.0) |  |  |",
    ]
    figure = rounds_to_accuracy.figure(pd.read_csv(tmp_path / "out/rounds_to_accuracy.csv"))
    curves = {axes.get_title(): [line.get_ydata()[-1] for line in axes.lines] for axes in figure.axes}
    assert curves == {"mnist, disjoint split": [2], "mnist, one world per seed, disjoint split": [3]}


def test_rounds_to_the_goal_are_those_of_the_report():
    """A published sweep: what is counted from rounds.csv equals the rounds of episodes.csv."""
    folder = PROJECT / "results/exclusive"
    report = per_seed(read_runs(folder)[0]).set_index(["policy", "seed"])["rounds"]
    for policy, seed in (("dqn", 3), ("random", 0), ("standalone", 9)):
        counts = rounds_to_accuracy.count(folder / f"{policy}-exclusive-seed{seed}")
        assert counts.set_index("accuracy")["rounds"][0.8] == report[policy, seed]


def test_folder_without_runs_of_interest_is_refused(tmp_path, capsys):
    write(tmp_path, "nearest", 0, [0.6])
    assert rounds_to_accuracy.main([str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "no finished run of dqn, random, standalone" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_damaged_tables_are_told_in_one_line(tmp_path, capsys):
    write(tmp_path / "runs", "random", 0, [0.4, 0.5])
    (path,) = tmp_path.glob("runs/*/rounds.csv")
    path.write_text(path.read_text().replace("0.4", "few"))
    assert rounds_to_accuracy.main([str(tmp_path / "runs"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
