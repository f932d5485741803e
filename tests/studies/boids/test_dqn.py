"""What the DQN sees and is rewarded for, by hand, and that all boids teach one agent."""

import numpy as np
import pytest

from settings.random_streams import generator
from studies.boids import dqn
from studies.boids.forces import no_force
from studies.boids.world import Flock, fly, perceive, start


def flock(*boids):
    table = np.array(boids, float)[np.newaxis]
    return Flock(table[..., :2], table[..., 2:])


def test_nine_accelerations_of_equal_strength():
    assert dqn.ACTIONS.shape == (9, 2)
    np.testing.assert_allclose(np.linalg.norm(dqn.ACTIONS, axis=1), [0] + [0.3] * 8, atol=1e-12)
    np.testing.assert_allclose(dqn.ACTIONS.sum(0), 0, atol=1e-12)
    assert len(np.unique(dqn.ACTIONS.round(6), axis=0)) == 9


def test_reward_is_the_polarisation_around_less_the_price_of_nearness():
    """Two at a right angle 20 px apart, two that fly apart at 8 px, one alone."""
    rewards = dqn.rewards(flock((0, 0, 2, 0), (20, 0, 0, 1), (500, 0, 1, 0), (508, 0, -1, 0), (0, 700, 4, 0)))
    np.testing.assert_allclose(rewards[0], [np.sqrt(0.5), np.sqrt(0.5), -1, -1, 0], atol=1e-12)


def test_observation_of_a_boid():
    seen = dqn.observe(perceive(flock((100, 200, 1, 0), (120, 200, 0, 2), (120, 240, 0, 0))))
    assert seen.shape == (3, dqn.OBSERVATION_SIZE)
    assert seen[0].tolist() == pytest.approx([0.25, 0, 0, 0.25, 0.4, 0.4, -0.5, 0, 1, 1])


def test_all_boids_teach_one_agent():
    """Two flights of 6 steps with a lesson after every 3: four lessons, and 2 x 6 x 30 transitions."""
    begun = [start(generator(100, "boids", 0, number), 1, 30) for number in range(2)]
    agent, rows = dqn.train(100, begun, 6, 3, 2, generator(100, "boids", 2))
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert len(agent.replay) == 2 * 6 * 30
    assert agent.minibatches == 4 * 2
    assert agent.epsilon == pytest.approx(np.exp(-3))
    row = agent.replay[31]  # boid 1, step 2
    assert (row.observation == agent.replay[1].next_observation).all()
    assert not row.done
    steer = dqn.steering(agent)
    forces = steer(perceive(begun[0]))
    assert all((abs(dqn.ACTIONS - force).sum(1) < 1e-12).any() for force in forces[0])
    flown, straight = ([*fly(begun[0], forces, 2)][-1] for forces in (steer, no_force))
    assert not np.array_equal(flown.positions, straight.positions)
