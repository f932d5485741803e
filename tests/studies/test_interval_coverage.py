"""The coverage of the report's intervals."""

import types

import numpy as np

from studies import interval_coverage


def test_coverage_of_pairs_that_are_alike_is_whole(monkeypatch):
    """All seeds half of theirs: each interval of the change is the point -50 %, and that of the difference varies."""
    theirs = np.linspace(20, 30, 10)
    made_up = [("training rounds", -0.508, {"split": "disjoint"}, theirs / 2, theirs)]
    monkeypatch.setattr(interval_coverage, "populations", lambda: made_up)
    lines = interval_coverage.measure(types.SimpleNamespace(seed=0, experiments=3))[".md"].splitlines()
    assert [line.split(" | ")[:5] for line in lines[2:]] == [
        ["| training rounds", "disjoint", seeds, "100.0%", "100.0%"] for seeds in ("5", "10")
    ]


def test_an_interval_hits_what_it_holds_alone():
    """All seeds half of theirs: the change is the point -50 %, and the mean difference -12.5, within 1 or so."""
    theirs = np.linspace(20, 30, 10)
    assert interval_coverage.hits(theirs / 2, theirs, -0.5, -12.5) == [True] * 3
    assert interval_coverage.hits(theirs / 2, theirs, -0.4, -5.0) == [False] * 3
