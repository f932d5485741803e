"""Which runs a sweep plans for a user's own classes."""

import pytest

import sweep

RULES = """
from policies.rules import Policy

class Lazy(Policy):
    def rank(self, observation, info, rng):
        return [int(observation.argmax())], True
"""


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """Returns the names of the runs of a sweep of one seed, in a folder that has a module with a policy."""
    (tmp_path / "lazy_rules.py").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def names(*arguments):
        return [run.name for run in sweep.runs(*sweep.parse(["--seeds", "0", "--out", "swept", *arguments]))]

    return names


def test_what_it_observes_makes_a_difference_to_a_users_policy_alone(planned):
    """The agent's other settings do not, as long as the policy does not learn."""
    names = planned("--policies", "lazy_rules:Lazy,random", "--vary", "observation=pca;round", "--vary", "updates=1,2")
    assert names == [
        "lazy_rules.Lazy-disjoint-observationpca-seed0",
        "random-disjoint-seed0",
        "lazy_rules.Lazy-disjoint-observationround-seed0",
    ]
    names = planned("--policies", "lazy_rules:Lazy,random", "--vary", "preset=with-greedy,with-sight")
    assert names == [
        "lazy_rules.Lazy-disjoint-presetwith-greedy-seed0",
        "random-disjoint-seed0",
        "lazy_rules.Lazy-disjoint-presetwith-sight-seed0",
    ]
    assert len(planned("--policies", "lazy_rules:Lazy", "--vary", "preset=paper,with-greedy")) == 1
