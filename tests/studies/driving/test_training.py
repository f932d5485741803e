"""How the networks learn: targets, losses and learning rates by hand, and the loop on a road that only counts."""

import math

import numpy as np
import pytest

from studies.driving import training
from studies.driving.training import (
    EPISODE_STEPS,
    WAYS,
    Way,
    drive_and_learn,
    evaluate,
    learning_rate,
    lowest_steps,
    train,
)
from studies.driving.world import SIZE, Step


def step(reward=1.0, crashed=False, off_road=False, seen=0.0):
    return Step(np.full(SIZE, seen, "f4"), reward, 2.0, 10.0, crashed, off_road, 0.5)


class Toy:
    """A road on which the expert's action is the number of steps so far, in hundredths; the car crashes where told."""

    def __init__(self, crashes=()):
        self.steps, self.crashes, self.starts = 0, crashes, []

    def reset(self, start):
        self.starts.append(start)
        return np.full(SIZE, self.steps / 100, "f4")

    def expert(self):
        return np.full(2, self.steps / 100)

    def step(self, action):
        self.steps += 1
        crashed = self.steps in self.crashes
        return step(-5.0 if crashed else 1.0, crashed, seen=self.steps / 100)


class Pupil:
    """Notes what it is taught; its weights are the number of lessons."""

    lessons, back = (), None

    @classmethod
    def of(cls, name, seed):
        cls.lessons, cls.back = [], None
        return cls()

    def act(self, observation, number, noise=False):
        assert noise
        return np.zeros(2)

    def learn(self, observations, targets, number, rate, factor):
        self.lessons.append((observations[:, 0].copy(), targets[:, 0].copy(), rate, factor))
        return 1.0

    def weights(self):
        return len(self.lessons)

    def set_weights(self, weights):
        Pupil.back = weights


@pytest.fixture(autouse=True)
def pupil(monkeypatch):
    monkeypatch.setattr(training, "Driver", Pupil)


def taught(way, steps=6, name="plain", **toy):
    train(name, way, Toy(**toy), 0, steps)
    return Pupil.lessons


@pytest.mark.parametrize(("late", "expected"), [(False, [0, 0.01, 0.02]), (True, [0.01, 0.02, 0.03])])
def test_right_and_late_target(late, expected):
    """The right target is the expert's action for the observation, the late one that for the next observation."""
    lessons = taught(Way(late=late), steps=3)
    np.testing.assert_allclose([targets for _, targets, _, _ in lessons], np.reshape(expected, (3, 1)))
    np.testing.assert_allclose([seen for seen, _, _, _ in lessons], [[0], [0.01], [0.02]])


def test_memory_draws_from_all_steps_so_far():
    lessons = taught(WAYS["memory"], steps=40)
    for number, (seen, targets, _, factor) in enumerate(lessons):
        assert len(seen) == 32
        assert factor == 1
        np.testing.assert_array_equal(seen, targets)  # each with its own target
        assert seen.max() <= np.float32(number / 100)
    assert len(set(lessons[-1][0])) > 10


@pytest.mark.parametrize(("name", "factors"), [("mlp", [math.pi, math.pi**-5]), ("pseudo-attention", [1, 4])])
def test_own_loss_weights_the_error(name, factors):
    """The second step crashes: reward -5, return 1 - 5."""
    lessons = taught(Way(own_loss=True), steps=2, name=name, crashes=(2,))
    assert [factor for *_, factor in lessons] == pytest.approx(factors)


def test_learning_rates():
    own, online, memory = Way(own_schedule=True), WAYS["online"], WAYS["memory"]
    rates = [learning_rate("mlp", own, number, 100) for number in (0, 7, 8, 16)]
    assert rates == pytest.approx([0.05, 0.05, 0.005, 0.0005])
    assert learning_rate("pseudo-attention", own, 3, 100) == 0.05
    rates = [learning_rate("mlp", online, number, 100) for number in (0, 1, 2, 3, 5, 7)]
    assert rates == pytest.approx([0.05, 0.05, 0.02505, 0.05, 0.02505, 0.05])
    rates = [learning_rate("mlp", memory, number, 100) for number in (0, 50, 100)]
    assert rates == pytest.approx([0.003, 0.00155, 0.0001])


def test_network_is_kept_where_the_rate_was_lowest():
    """The rate restarts after 1, 3, 7, 15, ... steps."""
    assert [lowest_steps(steps) for steps in (1, 2, 3, 14, 15, 10_000, 16_383)] == [1, 1, 3, 7, 15, 8191, 16_383]
    taught(WAYS["online"], steps=10)
    assert Pupil.back == 7
    taught(WAYS["memory"], steps=10)
    assert Pupil.back == 10


def test_budget_is_exact_and_episodes_end():
    toy, learned = Toy(crashes=(3,)), []
    rows = drive_and_learn(toy, 2, 300, lambda *_: np.zeros(2), lambda number, *rest: learned.append(number))
    assert learned == [*range(300)]
    assert [row["length"] for row in rows] == [3, EPISODE_STEPS, 97]
    assert [row["step"] for row in rows] == [3, 203, 300]
    assert [row["crashed"] for row in rows] == [1, 0, 0]
    assert rows[0]["return"] == 1 + 1 - 5
    assert rows[0]["distance"] == 6
    assert rows[0]["speed"] == 10  # 6 m in three fifths of a second
    assert rows[0]["package_return"] == 1.5
    assert toy.starts == [1_200_000, 1_200_001, 1_200_002]


def test_evaluation_starts_elsewhere_and_measures_the_error():
    """Steering at 1.5 counts as 1, as for the car: the expert's 0 and 0.01 differ by 1 and 0.99."""
    toy, watched = Toy(crashes=(2, 4)), []
    rows = evaluate(toy, lambda observation, number: np.array([1.5, 0]), range(40, 42), lambda: watched.append(1))
    assert toy.starts == [40, 41]
    assert [row["start"] for row in rows] == [40, 41]
    assert rows[0]["error"] == pytest.approx((1 + 0 + 0.99**2 + 0.01**2) / 4)
    assert len(watched) == 2 * (2 + 1)
    assert max(toy.starts) < training.TRAINING_STARTS
