"""What Homogeneous Learning is compared with: the same nodes and images, the same goal, but no travelling model.

Each is an environment whose action is ignored. Distances and bytes are those of everything that is sent.
"""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from config import Config
from data import Dataset
from environment import HomogeneousLearningEnv, Work
from nodes.local import LocalNodes
from settings.names import SIDE
from settings.random_streams import generator

if TYPE_CHECKING:
    from nodes.ray_actors import RayNodes


class Reference(HomogeneousLearningEnv):
    """A training without an agent, whose observation is zero."""

    def observe(self, work: Work | None = None, before: tf.Tensor | None = None) -> np.ndarray:
        return np.zeros(self.observation_space.shape, np.float32)

    def inputs(self, nodes: tuple[int, ...], before: tf.Tensor) -> dict:
        """Returns which round it was, and the one model by which it was judged before."""
        return {"episode": self.episode, "round": self.round, "node": nodes, "weights": before.numpy()}

    def starting_with(self, leader: int) -> tuple[int, ...]:
        """Returns all nodes, the `leader` first."""
        return (leader, *(node for node in range(self.config.nodes) if node != leader))


class Centralized(Reference):
    """All images are sent to the starter, which trains on the pool, in every round on as many as a node holds."""

    def train(self, chosen: tuple[int, ...]) -> Work:
        starter, nodes, size = self.config.starter, self.config.nodes, self.config.samples_per_node
        epoch, part = divmod(self.round - 1, nodes)
        pool = np.concatenate(list(self.nodes.rows.values()))
        pool = generator(self.seed, "order", self.episode, epoch, nodes).permutation(pool)
        order = np.tile(pool[part * size : (part + 1) * size], (self.config.local_epochs, 1))
        self.weights, loss = self.nodes.train_on(starter, self.weights, order, self.when())
        distance, sent = 0.0, 0
        if self.round == 1:  # an image is a byte a pixel, and one for its label
            distance = float(self.distances[starter].sum())
            sent = (nodes - 1) * size * (SIDE * SIDE + 1)
        return Work((starter,), (loss,), distance, sent, self.nodes.gradient_steps)


class FederatedAveraging(Reference):
    """FedAvg: all nodes train the leader's model, in every round, and the leader averages; the starter always leads.

    Every node keeps its own Adam moments, as in Homogeneous Learning.
    """

    def leader(self) -> int:
        """Returns the node that collects and sends the models of this round."""
        return self.config.starter

    def train(self, chosen: tuple[int, ...]) -> Work:
        nodes = self.starting_with(self.leader())
        trained, losses = self.nodes.train(nodes, [self.weights] * len(nodes), self.when())
        self.weights = self.nodes.mean(nodes[0], trained)
        ways = 2 * (len(nodes) - 1)  # to every node and back
        distance = 2 * float(self.distances[nodes[0]].sum())
        return Work(nodes, losses, distance, ways * self.nodes.model_bytes, len(nodes) * self.nodes.gradient_steps)


class Swarm(FederatedAveraging):
    """Swarm Learning's merging without a server: as FedAvg, but every round another node leads, in turn."""

    def leader(self) -> int:
        return (self.config.starter + self.round - 1) % self.config.nodes


class Gossip(Reference):
    """D-PSGD: every node trains a model of its own, then mixes it with its neighbours'; on the complete graph.

    The accuracy is that of the mean of all models.
    """

    def adjacency(self) -> np.ndarray:
        """Returns which nodes are neighbours [nodes, nodes] bool."""
        return ~np.eye(self.config.nodes, dtype=bool)

    def reset(self, **options: int | dict | None) -> tuple[np.ndarray, dict]:
        result = super().reset(**options)
        self.models = [self.weights] * self.config.nodes
        return result

    def train(self, chosen: tuple[int, ...]) -> Work:
        nodes, neighbours = range(self.config.nodes), self.adjacency()
        trained, losses = self.nodes.train(nodes, self.models, self.when())
        mixed = tf.linalg.matmul(mixing_matrix(neighbours).astype(np.float32), tf.stack(trained))
        self.models, self.weights = tf.unstack(mixed), tf.reduce_mean(mixed, 0)
        distance, sent = float(self.distances[neighbours].sum()), int(neighbours.sum()) * self.nodes.model_bytes
        steps = len(nodes) * self.nodes.gradient_steps
        return Work(self.starting_with(self.config.starter), losses, distance, sent, steps)


class RingGossip(Gossip):
    """D-PSGD on the ring in which each node has the nodes of the next lower and higher number as neighbours."""

    def adjacency(self) -> np.ndarray:
        one = np.roll(np.eye(self.config.nodes, dtype=bool), 1, axis=1)
        return one | one.T


REFERENCES = {
    "centralized": Centralized,
    "fedavg": FederatedAveraging,
    "gossip-ring": RingGossip,
    "gossip-complete": Gossip,
    "swarm": Swarm,
}


def make_environment(
    config: Config, dataset: Dataset | None, nodes: "LocalNodes | RayNodes | None" = None
) -> HomogeneousLearningEnv:
    """Builds the environment in which `config.policy` works; see HomogeneousLearningEnv for its arguments."""
    return REFERENCES.get(config.policy, HomogeneousLearningEnv)(config, dataset, nodes)


def mixing_matrix(neighbours: np.ndarray) -> np.ndarray:
    """Returns Metropolis weights [n, n] for an undirected graph [n, n] bool: every row and every column sums to 1."""
    degrees = neighbours.sum(1)
    weights = np.where(neighbours, 1 / (1 + np.maximum.outer(degrees, degrees)), 0)
    return weights + np.diag(1 - weights.sum(1))
