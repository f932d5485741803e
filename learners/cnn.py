"""The paper's local foundation model."""

import keras

from learners.base import Learner
from settings.errors import UsageError
from settings.names import CLASSES

SMALLEST = 16  # pixels a side: 16 - 4 = 12, pooled 6, 6 - 4 = 2, pooled 1


class LocalLearner(Learner):
    """A small convolutional network, trained by its optimizer (authors); 33,580 weights for MNIST."""

    def build(self, shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES) -> keras.Model:
        return convolutional_network(shape, classes)


def convolutional_network(
    shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES, dtype: str = "float32"
) -> keras.Sequential:
    """Builds the Keras network, computing in `dtype`; raises UsageError for images smaller than SMALLEST."""
    if min(shape[:2]) < SMALLEST:
        raise UsageError(
            f"images of {shape[0]} x {shape[1]} pixels are too small for the convolutional network, which needs "
            f"{SMALLEST} x {SMALLEST}; enlarge them, or give another --learner, such as dense"
        )
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
