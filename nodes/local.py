"""What the nodes do: each holds images, trains a model on them, and can tell how good a model is.

The environment asks for this through LocalNodes, which all live in this process. Weights go in and come out as
handles that the caller only passes on.
"""

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework.config import is_op_determinism_enabled

from config import Config
from data import Dataset, normalise, partition
from models import local_foundation_model
from nodes.evaluation.evaluators import choose_evaluation
from policies.observation import model_scores, pca_observation
from settings.errors import UsageError
from settings.names import CLASSES
from settings.random_streams import generator

if TYPE_CHECKING:
    pass

When = tuple[int, int, int]  # (seed, episode, round)
TENSORS = ("train_images", "train_labels", "test_images", "test_labels", "optimizer_states", "states_before")
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

    Where a round counts, `when` is (seed, episode, round). `name` and `sha256()` are the data set's. Copies and pickles
    carry the nodes' images and optimizer states; the compiled model is built anew.
    """

    bytes_moved = 0  # between processes, in the present round

    def __init__(self, config: Config, dataset: Dataset, only: Sequence[int] | None = None):
        """Deals out the images; with `only`, numbers of nodes, to these alone."""
        refuse_fork()
        self.config, self.name, self._sha256 = config, dataset.name, dataset.sha256()
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
        self.states_before = {}  # the same before the present round

    def _build(self):
        """Builds what is compiled: the model, and what evaluates it."""
        self.model = local_foundation_model(self.config)
        evaluator, self.evaluation_reason = choose_evaluation(self.config, self.test_images.shape[1:])
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

    def train(self, nodes: Sequence[int], weights: Sequence[tf.Tensor], when: When) -> tuple[tuple, tuple]:
        """Lets each of `nodes` train from its entry of `weights`; returns (their new weights, their mean losses)."""
        self.states_before = dict(self.optimizer_states)
        pairs = zip(nodes, weights, strict=True)
        return tuple(zip(*(self.train_on(*pair, self.image_order(pair[0], when), when) for pair in pairs), strict=True))

    def train_on(self, node: int, weights: tf.Tensor, order: np.ndarray, when: When) -> tuple[tf.Tensor, float]:
        """Lets `node` train on the images of `order` [epochs, images]; returns (new weights [P], mean loss)."""
        seed, episode, round = when
        weights, state, loss = self.model.train(
            weights,
            self.optimizer_state(node),
            self.train_images,
            self.train_labels,
            order,
            self.config.batch_size,
            generator(seed, "draws", episode, round, node).integers(2**32, size=2, dtype=np.uint32),
        )
        self.optimizer_states[node] = state
        return weights, float(loss)

    def optimizer_state(self, node: int) -> tf.Tensor:
        """Returns the optimizer state [S] that `node` kept, a fresh one before its first round."""
        return self.optimizer_states.get(node, self.model.initial_state())

    def mean(self, node: int, weights: Sequence[tf.Tensor]) -> tf.Tensor:
        """Lets `node` average a list of weights."""
        return weights[0] if len(weights) == 1 else tf.reduce_mean(tf.stack(weights), 0)

    def evaluate(self, node: int, weights: tf.Tensor) -> tuple[float, bool]:
        """Lets `node` evaluate weights; returns (test accuracy, whether all weights are finite)."""
        correct = self.evaluator.count_correct(weights)
        return correct / len(self.test_images), bool(np.isfinite(weights.numpy()).all())

    def update_scores(self, nodes: Sequence[int], before: tf.Tensor, trained: Sequence[tf.Tensor]) -> np.ndarray:
        """Returns the part `pca` of the observation after `nodes` trained the weights `before` to `trained`."""
        deltas = np.stack([(weights - before).numpy() for weights in trained])
        deltas = np.nan_to_num(deltas, posinf=0, neginf=0)
        return pca_observation(deltas, nodes, self.config.nodes, self.config.pca_components)

    def model_scores(self, models: dict[int, tf.Tensor], fresh: tf.Tensor) -> np.ndarray:
        """Returns the part `node-models`: `models` are the last weights of the nodes that trained, by node."""
        vectors = [weights.numpy().astype(float) for weights in (*models.values(), fresh)]
        vectors = np.nan_to_num(np.stack(vectors) - vectors[-1], posinf=0, neginf=0)
        return model_scores(vectors, list(models), self.config.nodes, self.config.pca_components)

    def inputs(self, nodes: Sequence[int], weights: tf.Tensor, when: When) -> dict:
        """Returns what the present round started from, as a dict of arrays; images are positions in the file."""
        _, episode, round = when
        arrays = {"episode": episode, "round": round, "node": nodes, "weights": weights.numpy()}
        fresh = self.model.initial_state()
        arrays |= {f"optimizer_state_{node}": self.states_before.get(node, fresh).numpy() for node in nodes}
        return arrays | {f"images_{node}": self.held[self.image_order(node, when)] for node in nodes}

    def label_counts(self) -> np.ndarray:
        """Returns how many images of each class every node holds [nodes, 10]."""
        labels = self.train_labels.numpy()
        return np.stack([np.bincount(labels[rows], minlength=CLASSES) for rows in self.rows.values()])

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
