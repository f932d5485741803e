"""Defines the sequences of tasks and the metrics of forgetting: a network learns task after task.

Split MNIST has five tasks of two digits each, with the digit's parity as the label (domain-incremental) or the digit
itself (class-incremental); permuted MNIST has ten, all digits with their pixels in another order each (Goodfellow et
al. 2013; van de Ven and Tolias 2019 for the names).
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from learners.dense import LocalLearner
from settings.names import CLASSES, SIDE
from settings.random_streams import generator

SCENARIOS = ("split-domain", "split-class", "permuted")
PERMUTATIONS, PERMUTED_IMAGES, PERMUTED_TESTS = 10, 12_000, 4_000  # tasks, and their images, about a split task's
FISHER_IMAGES = 1000  # of a task, from which its Fisher information is estimated


@dataclasses.dataclass(frozen=True)
class Task:
    """The images of a task, as positions in the file, and their transformation.

    `pixels` [n] is a permutation of the pixels, None for the original order. With `parity` the label is the digit's
    last bit.
    """

    train: np.ndarray
    test: np.ndarray
    pixels: np.ndarray | None = None
    parity: bool = False

    def images(self, images: tf.Tensor, rows: np.ndarray) -> tf.Tensor:
        """Returns the images [rows, *shape] as the task shows them."""
        images = tf.gather(images, rows)
        if self.pixels is None:
            return images
        flat = tf.reshape(images, [len(rows), -1])
        return tf.reshape(tf.gather(flat, self.pixels, axis=1), images.shape)

    def labels(self, labels: tf.Tensor, rows: np.ndarray) -> tf.Tensor:
        """Returns the labels [rows] as the task names them."""
        labels = tf.gather(labels, rows)
        return labels % 2 if self.parity else labels


def planned(dataset: str) -> tuple[str, ...]:
    """Returns the scenarios that are measured on a data set."""
    return {"fashion-mnist": ("split-domain",), "cifar10": ()}.get(dataset, SCENARIOS)


def outputs(scenario: str, classes: int = CLASSES) -> int:
    """Returns the number of outputs of the network for images of so many classes."""
    return 2 if scenario == "split-domain" else classes


def tasks(
    scenario: str,
    y_train: tf.Tensor | np.ndarray,
    y_test: tf.Tensor | np.ndarray,
    seed: int,
    pixels: int = SIDE * SIDE,
) -> list[Task]:
    """Returns the tasks of a scenario in the order in which they are learned; the permutations are the seed's.

    `pixels` is how many numbers an image has; of an odd number of classes the last one is in no split task.
    """
    y_train, y_test = np.asarray(y_train), np.asarray(y_test)
    if scenario == "permuted":
        rngs = [generator(seed, "permutation", number) for number in range(PERMUTATIONS)]
        sizes = (len(y_train), PERMUTED_IMAGES), (len(y_test), PERMUTED_TESTS)
        return [Task(*(rng.permutation(all)[:some] for all, some in sizes), rng.permutation(pixels)) for rng in rngs]
    pairs = [(digit, digit + 1) for digit in range(0, int(y_train.max()), 2)]
    return [
        Task(
            *(np.flatnonzero(np.isin(labels, pair)) for labels in (y_train, y_test)), parity=scenario == "split-domain"
        )
        for pair in pairs
    ]


def metrics(matrix: np.ndarray | list[list[float]]) -> dict[str, float]:
    """Returns the metrics of a matrix [tasks, tasks] of accuracies; row t is after task t, column i is on task i.

    acc: mean of the last row. learning_accuracy: mean of the diagonal, each task just learned. backward_transfer: mean
    change since then, forgetting: mean drop from the best there ever was, both without the last task (Lopez-Paz and
    Ranzato 2017; Chaudhry et al. 2018, whose best is over the rows before the last).
    """
    matrix = np.asarray(matrix, float)
    last, learned = matrix[-1], np.diag(matrix)
    return {
        "acc": last.mean(),
        "learning_accuracy": learned.mean(),
        "backward_transfer": (last - learned)[:-1].mean(),
        "forgetting": (matrix.max(0) - last)[:-1].mean(),
    }


class ElasticLearner(LocalLearner):
    """A dense network held back by elastic weight consolidation (Kirkpatrick et al. 2017).

    Its loss has `strength / 2 * sum(information * (weights - anchors)**2)` added. The anchors are the weights after the
    last task, the information is the sum of the tasks' Fisher diagonals (Huszar 2018, where Kirkpatrick et al. keep
    anchors of every task). The one network that it builds is the one that it trains.
    """

    def __init__(self, variant: str, strength: float):
        super().__init__(variant)
        self.strength = strength

    def build(self, shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES) -> keras.Model:
        self.network = super().build(shape, classes)
        zeros = [tf.zeros(variable.shape) for variable in self.network.trainable_variables]
        self.anchors = [tf.Variable(zero, trainable=False) for zero in zeros]
        self.information = [tf.Variable(zero, trainable=False) for zero in zeros]
        return self.network

    def losses(self, labels: tf.Tensor | np.ndarray, outputs: tf.Tensor) -> tf.Tensor:
        return super().losses(labels, outputs) + self.penalty()

    def penalty(self) -> tf.Tensor:
        """Returns the penalty for the distance from the anchors, a scalar."""
        weights = self.network.trainable_variables
        parts = zip(self.information, weights, self.anchors, strict=True)
        return self.strength / 2 * sum(tf.reduce_sum(much * (weight - anchor) ** 2) for much, weight, anchor in parts)

    def start(self):
        """Forgets all tasks."""
        for variable in (*self.anchors, *self.information):
            variable.assign(tf.zeros_like(variable))

    def consolidate(self, images: tf.Tensor):
        """Takes the present weights as anchors after a task with these images [n, *shape]."""
        for variable, part in zip(self.information, fisher_diagonal(self.network, images), strict=True):
            variable.assign_add(part)
        for variable, weight in zip(self.anchors, self.network.trainable_variables, strict=True):
            variable.assign(weight)


def fisher_diagonal(network: keras.Model, images: tf.Tensor | np.ndarray) -> list[tf.Tensor]:
    """Returns the mean Fisher information of each weight of a network of dense layers, a list of tensors like them.

    It is the mean over the images of the expected squared derivative of the log-probability, the class being drawn by
    the network's own probabilities, so that no label is needed; the expectation is exact. An example's derivative for
    a kernel is the product of an input and a signal, so that one product of their squares sums those of all examples.
    """
    hidden, inputs, sums = images, [], []
    with tf.GradientTape(persistent=True) as tape:
        for layer in network.layers:
            if not isinstance(layer, keras.layers.Dense):
                hidden = layer(hidden)
                continue
            inputs.append(hidden)
            sums.append(tf.matmul(hidden, layer.kernel) + layer.bias)
            tape.watch(sums[-1])
            hidden = layer.activation(sums[-1])
        logarithms = tf.unstack(tf.math.log(tf.maximum(hidden, keras.config.epsilon())), axis=1)
    totals = [tf.zeros(variable.shape) for variable in network.trainable_variables]
    for label, logarithm in enumerate(logarithms):
        shares = hidden[:, label, None] / len(images)
        squares = [shares * signal**2 for signal in tape.gradient(logarithm, sums)]
        parts = [
            part
            for entering, square in zip(inputs, squares, strict=True)
            for part in (tf.matmul(entering**2, square, transpose_a=True), tf.reduce_sum(square, 0))
        ]
        totals = [total + part for total, part in zip(totals, parts, strict=True)]
    return totals
