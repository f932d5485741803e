"""What the agent learns from, by hand: targets, sums of rewards, renamed episodes, what is drawn."""

import math

import numpy as np

from config import Config
from node import q_targets
from policies.replay import Transition, draw_shares, n_step_transitions, renamed


def test_targets_by_hand():
    batch = Transition(None, np.array([1, 0]), np.array([-0.5, 2.0]), None, np.array([False, True]), np.full(2, 0.9))
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
    batch = Transition(None, np.array([[2, 0]]), np.array([1.0]), None, np.array([False]), np.array([0.5]))
    config = Config(nodes=3, pca_components=3, nodes_per_round=2, target_normalisation="none")
    targets = q_targets(np.array([[7.0, 7, 7]]), np.array([[4.0, 2, 6]]), batch, config)
    np.testing.assert_allclose(targets, [[3.5, 7, 3.5]])  # 1 + 0.5 * (4 + 6) / 2


def test_double_q_by_hand():
    """The chooser prefers action 2, whose value the other network puts at 5: 1 + 0.9 * 5."""
    batch = Transition(None, np.array([0]), np.array([1.0]), None, np.array([False]), np.array([0.9]))
    config = Config(nodes=3, pca_components=3, target_normalisation="none")
    values, next_values, chooser = np.zeros((1, 3)), np.array([[9.0, 7, 5]]), np.array([[1.0, 2, 3]])
    np.testing.assert_allclose(q_targets(values, next_values, batch, config, chooser), [[5.5, 0, 0]])


def transition(reward, done, mark):
    return Transition(np.array([mark]), mark, reward, np.array([mark + 1]), done)


def test_n_step_returns_by_hand():
    """Two episodes of three and two rounds: no sum reaches across their border, the last are shorter."""
    replay = [transition(*row) for row in [(1, False, 0), (2, False, 1), (4, True, 2), (8, False, 3), (16, False, 4)]]
    rows = n_step_transitions(replay, Config(n_step=2, discount=0.5))
    assert rows.reward.tolist() == [1 + 0.5 * 2, 2 + 0.5 * 4, 4, 8 + 0.5 * 16, 16]
    assert rows.next_observation.ravel().tolist() == [2, 3, 3, 5, 5]
    assert rows.done.tolist() == [False, True, True, False, False]
    assert rows.discount.tolist() == [0.25, 0.25, 0.5, 0.25, 0.5]
    assert rows.observation.ravel().tolist() == [0, 1, 2, 3, 4]
    one = n_step_transitions(replay, Config())
    assert one.reward.tolist() == [1, 2, 4, 8, 16]
    assert one.next_observation.ravel().tolist() == [1, 2, 3, 4, 5]


def test_renamed_episodes_by_hand():
    """Where node 1 becomes 2 and node 2 becomes 1 all that is seen of the two is exchanged, and the action too; the
    starter, rewards and what is not of any node stay. Each episode has one way of renaming."""
    config = Config(nodes=3, pca_components=2, observation="pca,round,holder", starter=0)
    seen = np.array([[1, 2, 3, 4, 5, 6, 0.5, 0, 1, 0]] * 40, "f4")
    ends = np.ones(40)
    rows = Transition(seen, np.tile([1, 0], 20), ends, seen + 10, ends == 1, ends)
    episodes = np.arange(40) // 4
    names = renamed(rows, episodes, config, np.random.default_rng(0))
    changed = names.action[::2] == 2
    assert names.action[1::2].tolist() == [0] * 20
    assert set(names.action[::2]) == {1, 2}
    exchanged = [1, 2, 5, 6, 3, 4, 0.5, 0, 0, 1]
    for before, after in ((0, names.observation), (10, names.next_observation)):
        expected = np.where(changed[:, np.newaxis], np.array(exchanged) + before, seen[::2] + before)
        np.testing.assert_array_equal(after[::2], expected)
    assert (changed[::2] == changed[1::2]).all()  # rows 0 and 2 of an episode of four
    assert names.reward is rows.reward


def test_balanced_replay_draws_every_action_alike():
    shares = draw_shares(np.array([0, 0, 0, 1]), Config(replay="balanced"))
    np.testing.assert_allclose(shares, [1 / 6, 1 / 6, 1 / 6, 1 / 2])
    shares = draw_shares(np.array([[0, 1], [0, 1], [1, 0]]), Config(replay="balanced"))
    np.testing.assert_allclose(shares, [0.25, 0.25, 0.5])
    assert draw_shares(np.array([0, 1]), Config()) is None
