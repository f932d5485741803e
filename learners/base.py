"""Defines what every local learner has in common."""

import keras
import numpy as np
import tensorflow as tf

from settings.names import CLASSES


class Learner:
    """A local learner: the Keras model that travels, its first weights, its loss and its update rule.

    `variant` is one of its learners.VARIANTS. Layers that draw at random take `draws` as their seed: it is set anew
    before every round, so that the same round draws the same.
    """

    variants = ("plain",)  # of a user's learner, the first one being its default; learners.VARIANTS has the others'

    def __init__(self, variant: str = "plain"):
        self.variant = variant
        self.draws = keras.random.SeedGenerator(0)

    def build(self, shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES) -> keras.Model:
        """Builds the Keras model: images [n, *shape] in [0, 1] to class probabilities [n, classes].

        Only its trainable variables travel; others have to stay as they are built.
        """
        raise NotImplementedError

    def initial(self, variable: keras.Variable, rng: np.random.Generator) -> tf.Tensor:
        """Draws the first value of one of the model's variables.

        Kernels are Glorot-uniform, biases zero, and the gains of normalising layers (`gamma`) one, as in Keras.
        """
        if len(variable.shape) < 2:
            return tf.ones(variable.shape) if variable.name == "gamma" else tf.zeros(variable.shape)
        return keras.initializers.GlorotUniform(seed=int(rng.integers(2**31)))(variable.shape)

    def losses(self, labels: tf.Tensor | np.ndarray, outputs: tf.Tensor) -> tf.Tensor:
        """Returns the loss of each example [n]; labels [n] are whole numbers, outputs [n, classes] probabilities."""
        return keras.losses.categorical_crossentropy(tf.one_hot(labels, outputs.shape[-1]), outputs)

    # A learner with a rule of its own replaces this by a method `update(network, images, labels)` that changes the
    # network's weights, and returns its outputs from before. Otherwise the optimizer follows the losses' gradient.
    update = None

    def step(
        self, network: keras.Model, optimizer: keras.optimizers.Optimizer, inputs: tf.Tensor, targets: tf.Tensor
    ) -> tf.Tensor:
        """Trains the network on one batch, by `update` or by the optimizer; returns the losses [n] of before."""
        if self.update:
            return self.losses(targets, self.update(network, inputs, targets))
        weights = network.trainable_variables
        with tf.GradientTape() as tape:
            losses = self.losses(targets, network(inputs, training=True))
            mean = tf.reduce_mean(losses)
        # tf.tuple lets the updates wait for all gradients. A layer may read weights once more to send its signal down,
        # and TensorFlow's graph optimizer drops the edge that lets their update wait for this read.
        optimizer.apply(tf.tuple(tape.gradient(mean, weights)), weights)
        return losses


def fan_in_uniform(shape: tf.TensorShape, rng: np.random.Generator, fan_in: int) -> tf.Tensor:
    """Draws values [*shape] float32 uniformly in plus or minus 1 / sqrt(fan_in)."""
    limit = 1 / np.sqrt(fan_in)
    return tf.constant(rng.uniform(-limit, limit, shape), tf.float32)
