"""Builds the local foundation model and the Q-network, and trains them as plain vectors of numbers.

A model that travels, is averaged and is compared is a vector of weights [P]; what stays behind at a node is the vector
of its optimizer state [S]. One Keras model a process computes with any of them.
"""

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from threadpoolctl import threadpool_limits

from config import Config, TrainingSettings
from learners import make_learner
from learners.base import Learner
from settings.errors import UsageError
from settings.names import CLASSES, SIDE


def start_tensorflow(threads: int):
    """Fixes what decides whether a run repeats: the number of threads and TensorFlow's deterministic kernels.

    `threads` compute one operation, and as many operations run at once. NumPy gets the same number, whatever
    OMP_NUM_THREADS and its like say. Raises UsageError where this process has used TensorFlow with other threads
    before, which cannot be changed.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError as error:
        present = tf.config.threading.get_intra_op_parallelism_threads() or "its own number of"
        raise UsageError(
            f"TensorFlow runs with {present} threads in this process already; give --threads {present}, or start a new "
            "process"
        ) from error
    threadpool_limits(threads)
    tf.config.experimental.enable_op_determinism()


def local_foundation_model(
    settings: TrainingSettings, shape: tuple[int, ...] = (SIDE, SIDE, 1), classes: int = CLASSES
) -> "VectorModel":
    """Builds the model that travels, as the configured local learner has it, for images of a shape (rows, columns,
    channels); by default 33,580 weights (authors). Raises UsageError where the learner does not take such images."""
    learner = make_learner(settings.learner, settings.learner_variant)
    return VectorModel(learner.build(shape, classes), adam(settings, settings.learning_rate), learner)


def q_network(config: Config, observation_size: int = 0) -> "VectorModel":
    """Builds the fully connected Q-network (authors): observations [n, size] to action values [n, nodes].

    It takes the configured observations, or with an `observation_size` others.
    """
    network = keras.Sequential(
        [
            keras.Input((observation_size or config.nodes * config.pca_components,)),
            *(keras.layers.Dense(width, activation="relu") for width in config.agent_hidden_units),
            keras.layers.Dense(config.nodes),
        ]
    )
    return VectorModel(network, adam(config, config.agent_learning_rate), Regression())


class Regression(Learner):
    """How the Q-network learns."""

    def losses(self, labels: tf.Tensor | np.ndarray, outputs: tf.Tensor) -> tf.Tensor:
        return keras.losses.mean_squared_error(labels, outputs)


def adam(settings: TrainingSettings, learning_rate: float) -> keras.optimizers.Adam:
    """Builds Adam with the configured constants."""
    return keras.optimizers.Adam(learning_rate, settings.adam_beta_1, settings.adam_beta_2, settings.adam_epsilon)


class VectorModel:
    """A Keras model with its optimizer and loss; weights and optimizer state come in and go out as vectors."""

    def __init__(self, network: keras.Model, optimizer: keras.optimizers.Optimizer, learner: Learner):
        """`learner`, a Learner, has first weights, loss and update rule."""
        # Deviation D6: the authors' code compiles a Keras model a node and an episode; the arithmetic is the same.
        self.network, self.optimizer, self.learner = network, optimizer, learner
        self.weights = network.trainable_variables
        self.size = sum(math.prod(variable.shape) for variable in self.weights)
        optimizer.build(self.weights)
        self._fresh_state = _to_vector(optimizer.variables)

    def initial_weights(self, rng: np.random.Generator) -> tf.Tensor:
        """Draws the learner's first weights [P] float32."""
        return tf.concat([tf.reshape(self.learner.initial(variable, rng), [-1]) for variable in self.weights], 0)

    def initial_state(self) -> tf.Tensor:
        """Returns the state [S] float32 of an optimizer that has not stepped yet: counters, moments, step size."""
        return self._fresh_state

    @tf.function(reduce_retracing=True)
    def train(
        self,
        weights: tf.Tensor,
        state: tf.Tensor,
        inputs: tf.Tensor | np.ndarray,
        targets: tf.Tensor | np.ndarray,
        order: tf.Tensor | np.ndarray,
        batch_size: int,
        draws: Sequence[int] | np.ndarray = (0, 0),
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Trains on `inputs[order]`, batch after batch, and returns (weights [P], state [S], mean loss).

        `order` [epochs, examples] int32 are positions in `inputs` and `targets`; every row is one epoch, whose last
        batch may be smaller. `draws` [2] uint32 seeds what the network draws at random.
        """
        _from_vector(weights, self.weights)
        _from_vector(state, self.optimizer.variables)
        self.learner.draws.state.assign(tf.cast(draws, tf.uint32))
        total = tf.constant(0.0)
        for epoch in tf.range(tf.shape(order)[0]):
            for start in tf.range(0, tf.shape(order)[1], batch_size):
                batch = order[epoch, start : start + batch_size]
                examples = tf.gather(inputs, batch), tf.gather(targets, batch)
                losses = self.learner.step(self.network, self.optimizer, *examples)
                total += tf.reduce_sum(losses)
        return (
            _to_vector(self.weights),
            _to_vector(self.optimizer.variables),
            total * (1.0 / tf.cast(tf.size(order), tf.float32)),  # as TensorFlow divides by a size that it knows
        )

    @tf.function(reduce_retracing=True)
    def predict(self, weights: tf.Tensor, inputs: tf.Tensor | np.ndarray) -> tf.Tensor:
        """Returns the outputs for `inputs`, the first axis of both being the examples."""
        _from_vector(weights, self.weights)
        self.learner.draws.state.assign([0, 0])
        return self.network(inputs, training=False)

    def keras_file(self, weights: tf.Tensor) -> bytes:
        """Returns the network with these weights [P] as a .keras file, without optimizer."""
        _from_vector(weights, self.weights)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            self.network.save(path)
            return path.read_bytes()

    @tf.function(reduce_retracing=True)
    def count_correct(self, weights: tf.Tensor, images: tf.Tensor, labels: tf.Tensor, batch_size: int) -> tf.Tensor:
        """Returns for how many images [n, *shape] the likeliest class is the label [n], as an int64 scalar."""
        _from_vector(weights, self.weights)
        self.learner.draws.state.assign([0, 0])
        correct = tf.constant(0, tf.int64)
        for start in tf.range(0, tf.shape(images)[0], batch_size):
            outputs = self.network(images[start : start + batch_size], training=False)
            hits = tf.argmax(outputs, -1) == labels[start : start + batch_size]
            correct += tf.reduce_sum(tf.cast(hits, tf.int64))
        return correct


def refuse_own_layers(network: keras.Model, learner: str):
    """Raises UsageError where Keras cannot load a saved network without this project, as it has layers of its own."""
    reason = f"--learner {learner} has layers that Keras alone cannot load; leave out --save-model"
    try:
        parts = [keras.saving.serialize_keras_object(network)]
    except NotImplementedError as error:  # a layer that cannot be saved at all
        raise UsageError(reason) from error
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            if str(part.get("module") or "keras").split(".")[0] != "keras":
                raise UsageError(reason)
            parts += part.values()
        elif isinstance(part, list | tuple):
            parts += part


def _to_vector(variables: Sequence[keras.Variable]) -> tf.Tensor:
    """Concatenates variables to one float32 vector; Adam's step count stays exact up to 2**24."""
    return tf.concat([tf.reshape(tf.cast(variable, tf.float32), [-1]) for variable in variables], 0)


def split_vector(vector: np.ndarray, variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    """Returns the parts of `vector` [P] as arrays of the shapes of the variables, in order."""
    parts = np.split(vector, np.cumsum([math.prod(variable.shape) for variable in variables])[:-1])
    return [part.reshape(variable.shape) for part, variable in zip(parts, variables, strict=True)]


def _from_vector(vector: tf.Tensor, variables: Sequence[keras.Variable]):
    """Assigns the parts of `vector` to the variables, in order."""
    sizes = [math.prod(variable.shape) for variable in variables]
    for variable, part in zip(variables, tf.split(vector, sizes), strict=True):
        variable.assign(tf.cast(tf.reshape(part, variable.shape), variable.dtype))
