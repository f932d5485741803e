"""The checks of intervals and verdicts against hand computation, those of faults on a few runs of the tiny data set."""

import shutil
import types

import numpy as np
import pandas as pd
import pytest

from studies import interval_coverage, populations, verdict_errors
from studies.faults import kill_and_resume, side_by_side


def test_populations_are_the_published_means_by_seed():
    """Six published seeds of the disjoint split, read from their episodes: 101 to 120 of both policies."""
    found = {(claim, where["split"]): (ours, theirs) for claim, _, where, ours, theirs in populations.populations()}
    assert set(found) == {(claim, split) for claim in verdict_errors.CAP for split in ("disjoint", "published")}
    for seed in range(6):
        means = [
            pd.read_csv(populations.RESULTS / f"claims/{policy}-disjoint-seed{seed}/episodes.csv")["rounds"]
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


@pytest.mark.parametrize(
    ("way", "mean", "cap", "expected"),
    [
        ("proportional", 10, np.inf, [5, 10, 15]),
        ("shifted", 10, np.inf, [0, 10, 20]),
        ("proportional", 26, 36, [14, 28, 36]),  # 10 s + 20 s + 36 = 78: s is 1.4, and 30 s = 42 is cut
        ("shifted", 28, 36, [19, 29, 36]),  # 10 + a + 20 + a + 36 = 84: a is 9, and 30 + a = 39 is cut
    ],
)
def test_rescaled_by_hand(way, mean, cap, expected):
    assert verdict_errors.rescaled(np.array([10.0, 20, 30]), mean, way, cap) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("change", "says"),
    [(-0.6, [1, 0, 0, 0, 1]), (-0.4, [0, 1, 0, 0, 0]), (0.1, [0, 0, 0, 1, 0])],
)
def test_rates_of_a_change_without_scatter(change, says):
    """The claim is -50 %, and every experiment finds what is true."""
    theirs = np.linspace(20, 30, 10)
    pair = (1 + change) * theirs, theirs
    rates = verdict_errors.rates(-0.5, pair, 5, 3, np.random.default_rng(0))
    assert list(rates.values()) == says


def test_former_rule_took_wide_intervals_for_the_claim():
    """Half of the seeds at -20 %, half at -60 %: many an interval reaches -50 % from near -20 %."""
    theirs = np.full(10, 20.0)
    pair = np.repeat([8.0, 16.0], 5), theirs
    rates = verdict_errors.rates(-0.5, pair, 5, 40, np.random.default_rng(0))
    assert rates["reproduced, former rule"] > rates["reproduced"]
    assert sum(list(rates.values())[:4]) == pytest.approx(1)


def test_ranges_are_over_all_populations():
    row = dict.fromkeys(verdict_errors.COLUMNS, 0.25) | {"claim": "training rounds", "true change": -0.0, "seeds": 5}
    table = pd.DataFrame([row, row | {"worse": 0.5}])
    (shown,) = verdict_errors.ranges(table).to_dict("records")
    assert (shown["true change"], shown["reproduced"], shown["worse"]) == ("none", "25.0%", "25.0% to 50.0%")


def test_coverage_of_pairs_that_are_alike_is_whole(monkeypatch):
    """All seeds half of theirs: each interval of the change is the point -50 %, and that of the difference varies."""
    theirs = np.linspace(20, 30, 10)
    made_up = [("training rounds", -0.508, {"split": "disjoint"}, theirs / 2, theirs)]
    monkeypatch.setattr(interval_coverage, "populations", lambda: made_up)
    lines = interval_coverage.check(types.SimpleNamespace(seed=0, experiments=3))[".md"].splitlines()
    assert [line.split(" | ")[:5] for line in lines[2:]] == [
        ["| training rounds", "disjoint", seeds, "100.0%", "100.0%"] for seeds in ("5", "10")
    ]


@pytest.fixture
def undisturbed(finished, tiny, tmp_path, monkeypatch):
    """A folder that holds the undisturbed run of the experiment that is to be stopped."""
    monkeypatch.setattr(kill_and_resume, "FLAGS", tuple(map(str, tiny)))
    monkeypatch.setattr(kill_and_resume, "EPISODES", 4)
    shutil.copytree(finished, tmp_path / "reference", ignore=shutil.ignore_patterns("figures", "node_models.csv"))
    return tmp_path


@pytest.mark.parametrize("kind", [kill_and_resume.PLAIN, kill_and_resume.STOPPED, kill_and_resume.SWEEP])
def test_what_was_stopped_ends_with_the_same_files(kind, undisturbed):
    if kind == kill_and_resume.SWEEP:  # which gives each run one thread
        kill_and_resume.finish(kill_and_resume.start(undisturbed / "one", "--threads", "1"), "a run")
        shutil.rmtree(undisturbed / "reference")
        (undisturbed / "one").rename(undisturbed / "reference")
    name, stages, equal = kill_and_resume.attempt(0, kind, undisturbed, 7, 0)
    assert name == kind
    assert set(stages) <= set(kill_and_resume.STAGES)
    assert stages
    assert equal


def test_other_files_are_not_the_same(undisturbed):
    reference, folder = undisturbed / "reference", undisturbed / "folder"
    shutil.copytree(reference, folder)
    assert kill_and_resume.same(folder, reference)
    (folder / "rounds.csv.0123.tmp").touch()
    assert not kill_and_resume.same(folder, reference)
    (folder / "rounds.csv.0123.tmp").unlink()
    episodes = pd.read_csv(folder / "episodes.csv")
    episodes.assign(rounds=episodes["rounds"] + 1).to_csv(folder / "episodes.csv", index=False)
    assert not kill_and_resume.same(folder, reference)


def test_two_at_once_lose_nothing(monkeypatch):
    kinds = {kind: job for kind, job in side_by_side.KINDS.items() if kind != "two sweeps"}  # which take longer
    monkeypatch.setattr(side_by_side, "KINDS", kinds)
    lines = side_by_side.check(types.SimpleNamespace(tries=1))[".md"].splitlines()
    assert lines[2:] == [f"| {kind} | 1 | 1 |" for kind in kinds]


@pytest.mark.parametrize(("criteria", "whole"), [(["rounds", "cost"], True), (["rounds", "rounds", "cost"], False)])
def test_a_search_that_is_twice_in_the_table_is_noticed(criteria, whole, tmp_path):
    pd.DataFrame({"criterion": criteria}).to_csv(tmp_path / "floor-disjoint.csv")
    assert side_by_side.nothing_lost("two searches of the same settings", tmp_path, [0, 0], tmp_path) == whole
