"""What the agent learns from, by hand: targets, sums of rewards, renamed episodes, what is drawn."""

import numpy as np

from config import Config
from policies.replay import Transition, n_step_transitions, renamed


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
