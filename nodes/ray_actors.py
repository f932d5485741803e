"""Nodes in processes of their own, on one machine or a cluster: Ray actors, each of which alone has its nodes' images.

Weights travel as object references from the actor that trained to the actor that is next; the process that runs the
environment sees losses, accuracies and observations. Actors train by LocalNodes, as nodes in one process do.
"""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from config import Config
from nodes.ray_cluster import Pulse, connect, first_line
from settings.errors import UsageError
from settings.names import REFERENCES

if TYPE_CHECKING:
    import ray
    import tensorflow as tf

    from nodes.local import When


@dataclasses.dataclass(frozen=True)
class ModelRef:
    """Weights [P] on their way, and the actor that made them (None: every actor can make them itself)."""

    sender: int | None
    weights: np.ndarray | None


FRESH = ModelRef(None, None)


class NodeActor:
    """The nodes of one actor, which alone holds their images; it answers with what they learned, never with images."""

    def __init__(self, config: Config, actor: int, numbers: list[int]):
        """Does nothing yet; the actor is of use after `load`."""
        self._config, self._actor, self._numbers = config, actor, numbers

    def load(self) -> dict:
        """Takes the nodes' images from the data set; returns that set's name and SHA-256, how the nodes evaluate, the
        bytes of a model, and the gradient steps of a round. Raises UsageError where they cannot be had."""
        from settings.quiet_import import import_tensorflow_quietly

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

    def train(self, starts: dict[int, int], when: "When", *models: ModelRef) -> tuple:
        """Trains nodes, each from one of `models` (`starts`: its position, by node); returns a model for each node,
        and last (their mean losses, bytes that came from other actors)."""
        weights = [self._open(model) for model in models]
        trained, losses = self._nodes.train(list(starts), [weights[place] for place in starts.values()], when)
        return *(ModelRef(self._actor, weights.numpy()) for weights in trained), (losses, self._moved(models))

    def mean(self, node: int, *models: ModelRef) -> tuple[ModelRef, int]:
        """Averages models; returns (a model, bytes that came from other actors)."""
        weights = self._nodes.mean(node, [self._open(model) for model in models])
        return ModelRef(self._actor, weights.numpy()), self._moved(models)

    def evaluate(self, node: int, model: ModelRef) -> tuple[float, bool]:
        return self._nodes.evaluate(node, self._open(model))

    def update_scores(self, nodes: Sequence[int], before: ModelRef, *trained: ModelRef) -> np.ndarray:
        return self._nodes.update_scores(nodes, self._open(before), [self._open(model) for model in trained])

    def model_scores(self, nodes: list[int], *models: ModelRef) -> np.ndarray:
        models = dict(zip(nodes, map(self._open, models), strict=True))
        return self._nodes.model_scores(models, self._fresh)

    def inputs(self, nodes: list[int], model: ModelRef, when: "When") -> dict:
        return self._nodes.inputs(nodes, self._open(model), when)

    def label_counts(self) -> np.ndarray:
        """Returns how many images of each class the actor's nodes hold [its nodes, 10]."""
        return self._nodes.label_counts()

    def pca_2d(self, *models: ModelRef) -> tuple[np.ndarray, np.ndarray]:
        from nodes.local import pca_2d

        return pca_2d([model.weights for model in models])

    def _open(self, model: ModelRef) -> "tf.Tensor":
        """Returns a model's weights as LocalNodes takes them."""
        import tensorflow as tf

        return self._fresh if model.weights is None else tf.constant(model.weights)

    def _moved(self, models: Sequence[ModelRef]) -> int:
        """Returns how many bytes of weights other actors sent."""
        return sum(model.weights.nbytes for model in models if model.sender not in (None, self._actor))


class RayNodes:
    """The environment's view of nodes that live in Ray actors; a handle is a reference to a ModelRef, or FRESH.

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
        self._actors = [actor_class.remote(config, actor, numbers) for actor, numbers in enumerate(self._numbers)]
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
        self.bytes_moved = 0  # from actor to actor, in the present round

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
            cause = error.cause if isinstance(error, errors.RayTaskError) else error
            if isinstance(cause, UsageError | OSError):
                raise cause from error
            if isinstance(cause, errors.RayError):
                raise ConnectionError(f"a process of the nodes was lost ({first_line(cause)})") from error
            raise

    def start(self, seed: int, episode: int) -> ModelRef:
        """Begins an episode at every node."""
        self._get([actor.start.remote(seed, episode) for actor in self._actors])
        return FRESH

    def train(
        self, nodes: Sequence[int], weights: "Sequence[ray.ObjectRef]", when: "When"
    ) -> "tuple[tuple[ray.ObjectRef, ...], tuple[float, ...]]":
        """Lets `nodes` train, those of different actors side by side; returns (references to their models, losses)."""
        starts, trained_by, calls = dict(zip(nodes, weights, strict=True)), {}, {}
        for actor in dict.fromkeys(map(self._actor, nodes)):
            own = [node for node in nodes if self._actor(node) == actor]
            models = list(dict.fromkeys(starts[node] for node in own))  # one that several nodes start from goes once
            places = {node: models.index(starts[node]) for node in own}
            *trained, results = actor.train.options(num_returns=len(own) + 1).remote(places, when, *models)
            trained_by |= dict(zip(own, trained, strict=True))
            calls[tuple(own)] = results
        losses, self.bytes_moved = {}, 0
        for own, (results, moved) in zip(calls, self._get(list(calls.values())), strict=True):
            losses |= dict(zip(own, results, strict=True))
            self.bytes_moved += moved
        return tuple(trained_by[node] for node in nodes), tuple(losses[node] for node in nodes)

    def mean(self, node: int, weights: "Sequence[ray.ObjectRef]") -> "ray.ObjectRef":
        """Lets `node` average; a single model is its own mean."""
        if len(weights) == 1:
            return weights[0]
        model, moved = self._actor(node).mean.options(num_returns=2).remote(node, *weights)
        self.bytes_moved += self._get(moved)
        return model

    def evaluate(self, node: int, weights: "ray.ObjectRef") -> tuple[float, bool]:
        return self._get(self._actor(node).evaluate.remote(node, weights))

    def update_scores(
        self, nodes: Sequence[int], before: "ray.ObjectRef", trained: "Sequence[ray.ObjectRef]"
    ) -> np.ndarray:
        return self._get(self._actor(nodes[0]).update_scores.remote(nodes, before, *trained))

    def model_scores(self, models: "dict[int, ray.ObjectRef]", fresh: "ray.ObjectRef") -> np.ndarray:
        if not models:
            return np.zeros(self.config.nodes * self.config.pca_components)
        last = list(models)[-1]
        return self._get(self._actor(last).model_scores.remote(list(models), *models.values()))

    def inputs(self, nodes: Sequence[int], weights: "ray.ObjectRef", when: "When") -> dict:
        """Returns what the first node's round started from; only after a failure do weights come here."""
        return self._get(self._actor(nodes[0]).inputs.remote([nodes[0]], weights, when))

    def label_counts(self) -> np.ndarray:
        counts = zip(self._numbers, self._get([actor.label_counts.remote() for actor in self._actors]), strict=True)
        of_node = {node: row for numbers, rows in counts for node, row in zip(numbers, rows, strict=True)}
        return np.stack([of_node[node] for node in range(self.config.nodes)])

    def node_models(self, repeats: int) -> tuple[list[int], tuple[np.ndarray, np.ndarray]]:
        """Lets every node train one common fresh model, `repeats` times; node 0's actor finds their components."""
        trained, nodes = [], list(range(self.config.nodes))
        for repeat in range(1, repeats + 1):
            fresh = self.start(self.config.seed, 1)
            trained += self.train(nodes, [fresh] * len(nodes), (self.config.seed, 1, repeat))[0]
        return nodes * repeats, self._get(self._actors[0].pca_2d.remote(*trained))
