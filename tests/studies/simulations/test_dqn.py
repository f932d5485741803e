"""The DQN agent in a world that is not of nodes: a toy whose best action is known."""

import numpy as np

from studies.simulations.dqn import choose, discrete_agent, remember


def test_agent_learns_the_rewarded_action_of_each_observation():
    """Three observations, four actions; action i + 1 pays 1 where number i is 1, and no value follows."""
    agent = discrete_agent(100, 4, 3, minibatch=32, agent_batch_size=32, updates=200, agent_learning_rate=3e-3)
    rng = np.random.default_rng(0)
    observations = np.eye(3, dtype="f4")[rng.integers(3, size=300)]
    actions = choose(agent, observations, rng)
    assert set(actions) == {0, 1, 2, 3}  # epsilon is 1 at first
    rewards = (actions == observations.argmax(1) + 1).astype(float)
    remember(agent, observations, actions, rewards, observations, np.ones(300, bool))
    assert agent.network.size == 3 * 64 + 64 + 64 * 64 + 64 + 64 * 4 + 4
    agent.learn(rng, 1)
    assert choose(agent, np.eye(3, dtype="f4")).tolist() == [1, 2, 3]
    np.testing.assert_allclose(agent.values(np.eye(3, dtype="f4"))[[0, 1, 2], [1, 2, 3]], 1, atol=0.1)


def test_explores_in_a_share_epsilon():
    agent = discrete_agent(100, 5, 2)
    agent.epsilon = 0.5
    observations = np.ones((4000, 2), "f4")
    best = choose(agent, observations)
    assert len(set(best)) == 1
    share = (choose(agent, observations, np.random.default_rng(1)) != best).mean()
    assert abs(share - 0.5 * 4 / 5) < 0.04
