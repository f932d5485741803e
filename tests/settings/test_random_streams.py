"""The keys of the random streams."""

import numpy as np
import pandas as pd
import pytest
from helpers import PROJECT, run

from runs.tables import read_table
from settings.random_streams import PURPOSES, generator


def test_keys_of_old_purposes_stay_and_new_ones_count(monkeypatch):
    """NumPy pads keys with zeros, so that (5,) and (5, 0) are one; what was drawn by them must not change."""
    np.testing.assert_array_equal(generator(5, "weights").random(3), np.random.default_rng([5, 2]).random(3))
    np.testing.assert_array_equal(generator(5, "order", 1, 0).random(3), np.random.default_rng([5, 3, 1, 0]).random(3))
    monkeypatch.setitem(PURPOSES, "a new one", max(PURPOSES.values()) + 1)
    keys = [(), (0,), (0, 0), (1,), (1, 0), (0, 1)]
    assert len({generator(5, "a new one", *counters).random() for counters in keys}) == len(keys)
    assert generator(5, "a new one", 1).random() == generator(5, "a new one", 1).random()


@pytest.mark.parametrize("seed", [0, 9])
def test_published_random_choices_follow_from_their_keys(seed):
    """Those of NumPy's own generator with the key (seed, 5, episode, round)."""
    rounds = read_table(PROJECT / f"results/claims/random-disjoint-seed{seed}", "rounds.csv").query("round > 1")
    keys = zip(rounds["episode"], rounds["round"], strict=True)
    drawn = [np.random.default_rng([seed, 5, *key]).choice(10, 1, replace=False)[0] for key in keys]
    assert len(drawn) > 300
    assert drawn == rounds["node"].tolist()


def test_the_random_policy_draws_by_these_keys(tiny, tmp_path):
    run(*tiny, "--policy", "random", "--goal", 1, "--seed", 3, "--run-dir", tmp_path)
    rounds = pd.read_csv(tmp_path / "rounds.csv").query("round > 1")
    keys = zip(rounds["episode"], rounds["round"], strict=True)
    assert rounds["node"].tolist() == [np.random.default_rng([3, 5, *key]).choice(10, 1)[0] for key in keys]
