"""Implements the DQN agent that picks the next node."""

import collections
import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from config import Config
from models import q_network
from policies.route_agent import RouteAgent
from policies.rules import (
    HomePolicy,
    LabelVariancePolicy,
    NearestPolicy,
    Policy,
    RandomMovingPolicy,
    RandomPolicy,
    RoundRobinPolicy,
    RoutePolicy,
    ShuffledCyclePolicy,
    StandalonePolicy,
    random_ranking,
)
from policies.saved_agent import kind, read_agent
from settings.errors import UsageError
from settings.names import REFERENCES
from settings.random_streams import generator
from settings.user_classes import user_class

KIND = ("nodes", "pca_components", "agent_hidden_units")  # give weights their meaning
Transition = collections.namedtuple("Transition", "observation action reward next_observation done")

POLICIES = {
    "random": RandomPolicy,
    "random-moving": RandomMovingPolicy,
    "standalone": StandalonePolicy,
    "round-robin": RoundRobinPolicy,
    "shuffled-cycle": ShuffledCyclePolicy,
    "nearest": NearestPolicy,
    "label-variance": LabelVariancePolicy,
    "home": HomePolicy,
    "route": RoutePolicy,
    "route-agent": RouteAgent,
}


def make_policy(config: Config, distances: np.ndarray, label_counts: np.ndarray | None = None) -> Policy:
    """Builds the policy that `config.policy` names, for nodes that are `distances` [nodes, nodes] apart.

    `label_counts` [nodes, classes] tells how many images of each class the nodes hold; `label-variance` needs it. A
    baseline, in which no model travels, gets a StandalonePolicy, whose choices it ignores. Raises UsageError where an
    import path names no policy, and where `load_agent` names no agent of this kind.
    """
    kinds = POLICIES | {"dqn": DQNAgent} | dict.fromkeys(REFERENCES, StandalonePolicy)
    kind = kinds.get(config.policy) or user_class(config.policy, Policy, "rank")
    policy = kind(config, distances)
    policy.label_counts = label_counts
    return policy


class DQNAgent(Policy):
    """Deep Q-learning, by default as in the authors' code: one network, few and jointly normalised updates.

    Options of the configuration add what has become usual since; each is off by default. With an
    `observation_size` it learns from observations of any kind, and an action need not be the choice of a node: there
    are as many as the configuration has nodes.
    """

    learns = True

    def __init__(self, config: Config, distances: np.ndarray | None = None, observation_size: int = 0):
        """Builds the Q-network for observations of `observation_size` numbers (0: those of the configuration).

        `distances` [nodes, nodes] is not used. Raises UsageError where `load_agent` names no agent of this kind.
        """
        super().__init__(config, distances)
        self.epsilon = 0.0 if 0 < config.greedy_from <= config.first_episode else config.epsilon
        self.network = q_network(config, observation_size)
        self.weights = self.network.initial_weights(generator(config.seed, "agent weights"))
        if config.load_agent:
            self.weights = tf.constant(load_agent(config, self.weights.shape))
        self.target_weights = self.weights  # of the network that tells the next value; the same where there is none
        self.optimizer_state = self.network.initial_state()
        self.replay = collections.deque(maxlen=config.replay_size)
        self.minibatches = 0  # learned so far

    def rank(self, observation: np.ndarray, info: dict, rng: np.random.Generator) -> tuple[list[int], bool]:
        """Explores in a share epsilon of the rounds; else ranks nodes by value."""
        if rng.random() < self.epsilon:
            return random_ranking(self.config, rng), False
        self.last_values = self.values(observation[np.newaxis])[0]
        return np.argsort(-self.last_values, kind="stable").tolist(), True

    def values(self, observations: np.ndarray) -> np.ndarray:
        """Returns the value of every action [n, nodes] for observations [n, size]."""
        return self.network.predict(self.weights, observations).numpy()

    def remember(
        self,
        observation: np.ndarray,
        action: int | np.ndarray,
        reward: float,
        next_observation: np.ndarray,
        done: bool,
        info: dict,
    ):
        """Stores a transition."""
        self.replay.append(Transition(observation, action, reward, next_observation, done))

    def learn(self, rng: np.random.Generator, episode: int) -> float:
        """Trains on minibatches drawn from the replay, in small batches, and lowers epsilon; returns the mean loss.

        From the episode `greedy_from` on it does neither. Raises UsageError where the loss is not finite.
        """
        config = self.config
        if 0 < config.greedy_from <= episode:
            return math.nan
        self.epsilon = max(config.epsilon_end, self.epsilon * math.exp(-config.epsilon_decay))
        if episode + 1 == config.greedy_from:
            self.epsilon = 0.0
        if len(self.replay) < config.minibatch:
            return math.nan
        transitions = Transition(*(np.array(column) for column in zip(*self.replay, strict=True)))
        return float(np.mean([self._learn_minibatch(transitions, rng) for _ in range(config.updates)]))

    def _learn_minibatch(self, transitions: Transition, rng: np.random.Generator) -> float:
        """Draws a minibatch and trains on it once; returns the mean loss."""
        config = self.config
        drawn = rng.choice(len(transitions.reward), config.minibatch, replace=False)
        batch = Transition(*(column[drawn] for column in transitions))
        next_values = self.network.predict(self.target_weights, batch.next_observation).numpy()
        chooser = self.network.predict(self.weights, batch.next_observation).numpy() if config.double_q else None
        values = self.network.predict(self.weights, batch.observation).numpy()
        targets = q_targets(values, next_values, batch, config, chooser)
        order = rng.permutation(config.minibatch).astype(np.int32)[np.newaxis]
        self.weights, self.optimizer_state, loss = self.network.train(
            self.weights, self.optimizer_state, batch.observation, targets, order, config.agent_batch_size
        )
        if not np.isfinite(loss):
            raise UsageError(f"the Q-network's loss became {loss:g}; start again with a lower --agent-learning-rate")
        self.minibatches += 1
        if not config.target_every or self.minibatches % config.target_every == 0:
            self.target_weights = self.weights
        return float(loss)

    def state(self) -> dict[str, np.ndarray | np.generic]:
        columns = [np.array(column) for column in zip(*self.replay, strict=True)]
        return {
            "weights": self.weights.numpy(),
            "target_weights": self.target_weights.numpy(),
            "optimizer_state": self.optimizer_state.numpy(),
            "minibatches": np.int64(self.minibatches),
            "epsilon": np.float64(self.epsilon),
            **{f"replay_{name}": column for name, column in zip(Transition._fields, columns, strict=False)},
        }

    def agent(self) -> dict[str, np.ndarray | np.generic]:
        return {"weights": self.weights.numpy(), "kind": np.str_(kind(self.config, KIND))}

    def restore(self, state: dict[str, np.ndarray]):
        self.weights, self.target_weights = (tf.constant(state[name]) for name in ("weights", "target_weights"))
        self.minibatches = int(state["minibatches"])
        self.optimizer_state = tf.constant(state["optimizer_state"])
        self.epsilon = float(state["epsilon"])
        columns = [state[f"replay_{name}"] for name in Transition._fields if f"replay_{name}" in state]
        self.replay.clear()
        self.replay.extend(Transition(*row) for row in zip(*columns, strict=True))


def load_agent(config: Config, shape: Sequence[int]) -> np.ndarray:
    """Returns the weights [P] of a saved agent; raises UsageError where the file is none of this one's kind."""
    (weights,) = read_agent(config, KIND, ("weights",))
    if weights.shape != shape or weights.dtype != np.float32 or not np.isfinite(weights).all():
        raise UsageError(f"--load-agent {config.load_agent} is damaged; give another run's agent.npz")
    return weights


def q_targets(
    values: np.ndarray,
    next_values: np.ndarray,
    batch: Transition,
    config: Config,
    chooser: np.ndarray | None = None,
) -> np.ndarray:
    """Returns the training targets [n, nodes]: the network's own `values`, corrected where an action was taken.

    The taken action's value becomes reward + discount * the best next value, without the latter when done. The best
    is the highest, or with `chooser` [n, nodes] (double Q) the one that is highest there. Then the whole matrix is
    divided by its Frobenius norm, unless `target_normalisation` is `none` (authors' code).
    """
    k = config.nodes_per_round
    # Deviation D3: with several nodes a round all of them share the round's target, as in the authors' code, but the
    # best next value is the mean of the k highest, since k nodes will be chosen.
    best = np.argsort(next_values if chooser is None else chooser, axis=1)[:, -k:]
    best_next = np.take_along_axis(next_values, best, axis=1).mean(axis=1)
    targets = values.astype(np.float64)
    corrected = batch.reward + config.discount * best_next * ~batch.done
    np.put_along_axis(targets, batch.action.reshape(-1, k), corrected[:, np.newaxis], axis=1)
    if config.target_normalisation == "frobenius":
        targets /= np.linalg.norm(targets)
    return targets.astype(np.float32)
