"""Provides first weights and layers of the learners after D2BL (Coppari and Tedoldi 2023, "authors' code").

All of them return class probabilities and learn from their cross-entropy. The authors' networks return logits; where
they end in a softmax, the loss takes the softmax of that once more (their second pseudo-attention notebook, and the
loss that their Hebbian code reports), so that it cannot fall below 1.46. That is not repeated here.
"""

import keras
import numpy as np
import tensorflow as tf

from learners.base import Learner, fan_in_uniform
from settings.names import CLASSES


def adamw(rate: float | keras.optimizers.schedules.LearningRateSchedule) -> keras.optimizers.AdamW:
    """Builds AdamW with the constants of the authors' code, which are PyTorch's defaults."""
    return keras.optimizers.AdamW(rate, weight_decay=0.01, epsilon=1e-8)


class FanInLearner(Learner):
    """A learner whose dense layers start with kernels and biases uniform in plus or minus 1 / sqrt(inputs)."""

    def build(self, shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES) -> keras.Model:
        network = self.network(shape, classes)
        # A bias does not show how many inputs its layer has, so that is noted here, by the path of the layer.
        self.fan_ins = {_layer(kernel): kernel.shape[0] for kernel in network.trainable_variables if _is_kernel(kernel)}
        return network

    def network(self, shape: tuple[int, ...], classes: int) -> keras.Model:
        """Builds what `build` returns."""
        raise NotImplementedError

    def initial(self, variable: keras.Variable, rng: np.random.Generator) -> tf.Tensor:
        """Draws the first value of a variable; gains are 1 and offsets 0 (authors' code: PyTorch's defaults)."""
        fan_in = self.fan_ins.get(_layer(variable))
        if fan_in is None:
            return super().initial(variable, rng)
        return fan_in_uniform(variable.shape, rng, fan_in)


def _layer(variable: keras.Variable) -> str:
    return variable.path.rpartition("/")[0]


def _is_kernel(variable: keras.Variable) -> bool:
    return variable.name == "kernel"


class Frozen(keras.layers.Layer):
    """A trained network that stays as it is: nothing of it learns, and it always computes as in inference.

    A model alone would not do: Keras passes `training` on to it, whatever it was built with, and its dropout would act.
    """

    def __init__(self, network: keras.Model):
        super().__init__()
        self.network = network
        network.trainable = False

    def call(self, images: tf.Tensor) -> tf.Tensor | list[tf.Tensor]:
        return self.network(images, training=False)


def gelu(numbers: keras.KerasTensor) -> keras.KerasTensor:
    """Computes the exact form of GELU, of which Keras' default in `ops` is an approximation."""
    return keras.ops.gelu(numbers, approximate=False)


def layer_norm() -> keras.layers.LayerNormalization:
    """Returns a LayerNormalization with PyTorch's epsilon, a hundredth of Keras'."""
    return keras.layers.LayerNormalization(epsilon=1e-5)


def probabilities(classes: int, hidden: keras.KerasTensor) -> keras.KerasTensor:
    """Adds the last layer: hidden [n, d] to class probabilities [n, classes]."""
    return keras.layers.Dense(classes, activation="softmax")(hidden)
