"""The rule of the goal by hand, and its runs: what they are, and that they tell what a run with that goal would do."""

import json

import pandas as pd
import pytest
from helpers import run, write_run

from studies import goals


@pytest.mark.parametrize(
    ("best", "expected"),
    [
        ([0.8] * 20, 0.8),
        ([0.8499] * 20, 0.8),
        ([0.1] + [0.72] * 19, 0.7),  # one of 20 may miss it
        ([0.1, 0.6999] + [0.9] * 18, 0.65),  # not two
        ([0.3, 0.35] + [0.9] * 18, 0.35),
        ([0.01] * 20, 0),
        ([1.0] * 20, 1),
    ],
)
def test_rule_by_hand(best, expected):
    assert goals.goal(best) == expected


def write_rounds(folder, dataset, seed, accuracies):
    """Writes a rounds.csv of four episodes, each of three rounds with the given accuracy in the second one."""
    write_run(folder.parent, "random", seed, [3] * len(accuracies), [0] * len(accuracies)).rename(folder)
    rows = [
        {"seed": seed, "episode": episode, "round": round, "node": 0, "previous_node": 0, "accuracy": accuracy}
        for episode, best in enumerate(accuracies, 1)
        for round, accuracy in enumerate([0.1, best, best - 0.05], 1)
    ]
    of_run = {"goal": 1, "policy": "random", "split": "disjoint", "dataset": dataset, "learner": "cnn"}
    pd.DataFrame(rows).assign(**of_run, learner_variant="").to_csv(folder / "rounds.csv", index=False)


def test_tables_are_of_all_whole_searches(tmp_path, monkeypatch, capsys):
    """The sweep is played by files made up: 20 episodes of one data set, 19 reaching 0.6; of another one only four, and
    a run that has just begun."""
    write_rounds(tmp_path / "runs/mnist/random-disjoint-seed100", "mnist", 100, [0.7] * 4)
    begun = tmp_path / "runs/mnist/random-disjoint-seed101"
    write_rounds(begun, "mnist", 101, [])
    described = json.loads((begun / "run.json").read_text()) | {"end": None}
    (begun / "run.json").write_text(json.dumps(described))
    commands = []

    def sweep(arguments):
        commands.append(arguments)
        for seed in range(100, 105):
            folder = tmp_path / f"runs/fashion-mnist/random-disjoint-seed{seed}"
            write_rounds(folder, "fashion-mnist", seed, [0.62, 0.64, 0.63, 0.59 if seed == 102 else 0.61])
        return 0

    monkeypatch.setattr("sweep.main", sweep)
    assert goals.main(["--dataset", "fashion-mnist", "--jobs", "1", "--out", str(tmp_path)]) == 0
    assert commands[0][-2:] == ["--out", str(tmp_path / "runs/fashion-mnist")]
    table = (tmp_path / "goals.md").read_text()
    assert table.splitlines()[2:] == [
        "| fashion-mnist | disjoint | cnn | 0.60 | 19 of 20 | 0 of 20 | 0.59 | 0.61 | 0.625 | 0.64 |"
    ]
    assert table in capsys.readouterr().out
    episodes = pd.read_csv(tmp_path / "goals.csv")
    assert len(episodes) == 20
    assert episodes["round"].unique().tolist() == [2]
    assert episodes[episodes["seed"] == 102]["best_accuracy"].tolist() == [0.62, 0.64, 0.63, 0.59]


def test_runs_are_those_of_tuning_seeds(tiny, tmp_path, capsys):
    shared = ["--dataset", "fashion-mnist", "--data-path", tiny[tiny.index("--data-path") + 1]]
    assert goals.main([*shared, "--splits", "disjoint,exclusive", "--out", str(tmp_path), "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * 5
    assert all("--policy random" in line and "--goal 1 --round-limit 36 --episodes 4" in line for line in lines)
    assert [int(line.split("--seed ")[1].split()[0]) for line in lines[::2]] == [100, 101, 102, 103, 104]
    assert goals.main([*shared, "--goal", "0.5", "--out", str(tmp_path)]) == 2
    assert "--goal does not fit the rule" in capsys.readouterr().err


def test_a_run_to_the_end_tells_when_a_goal_is_reached(tiny, tmp_path):
    """The random policy does the same whatever the goal is, so that the best accuracy decides."""
    whole, cut = ("--policy", "random", "--episodes", 1, "--round-limit", 8), tmp_path / "cut"
    run(*tiny, *whole, "--goal", 1, "--run-dir", tmp_path / "whole")
    (best,) = goals.best_accuracies(tmp_path / "whole").to_dict("records")
    run(*tiny, *whole, "--goal", best["best_accuracy"], "--run-dir", cut)
    episode = pd.read_csv(cut / "episodes.csv").iloc[0]
    assert (episode["rounds"], episode["reached_goal"]) == (best["round"], True)
    assert episode["final_accuracy"] == best["best_accuracy"]
