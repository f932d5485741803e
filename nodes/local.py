"""Implements the nodes in one process: each holds images, trains a model on them, and evaluates it.

The environment asks LocalNodes, which all live in this process, for one round after the other.
"""

import math
import os
import time
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework.config import is_op_determinism_enabled

from config import Config
from data import Dataset, normalise, partition
from models import local_foundation_model, refuse_own_layers
from nodes.evaluation.evaluators import choose_evaluation
from nodes.round import RoundRequest, RoundResult, Seconds, When
from policies.observation import pca_observation
from settings.errors import UsageError
from settings.random_streams import generator, layer_seed

TENSORS = ("train_images", "train_labels", "test_images", "test_labels", "optimizer_states")
_forked_from_tensorflow = False


def _after_fork():
    global _forked_from_tensorflow
    _forked_from_tensorflow |= context.context()._initialized


os.register_at_fork(after_in_child=_after_fork)


def forked() -> bool:
    """Tells whether this process was forked from one in which TensorFlow had begun to compute.

    TensorFlow's threads do not survive a fork, so that its next operation would wait for them for ever.
    """
    return _forked_from_tensorflow


def refuse_fork():
    """Raises UsageError where TensorFlow cannot compute because the process is `forked`."""
    if forked():
        raise UsageError(
            "TensorFlow cannot go on in a forked process; start processes by spawn, as in "
            'gymnasium.vector.AsyncVectorEnv(..., context="spawn")'
        )


class LocalNodes:
    """Nodes in this process; a handle is a tensor of weights [P] float32.

    `name`, `shape` (rows, columns, channels), `classes` and `sha256()` are the data set's. Copies and pickles carry the
    nodes' images and optimizer states; the compiled model is built anew.
    """

    def __init__(self, config: Config, dataset: Dataset, only: Sequence[int] | None = None):
        """Deals out the images; with `only`, numbers of nodes, to these alone.

        Raises UsageError where the images do not suffice for the split, where the learner's network cannot be saved
        although `save_model` asks for it, and where the evaluation is not available.
        """
        refuse_fork()
        self.config, self.name, self._sha256 = config, dataset.name, dataset.sha256()
        self.shape, self.classes = dataset.shape, dataset.classes
        self.image_bytes = dataset.x_train[0].nbytes + dataset.y_train.itemsize  # of an image with its label
        self.partition = partition(dataset.y_train, config)
        numbers = range(config.nodes) if only is None else only
        dealt = self.partition[list(numbers)]
        self.held, rows = np.unique(dealt, return_inverse=True)  # positions in the file that some node holds
        rows = rows.reshape(dealt.shape).astype(np.int32)  # the same as positions in `held`
        self.rows = dict(zip(numbers, rows, strict=True))
        self.train_images = tf.constant(normalise(dataset.x_train[self.held]))
        self.train_labels = tf.constant(dataset.y_train[self.held].astype(np.int64))
        self.test_images = tf.constant(normalise(dataset.x_test))
        self.test_labels = tf.constant(dataset.y_test.astype(np.int64))
        self._build()
        self.model_bytes = 4 * self.model.size  # float32
        self.gradient_steps = config.local_epochs * math.ceil(config.samples_per_node / config.batch_size)  # a round
        self.optimizer_states = {}  # node: its own Adam moments and step count, kept for the whole episode (authors)

    def _build(self):
        """Builds what is compiled: the model, and what evaluates it."""
        self.model = local_foundation_model(self.config, self.shape, self.classes)
        if self.config.save_model != "none":
            refuse_own_layers(self.model.network, self.config.learner)
        evaluator, self.evaluation_reason = choose_evaluation(self.config, self.shape, self.classes)
        self.evaluator = evaluator(self.model, self.test_images, self.test_labels, self.config)
        self.evaluation = evaluator.name

    def __getstate__(self) -> dict:
        """Returns all but what is compiled, tensors as arrays, and TensorFlow's settings that fix the last digits."""
        state = {name: value for name, value in vars(self).items() if name not in ("model", "evaluator")}
        state |= tf.nest.map_structure(lambda tensor: tensor.numpy(), {name: state[name] for name in TENSORS})
        threading = tf.config.threading
        threads = threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()
        return state | {"tensorflow": (*threads, is_op_determinism_enabled())}

    def __setstate__(self, state: dict):
        """Takes `__getstate__`'s dict; TensorFlow gets its settings where it has not begun to compute yet."""
        refuse_fork()
        intra, inter, deterministic = state["tensorflow"]
        if not context.context()._initialized:
            tf.config.threading.set_intra_op_parallelism_threads(intra)
            tf.config.threading.set_inter_op_parallelism_threads(inter)
            if deterministic:
                tf.config.experimental.enable_op_determinism()
        state |= tf.nest.map_structure(tf.constant, {name: state[name] for name in TENSORS})
        vars(self).update({name: value for name, value in state.items() if name != "tensorflow"})
        self._build()

    def sha256(self) -> str:
        """Returns the hexadecimal SHA-256 of the data set's arrays."""
        return self._sha256

    def start(self, seed: int, episode: int) -> tf.Tensor:
        """Forgets the optimizers' states and returns the episode's fresh weights, the same for all nodes."""
        self.optimizer_states = {}
        return self.model.initial_weights(generator(seed, "weights", episode))

    def image_order(self, node: int, when: When) -> np.ndarray:
        """Draws the order in which `node` sees its images in a round: positions in `held` [epochs, samples] int32."""
        seed, episode, round = when
        rng = generator(seed, "order", episode, round, node)
        return np.stack([rng.permutation(self.rows[node]) for _ in range(self.config.local_epochs)])

    def round(self, request: RoundRequest) -> RoundResult:
        """Lets nodes train, average and evaluate."""
        started = time.perf_counter()
        trained, losses = self.train(request.nodes, request.starts, request.when, request.images)
        return self.finish(request, trained, losses, started)

    def train(
        self, nodes: Sequence[int], starts: Sequence[tf.Tensor], when: When, images: np.ndarray | None = None
    ) -> tuple[tuple[tf.Tensor, ...], tuple[float, ...]]:
        """Lets each of `nodes` train its entry of `starts`, on its own images or on `images` (see RoundRequest).

        Returns (their new models, their mean losses).
        """
        seed, episode, round = when
        trained, losses = [], []
        for node, weights in zip(nodes, starts, strict=True):
            weights, self.optimizer_states[node], loss = self.model.train(
                weights,
                self.optimizer_states.get(node, self.model.initial_state()),
                self.train_images,
                self.train_labels,
                self.image_order(node, when) if images is None else images,
                self.config.batch_size,
                layer_seed(seed, "draws", episode, round, node),
            )
            trained.append(weights)
            losses.append(float(loss))
        return tuple(trained), tuple(losses)

    def finish(
        self, request: RoundRequest, trained: tuple[tf.Tensor, ...], losses: tuple[float, ...], started: float
    ) -> RoundResult:
        """Averages and evaluates what the nodes `trained` in a round that began at `started`, by perf_counter."""
        if request.mixing is not None:
            trained = tuple(tf.unstack(tf.linalg.matmul(request.mixing, tf.stack(trained))))
        model = trained[0] if len(trained) == 1 else tf.reduce_mean(tf.stack(trained), 0)
        between = time.perf_counter()
        accuracy = self.evaluator.count_correct(model) / len(self.test_images)
        finite = bool(np.isfinite(model.numpy()).all())
        seconds = Seconds(between - started, time.perf_counter() - between)
        return RoundResult(trained, losses, model, accuracy, finite, self._observe(request, trained), seconds)

    def _observe(self, request: RoundRequest, trained: Sequence[tf.Tensor]) -> np.ndarray:
        """Returns the observation after a round."""
        pairs = zip(trained, request.starts, strict=True)
        deltas = np.stack([(weights - before).numpy() for weights, before in pairs])
        deltas = np.nan_to_num(deltas, posinf=0, neginf=0)
        return pca_observation(deltas, request.nodes, self.config.nodes, self.config.pca_components)

    def model_file(self, model: tf.Tensor) -> bytes:
        """Returns the model of a handle as a .keras file."""
        return self.model.keras_file(model)

    def label_counts(self) -> np.ndarray:
        """Returns how many images of each class every node holds [nodes, classes]."""
        labels = self.train_labels.numpy()
        return np.stack([np.bincount(labels[rows], minlength=self.classes) for rows in self.rows.values()])

    def node_models(self, repeats: int) -> tuple[list[int], tuple[np.ndarray, np.ndarray]]:
        """Lets every node train one common fresh model, `repeats` times; returns (nodes [n], `pca_2d` of the models).

        For the picture of how far apart the nodes' models end up.
        """
        trained, nodes = [], list(range(self.config.nodes))
        for repeat in range(1, repeats + 1):
            fresh = self.start(self.config.seed, 1)
            trained += self.train(nodes, [fresh] * len(nodes), (self.config.seed, 1, repeat))[0]
        return nodes * repeats, pca_2d([weights.numpy() for weights in trained])


def pca_2d(weights: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first two principal components of models [n, P]: (scores [n, 2], their shares of the variance [2]).

    Empty where not all of them are finite.
    """
    from sklearn.decomposition import PCA  # only where it is used: it takes a second

    if not np.isfinite(weights).all():
        return np.empty((0, 2)), np.empty(0)
    pca = PCA(2, svd_solver="full")
    return pca.fit_transform(weights), pca.explained_variance_ratio_
