"""The paper's local foundation model."""

import keras

from learners.base import CLASSES, Learner
from learners.evaluation import Evaluator
from learners.winograd import WinogradNetwork

# Below which share of the logits' range two logits are in doubt. Not proven bounds: about eight times the largest share
# at which bfloat16 was seen to change a class, and the largest by which minimal filtering was seen to change a logit.
BFLOAT16_SHARE, WINOGRAD_SHARE = 0.03, 1e-5


class LocalLearner(Learner):
    """A small convolutional network of 33,580 weights, trained by its optimizer (authors)."""

    def build(self, shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES) -> keras.Model:
        return convolutional_network("float32", shape, classes)

    def evaluator(self, network: keras.Model, dtype: str) -> Evaluator:
        if dtype == "winograd-checked":
            return Evaluator(network, WinogradNetwork(network), WINOGRAD_SHARE, whole_batch=True)
        twin = None if dtype == "float32" else convolutional_network("mixed_bfloat16")
        return Evaluator(network, twin, BFLOAT16_SHARE if dtype == "bfloat16-checked" else 0.0)


def convolutional_network(dtype: str, shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES) -> keras.Sequential:
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
