"""Where the model goes next: the nodes' DQN agent."""

import collections
import math

import numpy as np
import tensorflow as tf

from config import REFERENCES, UsageError, generator
from models import q_network
from policies import (
    HomePolicy,
    NearestPolicy,
    Policy,
    RandomPolicy,
    RoundRobinPolicy,
    RoutePolicy,
    StandalonePolicy,
    random_ranking,
)

Transition = collections.namedtuple("Transition", "observation action reward next_observation done")


POLICIES = {
    "random": RandomPolicy,
    "standalone": StandalonePolicy,
    "round-robin": RoundRobinPolicy,
    "nearest": NearestPolicy,
    "home": HomePolicy,
    "route": RoutePolicy,
}


def make_policy(config, distances):
    """Builds the policy that `config.policy` names, for nodes that are `distances` [nodes, nodes] apart.

    Where no node is picked it names the starter, which is ignored.
    """
    return (POLICIES | {"dqn": DQNAgent} | dict.fromkeys(REFERENCES, StandalonePolicy))[config.policy](
        config, distances
    )


class DQNAgent(Policy):
    """Deep Q-learning as in the authors' code: one network, no target network, few and jointly normalised updates."""

    def __init__(self, config, distances=None):
        super().__init__(config, distances)
        self.epsilon = config.epsilon
        self.network = q_network(config)
        self.weights = self.network.initial_weights(generator(config.seed, "agent weights"))
        self.optimizer_state = self.network.initial_state()
        self.replay = collections.deque(maxlen=config.replay_size)

    def rank(self, observation, info, rng):
        """Explores with probability epsilon, else ranks the nodes by their value."""
        if rng.random() < self.epsilon:
            return random_ranking(self.config, rng), False
        values = self.network.predict(self.weights, observation[np.newaxis]).numpy()[0]
        return np.argsort(-values, kind="stable").tolist(), True

    def remember(self, observation, action, reward, next_observation, done):
        self.replay.append(Transition(observation, action, reward, next_observation, done))

    def learn(self, rng):
        """Trains once on one minibatch, in small batches, and lowers epsilon; returns the mean loss.

        Raises UsageError where that is not finite.
        """
        self.epsilon *= math.exp(-self.config.epsilon_decay)
        if len(self.replay) < self.config.minibatch:
            return math.nan
        drawn = [self.replay[index] for index in rng.choice(len(self.replay), self.config.minibatch, replace=False)]
        batch = Transition(*(np.array(column) for column in zip(*drawn, strict=True)))
        targets = q_targets(
            self.network.predict(self.weights, batch.observation).numpy(),
            self.network.predict(self.weights, batch.next_observation).numpy(),
            batch,
            self.config,
        )
        order = rng.permutation(self.config.minibatch).astype(np.int32)[np.newaxis]
        self.weights, self.optimizer_state, loss = self.network.train(
            self.weights, self.optimizer_state, batch.observation, targets, order, self.config.agent_batch_size
        )
        if not np.isfinite(loss):
            raise UsageError(f"the Q-network's loss became {loss:g}; start again with a lower --agent-learning-rate")
        return float(loss)

    def state(self):
        replay = Transition(*(np.array(column) for column in zip(*self.replay, strict=True))) if self.replay else ()
        return {
            "weights": self.weights.numpy(),
            "optimizer_state": self.optimizer_state.numpy(),
            "epsilon": np.float64(self.epsilon),
            **{f"replay_{name}": column for name, column in zip(Transition._fields, replay, strict=False)},
        }

    def restore(self, state):
        self.weights = tf.constant(state["weights"])
        self.optimizer_state = tf.constant(state["optimizer_state"])
        self.epsilon = float(state["epsilon"])
        columns = [state[f"replay_{name}"] for name in Transition._fields if f"replay_{name}" in state]
        self.replay.clear()
        self.replay.extend(Transition(*row) for row in zip(*columns, strict=True))


def q_targets(values, next_values, batch, config):
    """Returns the training targets [n, nodes]: the network's own `values`, corrected where an action was taken.

    The taken action's value becomes reward + discount * the best next value, without the latter when done. Then the
    whole matrix is divided by its Frobenius norm, unless `target_normalisation` is `none` (authors' code).
    """
    k = config.nodes_per_round
    # Deviation D3: with several nodes a round all of them share the round's target, as in the authors' code, but the
    # best next value is the mean of the k highest, since k nodes will be chosen.
    best_next = np.sort(next_values, axis=1)[:, -k:].mean(axis=1)
    targets = values.astype(np.float64)
    corrected = batch.reward + config.discount * best_next * ~batch.done
    np.put_along_axis(targets, batch.action.reshape(-1, k), corrected[:, np.newaxis], axis=1)
    if config.target_normalisation == "frobenius":
        targets /= np.linalg.norm(targets)
    return targets.astype(np.float32)
