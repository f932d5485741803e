"""Which runs a sweep plans for a user's own classes."""

import pytest

import sweep
from runs.presets import CHANGES, PAPER, PRESETS
from settings.errors import UsageError
from sweeps.experiments import Run

RULES = """
from policies.rules import Policy

class Lazy(Policy):
    def rank(self, observation, info, rng):
        return [int(observation.argmax())], True

class Idle(Policy):
    pass
"""
LAYERS = """
from learners.base import Learner

class Small(Learner):
    variants = ("narrow", "wide")

    def build(self, shape=(28, 28, 1), classes=10):
        pass
"""


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """Returns the names of the runs of a sweep of one seed, in a folder that has a module with a policy."""
    (tmp_path / "lazy_rules.py").write_text(RULES)
    (tmp_path / "small_layers.py").write_text(LAYERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def names(*arguments):
        return [run.name for run in sweep.runs(*sweep.parse(["--seeds", "0", "--out", "swept", *arguments]))]

    return names


def test_what_it_observes_makes_a_difference_to_a_users_policy_alone(planned, monkeypatch):
    """The agent's other settings do not, as long as the policy does not learn."""
    names = planned("--policies", "lazy_rules:Lazy,random", "--vary", "pca-components=2,5", "--vary", "updates=1,2")
    assert names == [
        "lazy_rules.Lazy-disjoint-pca-components2-seed0",
        "random-disjoint-seed0",
        "lazy_rules.Lazy-disjoint-pca-components5-seed0",
    ]
    for name, changes in {"other": {"updates": 9}, "longer": {"pca_components": 5, "episodes": 140}}.items():
        monkeypatch.setitem(CHANGES, name, changes)
        monkeypatch.setitem(PRESETS, name, PAPER | changes)
    names = planned("--policies", "lazy_rules:Lazy,random", "--vary", "preset=paper,longer")
    assert names == [
        "lazy_rules.Lazy-disjoint-presetpaper-seed0",
        "random-disjoint-seed0",
        "lazy_rules.Lazy-disjoint-presetlonger-seed0",
    ]
    assert len(planned("--policies", "lazy_rules:Lazy", "--vary", "preset=paper,other")) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--policies lazy_rules:Idle", "lazy_rules:Idle must define the method rank"),
        ("--policies random --learner small_layers:Big", "no attribute 'Big'"),
        ("--policies random --learner lazy_rules:Lazy", "must be a subclass of learners.base.Learner"),
        (
            "--policies random --learner small_layers:Small --vary learner-variant=wide,huge",
            "--learner-variant must be one of narrow, wide for --learner small_layers:Small",
        ),
    ],
)
def test_classes_that_a_run_would_refuse_are_refused_before_any_run(planned, arguments, says):
    with pytest.raises(UsageError, match=says):
        planned(*arguments.split())


def test_variants_of_a_users_learner_are_planned(planned):
    flags = ["--policies", "random", "--learner", "small_layers:Small", "--vary", "learner-variant=narrow,wide"]
    assert planned(*flags) == [f"random-disjoint-learner-variant{variant}-seed0" for variant in ("narrow", "wide")]


def test_the_reason_of_a_failure_is_that_of_the_last_start(tmp_path):
    """The log of a run that was interrupted before begins with that."""
    run = Run("random", ["--policy", "random"], tmp_path)
    run.log.parent.mkdir()
    run.log.write_text("main.py: interrupted\n")
    run.look()
    assert run.failure(9) == f"random ended with exit code 9: it said nothing (all of it: {run.log})"
    run.log.write_text("main.py: interrupted\nTraceback\nMemoryError\n")
    assert "exit code 1: MemoryError" in run.failure(1)


@pytest.mark.parametrize(
    ("flags", "policies"),
    [("", ["dqn", "random"]), ("--preset improved", ["route-agent", "random"]), ("--policies nearest", ["nearest"])],
)
def test_without_policies_that_of_the_preset_is_planned_beside_random(planned, flags, policies):
    assert planned(*flags.split()) == [f"{policy}-disjoint-seed0" for policy in policies]
