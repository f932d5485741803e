"""The DQN agent: epsilon by its formula, what it stores, chooses and learns, alone or as one of the policies."""

import math

import numpy as np
import pytest

from config import Config
from node import POLICIES, DQNAgent, Transition, make_policy, q_targets
from settings.errors import UsageError
from settings.names import REFERENCES

TINY = {"nodes": 4, "pca_components": 2, "agent_hidden_units": "8", "minibatch": 6, "agent_batch_size": 4}
INFO = {"accuracy": 0.5, "previous_accuracy": 0.2}


def test_epsilon_after_50_and_120_episodes():
    agent = DQNAgent(Config(**TINY))
    seen = []
    for _ in range(120):
        seen.append(agent.epsilon)  # the value with which the episode is run
        agent.learn(np.random.default_rng(0), 1)
    assert seen[0] == 1
    assert seen[49] == pytest.approx(0.375, abs=5e-4)
    assert seen[119] == pytest.approx(0.093, abs=5e-4)


def fill(agent, count):
    rng = np.random.default_rng(1)
    for index in range(count):
        observation, after = rng.normal(size=(2, 8)).astype("f4")
        agent.remember(observation, index % 4, -0.5, after, index % 5 == 4, INFO)


def test_learning_starts_with_a_full_minibatch():
    agent = DQNAgent(Config(**TINY))
    before = agent.weights.numpy()
    fill(agent, 5)
    assert math.isnan(agent.learn(np.random.default_rng(0), 1))
    np.testing.assert_array_equal(agent.weights.numpy(), before)
    fill(agent, 1)
    assert agent.learn(np.random.default_rng(0), 1) > 0
    assert not np.array_equal(agent.weights.numpy(), before)
    assert agent.optimizer_state.numpy()[0] == 2  # Adam's step count: 6 transitions in batches of 4


def test_the_loss_by_hand():
    """Of one batch of all that is stored, so that the loss is that of the weights before the step."""
    agent = DQNAgent(Config(**TINY | {"agent_batch_size": 6}))
    fill(agent, 6)
    seen, action, reward, after, done = (np.array(column) for column in zip(*agent.replay, strict=True))
    values = agent.values(seen)
    targets = values.copy()
    targets[np.arange(6), action] = reward + 0.9 * agent.values(after).max(axis=1) * ~done
    targets /= np.sqrt((targets**2).sum())  # the authors' normalisation
    loss = agent.learn(np.random.default_rng(0), 1)
    assert loss == pytest.approx(np.mean((targets - values) ** 2), rel=1e-4)


def test_replay_forgets_the_oldest():
    agent = DQNAgent(Config(replay_size=6, **TINY))
    for index in range(8):
        agent.remember(np.full(8, index, "f4"), 0, float(index), np.zeros(8, "f4"), False, INFO)
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
        np.testing.assert_array_equal(agent.last_values, values)


def test_exploring_share_equals_epsilon():
    agent = DQNAgent(Config(**TINY))
    agent.epsilon = 0.3
    rng = np.random.default_rng(0)
    greedy = [agent.rank(np.zeros(8, "f4"), {}, rng)[1] for _ in range(3000)]
    assert 0.67 < np.mean(greedy) < 0.73  # 0.7 within more than three standard errors


def test_target_network_is_renewed_now_and_then():
    agent = DQNAgent(Config(target_every=3, updates=2, target_normalisation="none", **TINY))
    fill(agent, 9)
    first = agent.target_weights.numpy()
    agent.learn(np.random.default_rng(0), 1)
    np.testing.assert_array_equal(agent.target_weights.numpy(), first)
    agent.learn(np.random.default_rng(1), 1)  # the third minibatch is its first
    assert not np.array_equal(agent.target_weights.numpy(), first)
    assert not np.array_equal(agent.target_weights.numpy(), agent.weights.numpy())
    assert agent.optimizer_state.numpy()[0] == 4 * 2  # four minibatches of two steps


def test_epsilon_has_a_floor():
    agent = DQNAgent(Config(epsilon_end=0.9, **TINY))
    for _ in range(10):
        agent.learn(np.random.default_rng(0), 1)
    assert agent.epsilon == 0.9


def test_agent_that_only_evaluates_neither_explores_nor_learns(tmp_path):
    teacher = DQNAgent(Config(seed=5, **TINY))
    np.savez(tmp_path / "agent.npz", **teacher.agent())
    agent = DQNAgent(Config(greedy_from=1, load_agent=str(tmp_path / "agent.npz"), **TINY))
    fill(agent, 9)
    assert agent.epsilon == 0
    assert math.isnan(agent.learn(np.random.default_rng(0), 1))
    np.testing.assert_array_equal(agent.weights.numpy(), teacher.weights.numpy())


def test_agent_turns_greedy_at_an_episode():
    agent, always = DQNAgent(Config(greedy_from=3, **TINY)), DQNAgent(Config(**TINY))
    for one in (agent, always):
        fill(one, 9)
        one.learn(np.random.default_rng(0), 1)
        assert 0.9 < one.epsilon < 1
        one.learn(np.random.default_rng(0), 2)
    assert agent.epsilon == 0
    np.testing.assert_array_equal(agent.weights.numpy(), always.weights.numpy())
    assert math.isnan(agent.learn(np.random.default_rng(0), 3))
    always.learn(np.random.default_rng(0), 3)
    assert not np.array_equal(agent.weights.numpy(), always.weights.numpy())


def test_agent_that_starts_past_its_last_lesson_is_greedy_at_once(tmp_path):
    assert DQNAgent(Config(greedy_from=3, first_episode=3, **TINY)).epsilon == 0
    assert DQNAgent(Config(greedy_from=3, first_episode=2, **TINY)).epsilon == 1


@pytest.mark.parametrize("content", [b"", b"no zip", {}, {"weights": np.zeros(5, "f4")}])
def test_files_that_hold_no_agent_are_refused(tmp_path, content):
    path = tmp_path / "agent.npz"
    if isinstance(content, dict):
        np.savez(path, **DQNAgent(Config(**TINY)).agent() | content if content else {})
    else:
        path.write_bytes(content)
    with pytest.raises(UsageError, match="--load-agent"):
        DQNAgent(Config(load_agent=str(path), **TINY))


def test_agent_that_saw_something_else_is_refused(tmp_path):
    """Although its network has as many weights."""
    agent = DQNAgent(Config(**TINY | {"agent_hidden_units": "9"}))
    np.savez(tmp_path / "agent.npz", **agent.agent())
    other = TINY | {"pca_components": 1, "agent_hidden_units": "13"}  # (8 + 5) * 9 and (4 + 5) * 13 weights, and 4
    assert DQNAgent(Config(**other)).weights.shape == agent.weights.shape
    with pytest.raises(UsageError, match="needs --nodes 4 --pca-components 2 --agent-hidden-units 9"):
        DQNAgent(Config(load_agent=str(tmp_path / "agent.npz"), **other))


def test_agents_of_earlier_versions_are_loaded_if_they_observed_the_same(tmp_path):
    agent, saved = DQNAgent(Config(seed=5, **TINY)), tmp_path / "agent.npz"
    former = "--nodes 4 --observation {} --pca-components 2 --agent-network dense --agent-hidden-units 8"
    np.savez(saved, weights=agent.weights.numpy(), kind=former.format("pca"))
    loaded = DQNAgent(Config(load_agent=str(saved), **TINY))
    np.testing.assert_array_equal(loaded.weights.numpy(), agent.weights.numpy())
    np.savez(saved, weights=agent.weights.numpy(), kind=former.format("holder,visits"))
    with pytest.raises(UsageError, match="needs --nodes 4 --observation holder,visits"):
        DQNAgent(Config(load_agent=str(saved), **TINY))


def test_restored_agent_goes_on_as_the_original():
    config = Config(**TINY)
    agent = DQNAgent(config)
    fill(agent, 9)
    agent.learn(np.random.default_rng(0), 1)
    other = DQNAgent(Config(seed=9, **TINY))
    other.restore(agent.state())
    assert agent.learn(np.random.default_rng(1), 1) == other.learn(np.random.default_rng(1), 1)
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


def test_double_q_by_hand():
    """The chooser prefers action 2, whose value the other network puts at 5: 1 + 0.9 * 5."""
    batch = Transition(None, np.array([0]), np.array([1.0]), None, np.array([False]))
    config = Config(nodes=3, pca_components=3, target_normalisation="none")
    values, next_values, chooser = np.zeros((1, 3)), np.array([[9.0, 7, 5]]), np.array([[1.0, 2, 3]])
    np.testing.assert_allclose(q_targets(values, next_values, batch, config, chooser), [[5.5, 0, 0]])
