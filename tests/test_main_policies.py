"""Policies in whole runs: the nodes in rounds.csv are those that the rule gives, worked out anew from the files."""

import itertools

import numpy as np
import pandas as pd
import pytest
from helpers import run

LONG = ("--episodes", 1, "--goal", 1, "--round-limit", 15, "--starter", 3)


@pytest.fixture
def nodes_of(tiny, tmp_path):
    """Runs a policy; returns the nodes of its 15 rounds and the folder."""

    def play(policy, *flags):
        run(*tiny, *LONG, "--policy", policy, *flags, "--run-dir", tmp_path)
        return pd.read_csv(tmp_path / "rounds.csv")["node"].tolist(), tmp_path

    return play


def test_random_moving_never_stays(nodes_of):
    nodes, _ = nodes_of("random-moving")
    assert nodes[0] == 3
    assert all(node != following for node, following in itertools.pairwise(nodes))


def test_shuffled_cycle_visits_every_node_once_a_cycle(nodes_of):
    nodes, _ = nodes_of("shuffled-cycle", "--nodes", 5, "--pca-components", 5)
    cycles = [tuple(nodes[start : start + 5]) for start in (0, 5, 10)]
    assert [sorted(cycle) for cycle in cycles] == [[0, 1, 2, 3, 4]] * 3
    assert nodes[0] == 3
    assert len(set(cycles)) > 1


def test_label_variance_follows_the_logged_label_counts(nodes_of):
    """With skewed nodes, by NumPy's variance of the counts in nodes.csv."""
    nodes, folder = nodes_of("label-variance", "--split", "dirichlet", "--dirichlet-alpha", 0.3)
    counts = pd.read_csv(folder / "nodes.csv").filter(like="label_").to_numpy()
    expected, seen = [3], counts[3]
    while len(expected) < 15:
        expected.append(int(np.argmin([np.var(seen + more) for more in counts])))
        seen = seen + counts[expected[-1]]
    assert nodes == expected
    assert len(set(nodes)) > 3


def test_an_agent_without_effect_is_named(tiny, tmp_path, capsys):
    run(*tiny, "--policy", "random", "--episodes", 1, "--load-agent", "nowhere.npz", "--run-dir", tmp_path)
    said = " ".join(capsys.readouterr().out.split())
    assert "--load-agent has no effect on --policy random, which has no agent." in said


def test_a_trained_agent_is_evaluated_as_it_is(finished, tiny, tmp_path):
    """It always acts greedily and never learns."""
    run(*tiny, "--evaluate", "--load-agent", finished / "agent.npz", "--goal", 1, "--run-dir", tmp_path)
    rounds, episodes = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("rounds", "episodes"))
    assert rounds["greedy"].tolist() == (rounds["round"] > 1).tolist()
    assert not episodes["epsilon"].any()
    assert episodes["loss"].isna().all()
    with np.load(finished / "agent.npz") as before, np.load(tmp_path / "agent.npz") as after:
        np.testing.assert_array_equal(before["weights"], after["weights"])
