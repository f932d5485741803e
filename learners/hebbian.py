"""Training by local products of activity, without a gradient (D2BL: Coppari and Tedoldi 2023).

A kernel moves along inputs times signal, and by default that change is divided by its norm: every batch then moves
the kernel by the same length. In the last layer the signal is the error of the output, which makes the rule the
gradient's direction in softmax regression rather than Hebb's rule; the first of two layers has Hebb's own signal, its
output. Ours are the forms without the norm (`unnormalised`), and the same networks trained by the optimizer (`plain`).
"""

import keras
import tensorflow as tf

from learners.d2bl import FanInLearner, Frozen, gelu
from settings.names import CLASSES

RATE = 1e-3  # cancels where changes are divided by their norms (authors' code)


class LocalLearner(FanInLearner):
    """One dense layer without bias, or two, on flattened images or on the outputs of a frozen `backbone`.

    The first of two layers is as wide as its input (authors' code). Its changes add up: unnormalised, it overflows.
    The authors' ResNet updates its batch statistics in the first epoch, frozen as it is; here nothing of it changes.
    """

    def __init__(self, variant: str = "one-layer", backbone: keras.Model | None = None, rate: float = RATE):
        super().__init__(variant)
        self.backbone, self.rate = backbone, rate
        self.normalised = not variant.endswith("unnormalised")
        if variant.endswith("plain"):
            self.update = None

    def network(self, shape: tuple[int, ...], classes: int) -> keras.Model:
        return plain_network(shape, classes, 2 if self.variant.startswith("two-layer") else 1, self.backbone)

    def update(self, network: keras.Model, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Changes the kernels by the rule; returns the outputs [n, classes] from before."""
        inputs = network.get_layer("features")(images)
        head = network.get_layer("head")
        outputs = head(inputs)
        error = (tf.one_hot(labels, outputs.shape[-1]) - outputs) / tf.cast(tf.shape(outputs)[0], tf.float32)
        *first, last = head.trainable_variables
        for kernel in first:
            self.strengthen(kernel, inputs, tf.matmul(inputs, kernel))
            inputs = tf.matmul(inputs, kernel)  # after the change, and without the GELU (authors' code)
        self.strengthen(last, inputs, error)
        return outputs

    def strengthen(self, kernel: keras.Variable, inputs: tf.Tensor, signal: tf.Tensor):
        """Adds to a kernel [i, o] the products of inputs [n, i] and signal [n, o]."""
        change = self.rate * tf.matmul(inputs, signal, transpose_a=True)
        if self.normalised:
            change /= tf.norm(change) + 1e-8
        kernel.assign_add(change)


def plain_network(
    shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES, layers: int = 1, backbone: keras.Model | None = None
) -> keras.Model:
    """Builds the network: its Keras models `features` (frozen, flattened) and `head` (one or two dense layers)."""
    images = keras.Input(shape)
    activations = images if backbone is None else Frozen(backbone)(images)
    features = keras.Model(images, keras.layers.Flatten()(activations), name="features")
    inputs = keras.Input(features.output.shape[1:])
    hidden = inputs
    if layers == 2:
        hidden = gelu(keras.layers.Dense(inputs.shape[-1], use_bias=False)(hidden))
    outputs = keras.layers.Dense(classes, use_bias=False, activation="softmax")(hidden)
    head = keras.Model(inputs, outputs, name="head")
    return keras.Model(images, head(features(images)))
