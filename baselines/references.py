"""Implements the baselines: trainings on the same nodes and images to the same goal, without a travelling model.

Each is an environment whose action is ignored. Distances and bytes are those of everything that is sent.
"""

from typing import TYPE_CHECKING

import numpy as np

from config import Config
from data import Dataset
from environment import HomogeneousLearningEnv
from nodes.round import RoundRequest
from settings.random_streams import generator

if TYPE_CHECKING:
    from nodes.local import LocalNodes
    from nodes.ray_actors import RayNodes


class Centralized(HomogeneousLearningEnv):
    """All images are sent to the starter, which trains on the pool, in every round on as many as a node holds."""

    def request(self, chosen: tuple[int, ...]) -> RoundRequest:
        starter, nodes, size = self.config.starter, self.config.nodes, self.config.samples_per_node
        epoch, part = divmod(self.round - 1, nodes)
        pool = np.concatenate(list(self.nodes.rows.values()))
        pool = generator(self.seed, "order", self.episode, epoch, nodes).permutation(pool)
        images = np.tile(pool[part * size : (part + 1) * size], (self.config.local_epochs, 1))
        return RoundRequest(self.when(), (starter,), (self.weights,), starter, images=images)

    def sent(self, request: RoundRequest) -> tuple[float, int]:
        if self.round > 1:
            return 0.0, 0
        images = (self.config.nodes - 1) * self.config.samples_per_node
        return float(self.distances[request.leader].sum()), images * self.nodes.image_bytes


class FederatedAveraging(HomogeneousLearningEnv):
    """FedAvg: all nodes train the leader's model, in every round, and the leader averages; the starter always leads.

    Every node keeps its own Adam moments, as in Homogeneous Learning.
    """

    def leader(self) -> int:
        """Returns the node that collects and sends the models of this round."""
        return self.config.starter

    def request(self, chosen: tuple[int, ...]) -> RoundRequest:
        leader, number = self.leader(), self.config.nodes
        nodes = (leader, *(node for node in range(number) if node != leader))
        return RoundRequest(self.when(), nodes, (self.weights,) * number, leader)

    def sent(self, request: RoundRequest) -> tuple[float, int]:
        ways = 2 * (self.config.nodes - 1)  # to every node and back
        return 2 * float(self.distances[request.leader].sum()), ways * self.nodes.model_bytes


class Swarm(FederatedAveraging):
    """Swarm Learning's merging without a server: as FedAvg, but every round another node leads, in turn."""

    def leader(self) -> int:
        return (self.config.starter + self.round - 1) % self.config.nodes


class Gossip(HomogeneousLearningEnv):
    """D-PSGD: every node trains a model of its own, then mixes it with its neighbours'; on the complete graph.

    The accuracy is that of the mean of all models.
    """

    def adjacency(self) -> np.ndarray:
        """Returns which nodes are neighbours [nodes, nodes] bool."""
        return ~np.eye(self.config.nodes, dtype=bool)

    def request(self, chosen: tuple[int, ...]) -> RoundRequest:
        nodes = tuple(range(self.config.nodes))
        starts = self.trained or (self.weights,) * len(nodes)
        mixing = mixing_matrix(self.adjacency()).astype(np.float32)
        return RoundRequest(self.when(), nodes, starts, self.config.starter, mixing=mixing)

    def sent(self, request: RoundRequest) -> tuple[float, int]:
        neighbours = self.adjacency()
        return float(self.distances[neighbours].sum()), int(neighbours.sum()) * self.nodes.model_bytes


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
