"""The paper's local foundation model."""

import keras

from learners.base import Learner
from settings.names import CLASSES


class LocalLearner(Learner):
    """A small convolutional network of 33,580 weights, trained by its optimizer (authors)."""

    def build(self, shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES) -> keras.Model:
        return convolutional_network(shape, classes)


def convolutional_network(
    shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES, dtype: str = "float32"
) -> keras.Sequential:
    """Builds the Keras network, computing in `dtype`."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(20, 5, activation="relu", dtype=dtype),
            layers.MaxPooling2D(2, dtype=dtype),
            layers.Conv2D(50, 5, activation="relu", dtype=dtype),
            layers.MaxPooling2D(2, dtype=dtype),
            layers.Flatten(dtype=dtype),
            layers.Dense(classes, activation="softmax", dtype=dtype),
        ]
    )
