"""A user's policy that does not do what is expected ends a run in one line that names it."""

from pathlib import Path

import pandas as pd
import pytest
from helpers import refuse, run

RULES = """
import numpy as np
from policies.rules import Policy

class Stay(Policy):
    def rank(self, observation, info, rng):
        return [info["node"][0]], True

class Half(Stay):
    def rank(self, observation, info, rng):
        return [info["node"][0] / 2], True

class Bare(Stay):
    def rank(self, observation, info, rng):
        return [info["node"][0]]

class Valued(Stay):
    def rank(self, observation, info, rng):
        self.last_values = np.arange(10) / 3
        return [1], True

class TooFew(Stay):
    def rank(self, observation, info, rng):
        self.last_values = [1, 2]
        return [1], True

class Objects(Stay):
    def state(self):
        return {"memory": np.array([None, {}])}

class Ragged(Stay):
    def state(self):
        return {"memory": [[1], [2, 3]]}

class Nothing(Stay):
    def agent(self):
        return None

class Taken(Stay):
    def agent(self):
        return {"file": np.zeros(2)}

class Lists(Stay):
    def state(self):
        return {"counts": [1, 2], "names": ["a", "bc"], "mean": 0.5, "file": 3}

    def restore(self, state):
        assert state["counts"].tolist() == [1, 2]
        assert state["names"].tolist() == ["a", "bc"]
        assert state["mean"] == 0.5
        assert state["file"] == 3
        open("restored", "w").close()
"""


@pytest.fixture
def flags(tiny, tmp_path, monkeypatch):
    """Flags of a short run in a folder that has a module with policies."""
    (tmp_path / "odd_rules.py").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return [*tiny, "--episodes", 1, "--goal", 1, "--round-limit", 2, "--run-dir", "run"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Half", "the method rank of odd_rules:Half must return (nodes, greedy)"),
        ("Bare", "the method rank of odd_rules:Bare must return (nodes, greedy)"),
        ("TooFew", "last_values of odd_rules:TooFew must be None or 10 numbers, one for each node, not [1, 2]"),
        ("Objects", "the method state of odd_rules:Objects must return a dict of arrays of numbers or text"),
        ("Ragged", "the method state of odd_rules:Ragged must return a dict of arrays of numbers or text"),
        ("Nothing", "the method agent of odd_rules:Nothing must return a dict of arrays of numbers or text"),
        ("Taken", "the method agent of odd_rules:Taken must not name an array file or allow_pickle"),
    ],
)
def test_what_a_policy_must_return_is_said(flags, capfd, name, says):
    assert says in refuse(capfd, *flags, "--policy", f"odd_rules:{name}")


def test_values_of_nodes_are_logged(flags):
    run(*flags, "--policy", "odd_rules:Valued")
    values = pd.read_csv("run/rounds.csv")["values"].fillna("").tolist()
    assert values == ["", "0 0.3333 0.6667 1 1.333 1.667 2 2.333 2.667 3"]


def test_a_state_of_lists_is_restored_as_arrays(flags):
    run(*flags, "--policy", "odd_rules:Lists")
    run("--resume", "--run-dir", "run", "--episodes", 2)
    assert Path("restored").exists()
