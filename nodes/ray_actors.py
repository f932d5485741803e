"""Runs the nodes in Ray actors, on one machine or a cluster. Only the actor of a node holds its images.

Weights travel as object references from the actor that trained to the actor that is next; the process that runs the
environment sees losses, accuracies and observations. Actors train by LocalNodes, as nodes in one process do.
"""

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from config import Config
from nodes.ray_cluster import Pulse, connect
from nodes.round import RoundRequest, RoundResult, When
from settings.errors import UsageError, first_line
from settings.names import REFERENCES

if TYPE_CHECKING:
    import ray
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class ModelRef:
    """Where the weights [P] of a model are, and the actor that made them; None: every actor can make them itself."""

    actor: int | None
    weights: "ray.ObjectRef | None"


FRESH = ModelRef(None, None)


@dataclasses.dataclass(frozen=True)
class Trained:
    """What the nodes of one actor trained: models and mean losses by node, and bytes that other actors sent for it."""

    models: dict[int, ModelRef]
    losses: dict[int, float]
    bytes_moved: int


class NodeActor:
    """The nodes of one actor, which alone holds their images; it answers with what they learned, never with images."""

    def __init__(self, config: Config, actor: int, numbers: list[int], folder: str = "."):
        """Does nothing yet; the actor is of use after `load`. Works in `folder`, where its machine has that."""
        self._config, self._actor, self._numbers, self._folder = config, actor, numbers, folder

    def load(self) -> dict:
        """Takes the nodes' images from the data set; returns that set's name and SHA-256, how the nodes evaluate, the
        bytes of a model, and the gradient steps of a round. Raises UsageError where they are not available."""
        from settings.quiet_import import import_tensorflow_quietly

        with contextlib.suppress(OSError):
            os.chdir(self._folder)
        import_tensorflow_quietly()
        from data import load_dataset
        from models import start_tensorflow
        from nodes.local import LocalNodes

        start_tensorflow(self._config.threads)
        dataset = load_dataset(self._config)
        self._nodes = nodes = LocalNodes(self._config, dataset, only=self._numbers)
        about = {"name": dataset.name, "sha256": dataset.sha256()}
        about |= {"evaluation": nodes.evaluation, "evaluation_reason": nodes.evaluation_reason}
        return about | {"model_bytes": nodes.model_bytes, "gradient_steps": nodes.gradient_steps}

    def start(self, seed: int, episode: int):
        """Begins an episode."""
        self._fresh = self._nodes.start(seed, episode)

    def train(self, nodes: Sequence[int], starts: Sequence[ModelRef], when: When) -> Trained:
        """Trains those of `nodes` that live here, each from its entry of `starts`."""
        own = {node: start for node, start in zip(nodes, starts, strict=True) if node in self._numbers}
        opened = {start: self._open(start) for start in set(own.values())}  # one that several nodes start from, once
        models, losses = self._nodes.train(list(own), [opened[start] for start in own.values()], when)
        kept, moved = map(self._keep, models), self._moved(opened)
        return Trained(dict(zip(own, kept, strict=True)), dict(zip(own, losses, strict=True)), moved)

    def round(self, request: RoundRequest, others: "list[ray.ObjectRef]") -> RoundResult:
        """Trains here, waits for the Trained of `others`, and averages and evaluates all."""
        import ray

        started = time.perf_counter()
        here = self.train(request.nodes, request.starts, request.when)
        models, losses, moved = here.models, here.losses, here.bytes_moved
        for there in ray.get(others):
            models, losses = models | there.models, losses | there.losses
            moved += there.bytes_moved + self._moved(there.models.values())
        models, losses = ([results[node] for node in request.nodes] for results in (models, losses))
        opened = dataclasses.replace(request, starts=tuple(map(self._open, request.starts)))
        result = self._nodes.finish(opened, tuple(map(self._open, models)), tuple(losses), started)
        mean = models[0] if len(models) == 1 else self._keep(result.model)
        return dataclasses.replace(result, trained=tuple(models), model=mean, bytes_moved=moved)

    def label_counts(self) -> np.ndarray:
        """Returns how many images of each class the actor's nodes hold [its nodes, classes]."""
        return self._nodes.label_counts()

    def model_file(self, model: ModelRef) -> bytes:
        return self._nodes.model_file(self._open(model))

    def pca_2d(self, models: list[ModelRef]) -> tuple[np.ndarray, np.ndarray]:
        from nodes.local import pca_2d

        return pca_2d([self._open(model).numpy() for model in models])

    def _open(self, model: ModelRef) -> "tf.Tensor":
        """Returns a model's weights as LocalNodes takes them."""
        import ray
        import tensorflow as tf

        return self._fresh if model.weights is None else tf.constant(ray.get(model.weights))

    def _keep(self, weights: "tf.Tensor") -> ModelRef:
        """Returns a reference to weights that were made here."""
        import ray

        return ModelRef(self._actor, ray.put(weights.numpy()))

    def _moved(self, models: Iterable[ModelRef]) -> int:
        """Returns how many bytes of weights other actors sent."""
        return self._nodes.model_bytes * sum(model.actor not in (None, self._actor) for model in models)


class RayNodes:
    """The environment's view of nodes that live in Ray actors; a handle is a ModelRef.

    Knows as much of the data set as its actors tell: `name` and `sha256()`.
    """

    def __init__(self, config: Config, address: str | None = None, actors: int | None = None):
        """Starts `actors` actors on the cluster at `address` (None: a new one on this machine) and deals the nodes to
        them in turn. By default every node has its own, up to the number of the cluster's processors.

        Raises UsageError where there is no cluster, or its machines have no data or different ones.
        """
        if config.policy in REFERENCES:
            raise UsageError(f"--engine ray lets one model travel; run --policy {config.policy} without it")
        if actors is not None and not 1 <= actors <= config.nodes:
            raise UsageError(f"--ray-actors must be from 1 to --nodes ({config.nodes}), not {actors}")
        ray = connect(address)
        self._ray, self._pulse, self.config = ray, Pulse(ray), config
        actors = actors or max(1, min(config.nodes, int(ray.cluster_resources().get("CPU", 1))))
        self._numbers = [list(range(config.nodes))[actor::actors] for actor in range(actors)]  # of each actor's nodes
        actor_class = ray.remote(num_cpus=0, max_restarts=0, scheduling_strategy="SPREAD")(NodeActor)
        self._actors = [
            actor_class.remote(config, actor, numbers, os.getcwd()) for actor, numbers in enumerate(self._numbers)
        ]
        about, *others = self._get([actor.load.remote() for actor in self._actors])
        for actor, other in enumerate(others, 1):
            if other["sha256"] != about["sha256"]:
                raise UsageError(
                    f"node {actor} would train on {other['name']}, other data than node 0's {about['name']}; give "
                    "every machine the same file under --data-path"
                )
            if other["evaluation"] != about["evaluation"]:
                raise UsageError(
                    f"node {actor} would evaluate by {other['evaluation']} ({other['evaluation_reason']}), node 0 by "
                    f"{about['evaluation']}; install the same packages on every machine, or give --evaluation float32"
                )
        self.name, self._sha256 = about["name"], about["sha256"]
        self.evaluation, self.evaluation_reason = about["evaluation"], about["evaluation_reason"]
        self.model_bytes, self.gradient_steps = about["model_bytes"], about["gradient_steps"]

    def sha256(self) -> str:
        """Returns the hexadecimal SHA-256 of the data set's arrays."""
        return self._sha256

    def _actor(self, node: int) -> "ray.actor.ActorHandle":
        """Returns the actor in which `node` lives."""
        return self._actors[node % len(self._actors)]

    def _get(self, references: "ray.ObjectRef | list[ray.ObjectRef]") -> object:
        """Waits for results; raises UsageError where an actor could not do what was asked, and ConnectionError where an
        actor or the cluster is lost, each in one line."""
        errors = self._ray.exceptions
        wanted = references if isinstance(references, list) else [references]
        try:
            self._pulse.check()
            while self._ray.wait(wanted, num_returns=len(wanted), timeout=Pulse.EVERY, fetch_local=False)[1]:
                self._pulse.check()
            return self._ray.get(references)
        except errors.RayError as error:
            cause = error
            while isinstance(cause, errors.RayTaskError):  # the leader's actor passes on the errors of others
                cause = cause.cause
            if isinstance(cause, UsageError | OSError):
                raise cause from error
            if isinstance(cause, errors.RayError):
                raise ConnectionError(f"a process of the nodes was lost ({first_line(cause)})") from error
            raise

    def start(self, seed: int, episode: int) -> ModelRef:
        """Begins an episode at every node; returns the handle of its fresh model."""
        self._get([actor.start.remote(seed, episode) for actor in self._actors])
        return FRESH

    def round(self, request: RoundRequest) -> RoundResult:
        """Lets nodes train, those of different actors side by side; the leader's actor averages and evaluates."""
        leader = self._actor(request.leader)
        return self._get(leader.round.remote(request, self._train(request, but=leader)))

    def _train(self, request: RoundRequest, but: "ray.actor.ActorHandle | None" = None) -> "list[ray.ObjectRef]":
        """Lets all actors that have nodes of a request train them, `but` one; returns references to their Trained."""
        actors = dict.fromkeys(map(self._actor, request.nodes))
        arguments = request.nodes, request.starts, request.when
        return [actor.train.remote(*arguments) for actor in actors if actor != but]

    def label_counts(self) -> np.ndarray:
        """Returns how many images of each class the nodes hold [nodes, classes]."""
        counts = zip(self._numbers, self._get([actor.label_counts.remote() for actor in self._actors]), strict=True)
        of_node = {node: row for numbers, rows in counts for node, row in zip(numbers, rows, strict=True)}
        return np.stack([of_node[node] for node in range(self.config.nodes)])

    def model_file(self, model: ModelRef) -> bytes:
        """Returns the model of a handle as a .keras file, which node 0's actor makes."""
        return self._get(self._actors[0].model_file.remote(model))

    def node_models(self, repeats: int) -> tuple[list[int], tuple[np.ndarray, np.ndarray]]:
        """Lets every node train one common fresh model, `repeats` times; node 0's actor finds their components."""
        models, nodes = [], tuple(range(self.config.nodes))
        for repeat in range(1, repeats + 1):
            starts = (self.start(self.config.seed, 1),) * len(nodes)
            trained = self._train(RoundRequest((self.config.seed, 1, repeat), nodes, starts, nodes[0]))
            of_node = {node: model for there in self._get(trained) for node, model in there.models.items()}
            models += [of_node[node] for node in nodes]
        return list(nodes) * repeats, self._get(self._actors[0].pca_2d.remote(models))
