"""The networks that drive: their sizes, what they draw at random and when, and one step of learning."""

import numpy as np
import pytest

from studies.driving.agents import NAMES, Driver, DrivingLearner

pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture
def driver(request):
    driver = Driver(request.param, size=6)
    driver.start(3)
    return driver


OBSERVATION = np.random.default_rng(0).random(6).astype("f4")


def test_authors_weights_at_275_inputs():
    """4,618 and 2,378 are those of the authors' two networks; the stored checkpoint has 8 x 275, 2 x 8 and a norm."""
    counts = {name: DrivingLearner(name).network((275,), 2).count_params() for name in NAMES}
    checkpoint = 8 * 275 + 8 + 2 * 8 + 2 + 8 + 8
    assert counts["mlp"] == 4618
    assert counts["pseudo-attention"] == 2378
    assert counts["add-norm"] == checkpoint
    assert counts["plain"] == pytest.approx(2378, abs=5)


@pytest.mark.parametrize("driver", NAMES, indirect=True)
def test_noise_is_off_unless_asked_for(driver):
    assert len({tuple(driver.act(OBSERVATION, step)) for step in range(8)}) == 1
    noisy = {tuple(driver.act(OBSERVATION, step, noise=True)) for step in range(8)}
    assert (len(noisy) > 1) == (driver.learner.variant != "plain")
    np.testing.assert_array_equal(driver.act(OBSERVATION, 2, noise=True), driver.act(OBSERVATION, 2, noise=True))


@pytest.mark.parametrize("driver", ["mlp", "pseudo-attention"], indirect=True)
def test_what_is_learned_is_what_was_driven(driver):
    """The error is that of the action with the same draws, and dropout changes it."""
    target = np.array([0.3, -0.2], np.float32)
    action = driver.act(OBSERVATION, 4, noise=True)
    error = driver.learn(OBSERVATION[None], target[None], 4, rate=0.0)
    assert error == pytest.approx(np.mean((action - target) ** 2), rel=1e-5)
    assert error != pytest.approx(np.mean((driver.act(OBSERVATION, 4) - target) ** 2), rel=1e-5)


@pytest.mark.parametrize("driver", ["plain"], indirect=True)
def test_first_step_of_adamw(driver):
    """The first step has the length of the rate in every weight with a gradient, after a decay by 0.01 of the rate."""
    before, action = driver.weights(), driver.act(OBSERVATION, 0)
    driver.learn(OBSERVATION[None], np.array([[5.0, -5.0]], "f4"), 0, rate=0.1, factor=3.0)
    expected = before[-1] * (1 - 0.1 * 0.01) + 0.1 * np.array([1, -1])  # the bias of the output layer
    np.testing.assert_allclose(driver.weights()[-1], expected, rtol=1e-5)
    assert driver.act(OBSERVATION, 0)[0] > action[0]
    driver.start(3)
    assert all((one == other).all() for one, other in zip(driver.weights(), before, strict=True))
    assert all(not np.any(variable) for variable in driver.optimizer.variables)


def test_seeds_differ():
    driver = Driver("mlp", size=6)
    driver.start(0)
    first = driver.weights()
    driver.start(1)
    assert not np.allclose(driver.weights()[0], first[0])
