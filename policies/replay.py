"""Prepares the transitions of an agent's episodes for learning."""

import collections
from collections.abc import Sequence

import numpy as np

from config import AgentSettings, Config
from policies.observation import rename

Transition = collections.namedtuple(
    "Transition", "observation action reward next_observation done discount", defaults=(None,)
)


def n_step_transitions(replay: Sequence[Transition], settings: AgentSettings) -> Transition:
    """Returns the replay as a Transition of arrays, each row reaching `n_step` rounds ahead, or to its episode's end.

    The reward is the discounted sum of those on the way; `discount` is what the next value is multiplied with. The
    replay's transitions are in the order in which they happened.
    """
    ends, rewards, discounts = [], [], []
    for start in range(len(replay)):
        total, factor, end = 0.0, 1.0, start
        for end in range(start, min(start + settings.n_step, len(replay))):
            total += factor * replay[end].reward
            factor *= settings.discount
            if replay[end].done:
                break
        ends.append(end)
        rewards.append(total)
        discounts.append(factor)
    columns = Transition(*(np.array(column) for column in zip(*(row[:5] for row in replay), strict=True)), None)
    return columns._replace(
        reward=np.array(rewards),
        next_observation=columns.next_observation[ends],
        done=columns.done[ends],
        discount=np.array(discounts, np.float32),  # as the values that it multiplies
    )


def renamed(transitions: Transition, episodes: np.ndarray, config: Config, rng: np.random.Generator) -> Transition:
    """Returns a Transition of arrays as it were if in each of the `episodes` [n] the nodes, all but the starter, had
    exchanged their names at random.

    What one node teaches is then learned of all: data augmentation by a symmetry that nearly holds (Corrado and Hanna,
    Understanding when Dynamics-Invariant Data Augmentations Benefit Model-Free Reinforcement Learning Updates, 2024).
    Which node is better than another it still learns from the episodes as they were.
    """
    others = np.delete(np.arange(config.nodes), config.starter)
    names = np.tile(np.arange(config.nodes), (episodes[-1] + 1, 1))
    names[:, others] = rng.permuted(names[:, others], axis=1)
    names = names[episodes]
    actions = transitions.action.reshape(len(episodes), -1)
    return transitions._replace(
        observation=rename(config, transitions.observation, names),
        action=np.take_along_axis(names, actions, axis=1).reshape(transitions.action.shape),
        next_observation=rename(config, transitions.next_observation, names),
    )
