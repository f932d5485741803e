"""The policies: DQN targets by hand, epsilon by its formula, what is stored and what is drawn."""

import math

import numpy as np
import pytest

from config import REFERENCES, Config
from node import POLICIES, DQNAgent, Transition, make_policy, q_targets

TINY = {"nodes": 4, "pca_components": 2, "agent_hidden_units": "8", "minibatch": 6, "agent_batch_size": 4}


def test_targets_by_hand():
    batch = Transition(None, np.array([1, 0]), np.array([-0.5, 2.0]), None, np.array([False, True]))
    values, next_values = np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([[0.0, 10, 5], [7, 8, 9]])
    config = Config(nodes=3, pca_components=3, target_normalisation="none")
    # -0.5 + 0.9 * 10 = 8.5 for action 1 of the first; done: just the 2 for action 0 of the second
    expected = np.array([[1, 8.5, 3], [2, 5, 6]])
    np.testing.assert_allclose(q_targets(values, next_values, batch, config), expected, atol=1e-6)
    norm = math.sqrt(1 + 72.25 + 9 + 4 + 25 + 36)
    config = Config(nodes=3, pca_components=3)
    np.testing.assert_allclose(q_targets(values, next_values, batch, config), expected / norm, atol=1e-6)
    assert values[0, 1] == 2  # the network's outputs are left alone


def test_targets_of_two_nodes_a_round_by_hand():
    batch = Transition(None, np.array([[2, 0]]), np.array([1.0]), None, np.array([False]))
    config = Config(nodes=3, pca_components=3, nodes_per_round=2, target_normalisation="none", discount=0.5)
    targets = q_targets(np.array([[7.0, 7, 7]]), np.array([[4.0, 2, 6]]), batch, config)
    np.testing.assert_allclose(targets, [[3.5, 7, 3.5]])  # 1 + 0.5 * (4 + 6) / 2


def test_epsilon_after_50_and_120_episodes():
    agent = DQNAgent(Config(**TINY))
    seen = []
    for _ in range(120):
        seen.append(agent.epsilon)  # the value with which the episode is run
        agent.learn(np.random.default_rng(0))
    assert seen[0] == 1
    assert seen[49] == pytest.approx(0.375, abs=5e-4)
    assert seen[119] == pytest.approx(0.093, abs=5e-4)


def fill(agent, count):
    rng = np.random.default_rng(1)
    for index in range(count):
        observation, after = rng.normal(size=(2, 8)).astype("f4")
        agent.remember(observation, index % 4, -0.5, after, index % 5 == 4)


def test_learning_starts_with_a_full_minibatch():
    agent = DQNAgent(Config(**TINY))
    before = agent.weights.numpy()
    fill(agent, 5)
    assert math.isnan(agent.learn(np.random.default_rng(0)))
    np.testing.assert_array_equal(agent.weights.numpy(), before)
    fill(agent, 1)
    assert agent.learn(np.random.default_rng(0)) > 0
    assert not np.array_equal(agent.weights.numpy(), before)
    assert agent.optimizer_state.numpy()[0] == 2  # Adam's step count: 6 transitions in batches of 4


def test_replay_forgets_the_oldest():
    agent = DQNAgent(Config(replay_size=6, **TINY))
    for index in range(8):
        agent.remember(np.full(8, index, "f4"), 0, float(index), np.zeros(8, "f4"), False)
    assert [transition.reward for transition in agent.replay] == [2, 3, 4, 5, 6, 7]


def test_greedy_choice_is_the_highest_value():
    agent = DQNAgent(Config(**TINY))
    agent.epsilon = 0.0
    for seed in range(5):
        observation = np.random.default_rng(seed).normal(size=8).astype("f4") * 10
        values = agent.network.predict(agent.weights, observation[np.newaxis]).numpy()[0]
        ranking, greedy = agent.rank(observation, {}, np.random.default_rng(0))
        assert greedy
        assert values[ranking].tolist() == sorted(values.tolist(), reverse=True)


def test_exploring_share_equals_epsilon():
    agent = DQNAgent(Config(**TINY))
    agent.epsilon = 0.3
    rng = np.random.default_rng(0)
    greedy = [agent.rank(np.zeros(8, "f4"), {}, rng)[1] for _ in range(1000)]
    assert 0.65 < np.mean(greedy) < 0.75  # 0.7 within three standard errors


def test_restored_agent_goes_on_as_the_original():
    config = Config(**TINY)
    agent = DQNAgent(config)
    fill(agent, 9)
    agent.learn(np.random.default_rng(0))
    other = DQNAgent(Config(seed=9, **TINY))
    other.restore(agent.state())
    assert agent.learn(np.random.default_rng(1)) == other.learn(np.random.default_rng(1))
    np.testing.assert_array_equal(agent.weights.numpy(), other.weights.numpy())
    assert agent.epsilon == other.epsilon
    empty = DQNAgent(config)
    empty.restore(DQNAgent(config).state())
    assert not empty.replay


def test_policies_by_name():
    for name, kind in {"dqn": DQNAgent, **POLICIES}.items():
        config = Config(policy=name, route="0")
        assert type(make_policy(config, np.zeros((10, 10)))) is kind
    assert {"dqn", *POLICIES, *REFERENCES} == set(Config.__dataclass_fields__["policy"].metadata["choices"])
