"""Counts the test images that a model classifies correctly, with Keras' layers or with faster compiled code."""

import math

import numpy as np
import tensorflow as tf

from config import Config
from learners import CONVOLUTIONAL
from models import VectorModel, split_vector
from settings.errors import UsageError, first_line
from settings.names import CLASSES, SIDE

SHAPE = (SIDE, SIDE, 1)  # of the images that nodes/evaluation/fused.py is written for
# Keras' layers decide where the two largest logits of an image differ by less than SHARE of the image's range of
# logits, which includes zero, plus LEAST. SHARE is at least three times the largest error of such a difference that
# `python -m benchmarks.evaluation_error` found, the float32 layers' own error included. Below LEAST the probabilities
# that Keras' layers give may round to equal ones.
SHARE, LEAST = 3e-4, 1e-6


class Evaluator:
    """Evaluates a VectorModel on fixed test images by Keras' layers in float32."""

    name = "float32"

    def __init__(self, model: VectorModel, images: tf.Tensor, labels: tf.Tensor, config: Config):
        """`images` [n, ...] float32, `labels` [n] int64."""
        self.model, self.images, self.labels, self.batch = model, images, labels, config.evaluation_batch

    def count_correct(self, weights: tf.Tensor) -> int:
        """Returns how many images are classified correctly with `weights` [P]."""
        return int(self.model.count_correct(weights, self.images, self.labels, self.batch))


class FusedEvaluator(Evaluator):
    """Evaluates the convolutional network by fused.py; in close decisions Keras' layers have the last word."""

    name = "fused-checked"

    def __init__(self, model: VectorModel, images: tf.Tensor, labels: tf.Tensor, config: Config):
        from nodes.evaluation.fused import FusedNetwork  # only where it is used: Numba takes half a second

        super().__init__(model, images, labels, config)
        self.network = FusedNetwork(images.numpy(), config.threads, SHARE, LEAST)

    def count_correct(self, weights: tf.Tensor) -> int:
        from nodes.evaluation.fused import LANES, LIMIT

        vector = weights.numpy()
        if not np.abs(vector).max() < LIMIT:  # or it is not a number
            return super().count_correct(weights)
        classes, doubtful = self.network(split_vector(vector, self.model.weights))
        doubtful = np.flatnonzero(doubtful)
        if len(doubtful) > self.batch:
            return super().count_correct(weights)
        if len(doubtful):
            # A single image would be rounded otherwise than in a batch, so images are repeated to fill blocks.
            rows = np.resize(doubtful, math.ceil(len(doubtful) / LANES) * LANES)
            decided = self.model.predict(weights, self.images.numpy()[rows]).numpy().argmax(1)
            classes[doubtful] = decided[: len(doubtful)]
        return int((classes == self.labels.numpy()).sum())


def choose_evaluation(
    config: Config, shape: tuple[int, ...] = SHAPE, classes: int = CLASSES
) -> tuple[type[Evaluator], str]:
    """Returns the class of evaluator for images of this shape and this number of classes, and why it is that.

    Raises UsageError where `fused-checked` was asked for and is not available.
    """
    if config.evaluation == "float32":
        return Evaluator, "as asked for"
    obstacle = ""
    if config.learner not in CONVOLUTIONAL:
        obstacle = f"the learner {config.learner} is not the convolutional network"
    elif tuple(shape) != SHAPE:
        obstacle = f"images are {' x '.join(map(str, shape))}, not {' x '.join(map(str, SHAPE))}"
    elif classes != CLASSES:
        obstacle = f"images have {classes} classes, not {CLASSES}"
    else:
        try:
            import numba

            obstacle = "NUMBA_DISABLE_JIT is set" if numba.config.DISABLE_JIT else ""
        except ImportError as error:
            obstacle = f"Numba cannot be imported ({first_line(error)})"
    if not obstacle:
        return FusedEvaluator, "compiled by Numba; Keras' layers decide where two classes are close"
    if config.evaluation == FusedEvaluator.name:
        raise UsageError(f"--evaluation {config.evaluation} is not available: {obstacle}; use --evaluation auto")
    return Evaluator, obstacle
