"""The populations that the checks of intervals and verdicts draw from."""

import numpy as np
import pytest

from runs.tables import read_table
from studies import populations, verdict_errors


def test_populations_are_the_published_means_by_seed():
    """Six published seeds of the disjoint split, read from their episodes: 101 to 120 of both policies."""
    found = {(claim, where["split"]): (ours, theirs) for claim, _, where, ours, theirs in populations.populations()}
    assert set(found) == {(claim, split) for claim in verdict_errors.CAP for split in ("disjoint", "published")}
    for seed in range(6):
        means = [
            read_table(populations.RESULTS / f"claims/{policy}-disjoint-seed{seed}", "episodes.csv")["rounds"]
            .tail(20)
            .mean()
            for policy in ("dqn", "random")
        ]
        assert [values[seed] for values in found["training rounds", "disjoint"]] == pytest.approx(means)


def test_seeds_are_drawn_with_both_of_their_means():
    pair, rng = (np.arange(10.0), np.arange(10.0) + 100), np.random.default_rng(0)
    experiments = list(populations.draws(pair, 5, 200, rng))
    assert len(experiments) == 200
    for ours, theirs in experiments:
        assert len(ours) == 5
        assert (theirs == ours + 100).all()
    assert min(len(set(ours)) for ours, _ in experiments) < 5  # with replacement
