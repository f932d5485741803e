"""Nodes in processes of their own, on one machine or a cluster: each is a Ray actor that alone holds its images.

Weights travel as object references from the actor that trained to the actor that is next; the process that runs the
environment sees losses, accuracies and observations. Actors train by LocalEngine, as nodes in one process do.
"""

import dataclasses
import logging
import os
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from config import REFERENCES, Config, UsageError

if TYPE_CHECKING:
    import ray
    import tensorflow as tf

    from engine import When

INSTALL = "pip install -r requirements-ray.txt"


@dataclasses.dataclass(frozen=True)
class Parcel:
    """Weights [P] on their way, and the node that trained or averaged them (None: every node can make them itself)."""

    sender: int | None
    weights: np.ndarray | None


FRESH = Parcel(None, None)


class Node:
    """One node, as an actor, of use once it has its images: it tells what it learned of them, never the images."""

    def __init__(self, config: Config, number: int):
        self._config, self._number = config, number

    def load(self) -> dict:
        """Takes the node's images from the data set; returns that set's name and SHA-256, the bytes of a model, and the
        gradient steps of a round. Raises UsageError where they cannot be had."""
        from screen import import_tensorflow_quietly

        import_tensorflow_quietly()
        from data import load_dataset
        from engine import LocalEngine
        from models import start_tensorflow

        start_tensorflow(self._config.threads)
        dataset = load_dataset(self._config)
        self._engine = engine = LocalEngine(self._config, dataset, only=self._number)
        about = {"name": dataset.name, "sha256": dataset.sha256()}
        return about | {"model_bytes": engine.model_bytes, "gradient_steps": engine.gradient_steps}

    def start(self, seed: int, episode: int):
        """Begins an episode."""
        self._fresh = self._engine.start(seed, episode)

    def train(self, parcel: Parcel, when: "When") -> tuple[Parcel, tuple[float, int]]:
        """Trains from a parcel; returns (a parcel, (the mean loss, bytes that came from another node))."""
        (weights,), (loss,) = self._engine.train([self._number], [self._open(parcel)], when)
        return Parcel(self._number, weights.numpy()), (loss, self._moved([parcel]))

    def mean(self, *parcels: Parcel) -> tuple[Parcel, int]:
        """Averages parcels; returns (a parcel, bytes that came from other nodes)."""
        weights = self._engine.mean(self._number, [self._open(parcel) for parcel in parcels])
        return Parcel(self._number, weights.numpy()), self._moved(parcels)

    def judge(self, parcel: Parcel) -> tuple[float, bool]:
        return self._engine.judge(self._number, self._open(parcel))

    def update_scores(self, nodes: Sequence[int], before: Parcel, *trained: Parcel) -> np.ndarray:
        return self._engine.update_scores(nodes, self._open(before), [self._open(parcel) for parcel in trained])

    def model_scores(self, nodes: list[int], *parcels: Parcel) -> np.ndarray:
        models = dict(zip(nodes, map(self._open, parcels), strict=True))
        return self._engine.model_scores(models, self._fresh)

    def inputs(self, parcel: Parcel, when: "When") -> dict:
        return self._engine.inputs([self._number], self._open(parcel), when)

    def label_counts(self) -> np.ndarray:
        return self._engine.label_counts()[0]

    def plane(self, *parcels: Parcel) -> tuple[np.ndarray, np.ndarray]:
        from engine import plane

        return plane([parcel.weights for parcel in parcels])

    def _open(self, parcel: Parcel) -> "tf.Tensor":
        """Returns a parcel's weights as this node's engine takes them."""
        import tensorflow as tf

        return self._fresh if parcel.weights is None else tf.constant(parcel.weights)

    def _moved(self, parcels: Sequence[Parcel]) -> int:
        """Returns how many bytes of weights other nodes sent."""
        return sum(parcel.weights.nbytes for parcel in parcels if parcel.sender not in (None, self._number))


class RayEngine:
    """The environment's view of nodes that are Ray actors; a handle is a reference to a Parcel.

    Knows as much of the data set as its nodes tell: `name` and `sha256()`.
    """

    def __init__(self, config: Config, address: str | None = None):
        """Starts the actors on the cluster at `address` (None: a new one on this machine).

        Raises UsageError where there is none, or its machines have no data or different ones.
        """
        if config.policy in REFERENCES:
            raise UsageError(f"--engine ray lets one model travel; run --policy {config.policy} without it")
        ray = connect(address)
        self._ray, self.config = ray, config
        actor = ray.remote(num_cpus=0, max_restarts=0)(Node)
        self._actors = [actor.remote(config, number) for number in range(config.nodes)]
        about, *others = self._get([node.load.remote() for node in self._actors])
        for number, other in enumerate(others, 1):
            if other["sha256"] != about["sha256"]:
                raise UsageError(
                    f"node {number} would train on {other['name']}, other data than node 0's {about['name']}; give "
                    "every machine the same file under --data-path"
                )
        self.name, self._sha256 = about["name"], about["sha256"]
        self.model_bytes, self.gradient_steps = about["model_bytes"], about["gradient_steps"]
        self.bytes_moved = 0  # from actor to actor, in the present round

    def sha256(self) -> str:
        """Returns the hexadecimal SHA-256 of the data set's arrays."""
        return self._sha256

    def _get(self, references: "ray.ObjectRef | list[ray.ObjectRef]") -> object:
        """Waits for results; raises UsageError in one line where a node could not do what was asked."""
        try:
            return self._ray.get(references)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, UsageError):
                raise UsageError(str(error.cause)) from error
            raise
        except self._ray.exceptions.RayActorError as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"a node's process ended ({reason}); go on with --resume") from error

    def start(self, seed: int, episode: int) -> "ray.ObjectRef":
        """Begins an episode at every node."""
        self._get([node.start.remote(seed, episode) for node in self._actors])
        return self._ray.put(FRESH)

    def train(
        self, nodes: Sequence[int], weights: "Sequence[ray.ObjectRef]", when: "When"
    ) -> "tuple[tuple[ray.ObjectRef, ...], tuple[float, ...]]":
        """Lets `nodes` train side by side; returns (references to their parcels, their losses)."""
        calls = [
            self._actors[node].train.options(num_returns=2).remote(handle, when)
            for node, handle in zip(nodes, weights, strict=True)
        ]
        losses, moved = zip(*self._get([told for _, told in calls]), strict=True)
        self.bytes_moved = sum(moved)
        return tuple(parcel for parcel, _ in calls), losses

    def mean(self, node: int, weights: "Sequence[ray.ObjectRef]") -> "ray.ObjectRef":
        """Lets `node` average; a single parcel is its own mean."""
        if len(weights) == 1:
            return weights[0]
        parcel, moved = self._actors[node].mean.options(num_returns=2).remote(*weights)
        self.bytes_moved += self._get(moved)
        return parcel

    def judge(self, node: int, weights: "ray.ObjectRef") -> tuple[float, bool]:
        return self._get(self._actors[node].judge.remote(weights))

    def update_scores(
        self, nodes: Sequence[int], before: "ray.ObjectRef", trained: "Sequence[ray.ObjectRef]"
    ) -> np.ndarray:
        return self._get(self._actors[nodes[0]].update_scores.remote(nodes, before, *trained))

    def model_scores(self, models: "dict[int, ray.ObjectRef]", fresh: "ray.ObjectRef") -> np.ndarray:
        if not models:
            return np.zeros(self.config.nodes * self.config.pca_components)
        last = list(models)[-1]
        return self._get(self._actors[last].model_scores.remote(list(models), *models.values()))

    def inputs(self, nodes: Sequence[int], weights: "ray.ObjectRef", when: "When") -> dict:
        """Returns what the first node's round started from; only after a failure do weights come here."""
        return self._get(self._actors[nodes[0]].inputs.remote(weights, when))

    def label_counts(self) -> np.ndarray:
        return np.stack(self._get([node.label_counts.remote() for node in self._actors]))

    def node_models(self, repeats: int) -> tuple[list[int], tuple[np.ndarray, np.ndarray]]:
        """Lets every node train one common fresh model, `repeats` times; node 0 finds their principal components."""
        trained, nodes = [], list(range(self.config.nodes))
        for repeat in range(1, repeats + 1):
            fresh = self.start(self.config.seed, 1)
            trained += self.train(nodes, [fresh] * len(nodes), (self.config.seed, 1, repeat))[0]
        return nodes * repeats, self._get(self._actors[0].plane.remote(*trained))


def connect(address: str | None) -> ModuleType:
    """Returns the ray module, connected; raises UsageError where it is not installed or the cluster not found."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise UsageError(f"--engine ray needs Ray; install it with: {INSTALL}") from error
    if not ray.is_initialized():
        local = {} if address else {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
        except (ConnectionError, ValueError) as error:
            raise UsageError(
                f"no Ray cluster at {address} ({str(error).splitlines()[0]}); start one first, and set "
                "RAY_AUTH_MODE=token if it was started with a token"
            ) from error
    return ray
