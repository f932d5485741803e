"""The lessons of several agents: each does what it does alone, common rounds are trained once, and nothing is lost."""

import dataclasses
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from helpers import THREE_NODES

import main as program
from config import Config
from environment import HomogeneousLearningEnv
from policies.route_agent import RouteAgent
from settings.errors import UsageError
from studies import lessons
from studies.ablation.parts import WithoutModel
from studies.lessons import Lessons

SETTINGS = THREE_NODES | {"policy": "route-agent", "episodes": 4, "greedy_from": 4, "threads": 1}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Two(Lessons):
    """The lessons of two agents."""

    part: ClassVar[str] = "two"
    agents: ClassVar[dict[str, type[RouteAgent]]] = {"one": RouteAgent, "another": RouteAgent}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Different(Two):
    """The lessons of two agents that differ."""

    agents: ClassVar[dict[str, type[RouteAgent]]] = {"one": RouteAgent, "another": WithoutModel}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Renamed(Two):
    """The same lessons, with other names of the agents."""

    agents: ClassVar[dict[str, type[RouteAgent]]] = {"one": RouteAgent, "a third": WithoutModel}


UNIT = Different(seed=100, split="disjoint")


@pytest.fixture(autouse=True)
def few_random_routes(monkeypatch):
    """Lets the search begin with the third episode."""
    monkeypatch.setattr("policies.route_agent.FIRST", 2)


class Logs:
    """Takes the place of main.py's log and screen, and keeps the records of episodes."""

    episodes_done = 0
    run_columns = dict.fromkeys(("policy", "split", "dataset", "evaluation", "learner", "learner_variant"), "")

    def __init__(self):
        self.episodes, self.saved_model = [], self
        self.run_columns = self.run_columns | {"goal": 0.28}

    def episode(self, record, environment=None):
        if not environment:
            self.episodes.append(record)

    def round(self, *values):
        pass

    checkpoint = round


def test_snapshots_bring_an_episode_back(dataset):
    environment = HomogeneousLearningEnv(Config(**THREE_NODES), dataset)
    environment.reset(seed=0)
    environment.step(0)
    snapshot = environment.snapshot()
    first = [environment.step(node)[4]["accuracy"] for node in (1, 1, 2)]
    weights = environment.weights.numpy()
    environment.reset(seed=3)
    environment.step(0)
    environment.restore(snapshot)
    assert [environment.step(node)[4]["accuracy"] for node in (1, 1, 2)] == first
    np.testing.assert_array_equal(environment.weights.numpy(), weights)
    environment.restore(snapshot)
    assert environment.visits.tolist() == [1, 0, 0]


def measured(dataset, folder, unit=UNIT):
    (folder / "runs").mkdir(exist_ok=True)
    return unit.measure(Config(**SETTINGS), dataset, folder, lambda share: None)


def test_an_agent_does_what_it_does_in_a_run_of_its_own(dataset, tmp_path):
    config, log, screen = Config(**SETTINGS | {"seed": 100}), Logs(), Logs()
    environment = HomogeneousLearningEnv(config, dataset)
    program.homogeneous_learning(config, environment, RouteAgent(config, environment.distances), log, screen)
    rows = [row for row in measured(dataset, tmp_path) if row["agent"] == "one"]
    assert [row["episode"] for row in rows] == [1, 2, 3, 4]
    for name in ("rounds", "episode_return", "communication_cost", "final_accuracy", "reached_goal"):
        assert [row[name] for row in rows] == pytest.approx([getattr(record, name) for record in log.episodes])


def test_common_rounds_are_trained_once(dataset, tmp_path, monkeypatch):
    trained, step = [], HomogeneousLearningEnv.step
    monkeypatch.setattr(HomogeneousLearningEnv, "step", lambda self, node: trained.append(node) or step(self, node))
    rows = pd.DataFrame(measured(dataset, tmp_path, Two(seed=100, split="disjoint")))
    one, another = (rows[rows["agent"] == name].drop(columns="agent").reset_index(drop=True) for name in Two.agents)
    pd.testing.assert_frame_equal(one, another)
    assert len(trained) == one["rounds"].sum()


def test_an_interrupted_unit_goes_on_where_it_was(dataset, tmp_path, monkeypatch):
    whole, play, played = measured(dataset, tmp_path), lessons.play, []

    def interrupted(agent, player, episode):
        if episode == 4:
            raise KeyboardInterrupt
        return play(agent, player, episode)

    UNIT.path(tmp_path).with_suffix(".npz").unlink()
    monkeypatch.setattr(lessons, "play", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measured(dataset, tmp_path)
    monkeypatch.setattr(lessons, "play", lambda *arguments: played.append(arguments[2]) or play(*arguments))
    rows = measured(dataset, tmp_path)
    assert played == [4, 4]
    assert rows == whole
    UNIT.write(rows, tmp_path)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [UNIT.path(tmp_path).name]


def test_kept_episodes_that_cannot_be_gone_on_with_are_named(dataset, tmp_path):
    measured(dataset, tmp_path)
    kept = UNIT.path(tmp_path).with_suffix(".npz")
    whole, renamed = kept.read_bytes(), Renamed(seed=100, split="disjoint")
    for unit, content, says in ((renamed, whole, "other agents"), (UNIT, whole[:-99], "Bad"), (UNIT, b"", "EOFError")):
        kept.write_bytes(content)
        with pytest.raises(UsageError, match=rf"cannot be read \(.*{says}.*\); remove it to measure this unit again"):
            measured(dataset, tmp_path, unit)
