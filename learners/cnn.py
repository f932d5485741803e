"""The paper's local foundation model."""

import keras

from learners.base import CLASSES, Learner
from learners.winograd import WinogradNetwork


class LocalLearner(Learner):
    """A small convolutional network of 33,580 weights, trained by its optimizer (authors)."""

    def build(self, shape=(28, 28, 1), classes=CLASSES):
        return convolutional_network("float32", shape, classes)

    def evaluator(self, network, dtype):
        if dtype == "winograd-checked":
            return WinogradNetwork(network)
        return network if dtype == "float32" else convolutional_network("mixed_bfloat16")


def convolutional_network(dtype, shape=(28, 28, 1), classes=CLASSES):
    """Builds the Keras network, computing in `dtype` up to its last layer."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(20, 5, activation="relu", dtype=dtype),
            layers.MaxPooling2D(2, dtype=dtype),
            layers.Conv2D(50, 5, activation="relu", dtype=dtype),
            layers.MaxPooling2D(2, dtype=dtype),
            layers.Flatten(dtype=dtype),
            layers.Dense(classes, activation="softmax", dtype="float32"),
        ]
    )
