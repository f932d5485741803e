"""Dense layers whose input is disturbed by draws from a density of past activations (D2BL: Coppari and Tedoldi 2023).

A variant names what is drawn from and how the draw enters: stacked-shift is the authors' first notebook, joint-shift
their second; their tests have the gate and replace forms of both. `feature` is what their drawing shows and no code of
theirs does. `plain` is the same network without draws, of the same size.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from learners.d2bl import FanInLearner, gelu, layer_norm, probabilities
from settings.names import CLASSES

BANDWIDTH = 0.2  # standard deviation of the Gaussian kernel (authors' code)


class LocalLearner(FanInLearner):
    """A network of three dense layers of 64 (notebook 0: 59,210 weights), or of five of 120 with one shared layer
    normalisation (notebook 1: 428,290 for CIFAR-10), in which two of the layers get disturbed inputs.

    Without `evaluation_noise` the mean of the density stands for the draw in evaluations (ours); the authors' code
    draws there too.
    """

    def __init__(self, variant: str = "stacked-shift", notebook: int = 0, evaluation_noise: bool = True):
        super().__init__(variant)
        self.notebook, self.evaluation_noise = notebook, evaluation_noise

    def network(self, shape: tuple[int, ...], classes: int) -> keras.Model:
        if self.variant == "plain":
            return plain_network(shape, classes, self.notebook)
        mode, combination = self.variant.split("-")
        disturb = PastDensity(mode, combination, self.draws, self.evaluation_noise)
        return NOTEBOOKS[self.notebook](shape, classes, disturb)


class PastDensity(keras.layers.Layer):
    """Disturbs activations by a draw from the Gaussian kernel density estimate of each example's past activations.

    The `mode` says of what: of single numbers, any unit's of any layer (stacked); of whole layers (joint); or of each
    unit's own past (feature). The `combination` adds the draw (shift), multiplies by it (gate) or takes its place.
    A draw is a stored point and Gaussian noise about it: the density itself is never computed.
    """

    def __init__(self, mode: str, combination: str, draws: keras.random.SeedGenerator, evaluation_noise: bool = True):
        super().__init__()
        self.mode, self.combination = mode, combination
        self.draws, self.evaluation_noise = draws, evaluation_noise

    def call(
        self, current: tf.Tensor | tf.Variable, past: tf.Tensor | tf.Variable, training: bool = False
    ) -> tf.Tensor:
        """Returns the disturbed activations [n, d]; current [n, d], past [n, layers, d]."""
        past = keras.ops.stop_gradient(past)  # the authors copy the past out of the graph
        drawn = self.draw(past) if training or self.evaluation_noise else self.mean(past)
        if self.combination == "shift":
            return current + drawn
        if self.combination == "gate":
            return current * drawn
        return drawn + 0 * current  # a gradient of zero, where a missing one makes Keras warn at every step

    def draw(self, past: tf.Tensor | np.ndarray) -> tf.Tensor:
        """Draws one vector for each example [n, d]."""
        ops, (layers, width) = keras.ops, past.shape[1:]
        examples = ops.shape(past)[0]
        if self.mode == "stacked":
            past, points = ops.reshape(past, (-1, layers * width, 1)), layers * width
            chosen = keras.random.randint((examples, width, 1), 0, points, seed=self.draws)
            chosen = ops.take_along_axis(past, chosen, axis=1)[:, :, 0]
        else:
            choices = 1 if self.mode == "joint" else width
            chosen = keras.random.randint((examples, 1, choices), 0, layers, seed=self.draws)
            chosen = ops.broadcast_to(chosen, (examples, 1, width))
            chosen = ops.take_along_axis(past, chosen, axis=1)[:, 0]
        return chosen + BANDWIDTH * keras.random.normal((examples, width), seed=self.draws)

    def mean(self, past: tf.Tensor) -> tf.Tensor:
        """Returns the mean of the density each example's draw is from, [n, d] or, of one pool of numbers, [n, 1]."""
        return keras.ops.mean(past, axis=1) if self.mode != "stacked" else keras.ops.mean(past, axis=(1, 2))[:, None]


def plain_network(shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES, notebook: int = 0) -> keras.Model:
    """Builds the network of a notebook without draws, of the same size."""
    return NOTEBOOKS[notebook](shape, classes, lambda current, past: current)


def notebook_0(
    shape: tuple[int, ...], classes: int, disturb: Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]
) -> keras.Model:
    """Builds the authors' network for MNIST; disturb([n, 64], past [n, layers, 64]) is what enters a dense layer."""
    images = keras.Input(shape)
    first = gelu(keras.layers.Dense(64)(keras.layers.Flatten()(images)))
    second = gelu(keras.layers.Dense(64)(disturb(first, _stack(first))))
    third = gelu(keras.layers.Dense(64)(disturb(second, _stack(first, second))))
    return keras.Model(images, probabilities(classes, third))


def notebook_1(
    shape: tuple[int, ...], classes: int, disturb: Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]
) -> keras.Model:
    """Builds the authors' network for CIFAR-10, in the same way with layers of 120."""
    images, normalise = keras.Input(shape), layer_norm()  # one gain and offset for all five places (authors' code)

    def hidden(inputs: keras.KerasTensor) -> keras.KerasTensor:
        return normalise(gelu(keras.layers.Dense(120)(inputs)))

    first = hidden(keras.layers.Flatten()(images))
    second = hidden(first)
    third = hidden(disturb(second, _stack(first, second)))
    fourth = hidden(third)
    fifth = hidden(disturb(fourth, _stack(first, second, third, fourth)))
    return keras.Model(images, probabilities(classes, fifth))


NOTEBOOKS = (notebook_0, notebook_1)


def _stack(*past: keras.KerasTensor) -> keras.KerasTensor:
    return keras.ops.stack(past, axis=1)
