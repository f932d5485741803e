"""The units of the driving study: equal budgets, drivers that do not learn, and the same rows from the same seed."""

import dataclasses

import numpy as np
import pytest

from studies.driving import drives, training
from studies.driving.drives import BOUNDS, DQN, DQN_SETTINGS, GRID, LESSON, STEPS, Drive, bound, units


def test_every_learner_has_the_same_budget():
    planned = units([0, 1, 2, 3, 4], quick=False)
    learners = [unit for unit in planned if unit.agent not in BOUNDS]
    assert {unit.steps for unit in learners} == {STEPS}
    assert STEPS >= 10_000
    assert {unit.starts for unit in planned} == {20}
    assert len({unit.name() for unit in planned}) == len(planned)
    main = {(unit.agent, unit.way) for unit in planned if unit.road == "racetrack" and unit.seed == 4}
    names = ("mlp", "add-norm", "pseudo-attention", "plain")
    assert main >= {(name, way) for name in names for way in ("memory", "online")}
    assert main >= {(name, "") for name in (DQN, *BOUNDS)}
    assert {unit.road for unit in planned} == {"racetrack", "highway"}


def test_starts_of_training_and_evaluation_differ():
    """Seeds up to 899 have starts of their own, in the training too unless it has 100,000 episodes."""
    assert 1000 * 899 + drives.STARTS < training.TRAINING_STARTS
    assert training.STARTS_A_SEED > STEPS


def test_dqn_takes_a_gradient_step_for_every_step_of_the_road():
    steps = DQN_SETTINGS["updates"] * DQN_SETTINGS["minibatch"] / DQN_SETTINGS["agent_batch_size"]
    assert steps == LESSON
    assert len(set(map(tuple, GRID))) == len(drives.STEERING) * len(drives.THROTTLE)
    assert [0, 0] in GRID.tolist()


def test_drivers_that_do_not_learn():
    class Place:
        def expert(self):
            return np.array([0.1, 0.2])

    nothing = np.zeros(3)
    assert bound("expert", Place(), 0)(nothing, 5).tolist() == [0.1, 0.2]
    assert bound("idle", Place(), 0)(nothing, 5).tolist() == [0, 0]
    chances = np.array([bound("random", Place(), 0)(nothing, step) for step in range(200)])
    assert abs(chances).max() <= 1
    assert abs(chances.mean(0)).max() < 0.15
    assert chances.std(0) == pytest.approx(np.full(2, 3**-0.5), abs=0.05)


@pytest.mark.slow
def test_same_seed_gives_the_same_rows(tmp_path, monkeypatch, eager):
    """Whatever was measured before in the same process."""
    pytest.importorskip(
        "highway_env", reason="highway-env is not installed: pip install -r requirements-simulations.txt"
    )
    monkeypatch.setattr(training, "EPISODE_STEPS", 20)
    monkeypatch.setitem(DQN_SETTINGS, "updates", 2)
    unit = Drive(road="racetrack", agent="pseudo-attention", way="memory", steps=40, starts=1, seed=0)
    agent = Drive(road="racetrack", agent=DQN, steps=120, starts=1, seed=0)
    first, learned = unit.measure(tmp_path), agent.measure(tmp_path)
    other = dataclasses.replace(unit, seed=1)
    other.measure(tmp_path)
    assert other.drive(tmp_path).exists()  # a study without seed 0 has animations too
    assert unit.measure(tmp_path) == first
    assert str(agent.measure(tmp_path)) == str(learned)  # with what is not a number
    assert sum(row["length"] for row in first if row["phase"] == "training") == 40
    assert {row["phase"] for row in first} == {"training", "evaluation", "noise"}
    with np.load(unit.drive(tmp_path)) as arrays:
        evaluated = next(row for row in first if row["phase"] == "evaluation")
        positions = arrays["positions"][:, 0, :2]
    assert len(positions) == evaluated["length"] + 1
    lengths = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    assert lengths.sum() == pytest.approx(evaluated["distance"], rel=1e-3)
