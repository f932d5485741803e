"""What the tests of neurons that seek attention share: ordinary networks, gradients, and phi by its definition."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from learners import attention_seeking
from learners.attention_seeking import ATTENTIONS

layers = keras.layers
FORMS = [name for name in ATTENTIONS if "-" in name]  # look-ahead and anticipating: the whole network's, not a layer's
WITH_PHI = [name for name in ATTENTIONS if name not in ("random", *FORMS)]
# phi(w_kj) by its definition, in the weights w [neurons below, neurons] and those that the unit is taken from.
PHI = {
    "l2": lambda w, start: w**2 / 2,
    "l1": lambda w, start: abs(w),
    "l1_scaled": lambda w, start: abs(w) * abs(start).mean(),
    "lp": lambda w, start: abs(w) ** 1.5 / 1.5,
    "soft": lambda w, start: np.sqrt((start**2).mean()) * np.log(np.cosh(w / np.sqrt((start**2).mean()))),
    "share": lambda w, start: abs(w) / abs(w).sum(axis=0),
}


def random_batch():
    """Draws sixteen images and their labels."""
    rng = np.random.default_rng(3)
    return rng.random((16, 12, 12, 1)).astype("f4"), rng.integers(0, 10, 16)


def ordinary_network(kind, activation):
    """Builds a plain Keras network on images [12, 12, 1]: dense with two hidden layers, or convolutional."""
    body = {
        "dense": [layers.Flatten(), layers.Dense(20, activation), layers.Dense(15, activation)],
        "convolutional": [
            layers.Conv2D(4, 3, activation=activation, padding="same"),
            layers.MaxPooling2D(2),
            layers.Conv2D(6, 3, strides=2, activation=activation),
            layers.Flatten(),
        ],
    }[kind]
    return keras.Sequential([keras.Input((12, 12, 1)), *body, layers.Dense(10, "softmax")])


def backward(network, batch):
    """Returns a function that computes the mean cross-entropy's gradients, as Keras would follow them."""
    images, labels = batch

    def compute():
        with tf.GradientTape() as tape:
            losses = keras.losses.sparse_categorical_crossentropy(labels, network(images, training=True))
            loss = tf.reduce_mean(losses)
        return tape.gradient(loss, network.trainable_variables)

    return compute


def gradients(network, batch, graph=True):
    """Returns what `backward` computes, as arrays."""
    compute = backward(network, batch)
    return [gradient.numpy() for gradient in (tf.function(compute) if graph else compute)()]


def cosine(one, other):
    return float(np.vdot(one, other) / np.linalg.norm(one) / np.linalg.norm(other))


def put_random(network, seed, spread=0.2):
    """Draws all weights, biases too, and returns them."""
    rng = np.random.default_rng(seed)
    network.set_weights([rng.normal(0, spread, array.shape) for array in network.get_weights()])
    return network.get_weights()


def pair(kind, activation, attention, seed=0):
    """Builds an ordinary network and the one that seeks attention, both with the same random weights."""
    plain = ordinary_network(kind, activation)
    attending = attention_seeking.seeking(plain, attention)
    attending.set_weights(put_random(plain, seed))
    return plain, attending


KINDS = pytest.mark.parametrize("kind", ["dense", "convolutional"])
