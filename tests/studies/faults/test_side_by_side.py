"""The study that runs two processes on one folder, on the tiny data set."""

import types

import pytest

from studies.faults import side_by_side


@pytest.mark.slow
def test_two_at_once_lose_nothing(monkeypatch):
    kinds = {kind: job for kind, job in side_by_side.KINDS.items() if kind != "two sweeps"}  # which take longer
    monkeypatch.setattr(side_by_side, "KINDS", kinds)
    lines = side_by_side.measure(types.SimpleNamespace(tries=1))[".md"].splitlines()
    assert lines[2:] == [f"| {kind} | 1 | 1 |" for kind in kinds]


def test_a_unit_that_was_measured_twice_is_noticed(tmp_path):
    folder = tmp_path / "comparison"
    assert side_by_side.run_comparison(folder, tmp_path, 0) == 0
    assert side_by_side.nothing_lost("two comparisons of learners", folder, [0, 0], tmp_path)
    assert not side_by_side.nothing_lost("two comparisons of learners", folder, [0, 1], tmp_path)
    (folder / "measured-0-1").touch()
    assert not side_by_side.nothing_lost("two comparisons of learners", folder, [0, 0], tmp_path)
