"""Lets the DQN agent of node.py act in other worlds: any observation vector, any number of discrete actions."""

import numpy as np

from config import Config
from node import DQNAgent
from runs.presets import PAPER

# Not the authors' constants, with which the agent learns one minibatch an episode: those of usual deep Q-learning.
USUAL = {"target_normalisation": "none", "double_q": True, "target_every": 100, "agent_hidden_units": (64, 64)}


def discrete_agent(seed: int, actions: int, observation_size: int, **settings: object) -> DQNAgent:
    """Returns an agent with this number of actions; `settings` are those of config.AgentSettings, USUAL by default."""
    own = {"policy": "dqn", "nodes": actions, "pca_components": 1, "seed": seed}
    return DQNAgent(Config(**PAPER | own | USUAL | settings), observation_size=observation_size)


def choose(agent: DQNAgent, observations: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
    """Returns an action for each of the observations [n, size]: [n] int64, greedy where no `rng` is given.

    With one, each is random with the agent's probability epsilon.
    """
    best = agent.values(observations).argmax(axis=1)
    if rng is None:
        return best
    explores = rng.random(len(best)) < agent.epsilon
    return np.where(explores, rng.integers(agent.config.nodes, size=len(best)), best)


def remember(
    agent: DQNAgent,
    observations: np.ndarray,
    actions: np.ndarray,
    rewards: np.ndarray,
    next_observations: np.ndarray,
    done: np.ndarray,
):
    """Stores transitions, one a row.

    Observations are [n, size] float32, the others [n]; `done` bool means that no value follows.
    """
    for row in zip(observations, actions, rewards, next_observations, done, strict=True):
        agent.remember(*row, {})
