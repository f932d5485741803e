"""The table of Stable-Baselines3's DQN, against numbers worked out by hand and by scipy."""

import pandas as pd
import pytest
import scipy.stats

from reporting.docs_sb3 import stable_baselines3


@pytest.fixture
def results(tmp_path):
    """Two seeds of 22 episodes, of which the first two are left out, and three seeds of the claims."""
    (tmp_path / "results" / "sb3").mkdir(parents=True)
    (tmp_path / "results" / "claims").mkdir()
    rows = [
        {"episode": episode, "seed": seed, "rounds": 36 if episode < 3 else rounds, "final_accuracy": accuracy}
        for seed, rounds, accuracy in ((101, 12, 0.81), (100, 14, 0.79))
        for episode in range(1, 23)
    ]
    table = pd.DataFrame(rows).assign(communication_cost=0.5, episode_return=-8.0)
    table.to_csv(tmp_path / "results/sb3/tuning-published-default.csv", index=False)
    claims = [
        {"split": split, "policy": policy, "seed": seed, "rounds": rounds, "reached_goal": 1.0}
        for split in ("disjoint", "published")
        for policy in ("random", "dqn")
        for seed, rounds in enumerate((10.0, 11.0, 15.0))
    ]
    table = pd.DataFrame(claims).assign(communication_cost=0.25, episode_return=-9.0)
    table.to_csv(tmp_path / "results/claims/per_seed.csv", index=False)
    return tmp_path


def rows_of(results):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in stable_baselines3(results).splitlines()[2:]]


def test_the_last_20_episodes_are_averaged_by_seed(results):
    """Student's t of two seeds is 12.71; 12 and 14 rounds have a standard error of 1."""
    rows = rows_of(results)
    assert [row[:2] for row in rows] == [
        ["disjoint", "the authors' DQN"],
        ["disjoint", "random policy"],
        ["published", "Stable-Baselines3, its defaults"],
        ["published", "the authors' DQN"],
        ["published", "random policy"],
    ]
    assert rows[2][2:4] == ["100 to 101", "2,000 images, tuning"]
    assert rows[2][4:] == [
        "13.0 (0.3 to 25.7)",
        "0.500 (0.500 to 0.500)",
        "-8.00 (-8.00 to -8.00)",
        "50%",
    ]
    low, high = scipy.stats.t.interval(0.95, 2, 12, scipy.stats.sem([10, 11, 15]))
    assert rows[3][2:5] == ["0 to 2", "all images", f"12.0 ({low:.1f} to {high:.1f})"]
    assert rows[3][5:] == ["0.250 (0.250 to 0.250)", "-9.00 (-9.00 to -9.00)", "100%"]


def test_reported_seeds_are_compared_in_pairs(results):
    """Of 14 and 12 rounds less 10 and 11, seed 2 left out: 4 rounds and 1."""
    rows = [
        {"episode": episode, "seed": seed, "rounds": rounds, "final_accuracy": 0.79}
        for seed, rounds in ((0, 14), (1, 12))
        for episode in range(1, 21)
    ]
    table = pd.DataFrame(rows).assign(communication_cost=0.5, episode_return=-8.0)
    table.to_csv(results / "results/sb3/disjoint.csv", index=False)
    rows = rows_of(results)[:5]
    assert rows[0][:2] == ["disjoint", "Stable-Baselines3, changed arguments"]
    assert rows[0][2:5] == ["0 to 1", "all images", "13.0 (0.3 to 25.7)"]
    assert [row[1] for row in rows[1:]] == [
        "the authors' DQN",
        "random policy",
        "difference from the authors' DQN",
        "difference from random policy",
    ]
    low, high = scipy.stats.t.interval(0.95, 1, 2.5, scipy.stats.sem([4, 1]))
    for row in rows[3:]:
        assert row[2:4] == ["0 to 1", "all images"]
        assert row[4:] == [
            f"+2.5 ({low:+.1f} to {high:+.1f})",
            "+0.250 (+0.250 to +0.250)",
            "+1.00 (+1.00 to +1.00)",
            "-100% (-100% to -100%)",
        ]
