"""A local learner of your own: a small perceptron, trained on smoothed labels.

In the folder of this file: `python PROJECT/main.py --learner my_layers:Smoothed --episodes 5`, where PROJECT is the
folder of main.py. Two variants are there: `--learner-variant wide`.
"""

import keras
import numpy as np
import tensorflow as tf

from learners.base import Learner


class Smoothed(Learner):
    """Builds the model that travels, and gives its loss; first weights and optimizer are the base class'."""

    variants = ("narrow", "wide")

    def build(self, shape: tuple[int, ...] = (28, 28, 1), classes: int = 10) -> keras.Model:
        width = 64 if self.variant == "narrow" else 256
        return keras.Sequential(
            [
                keras.Input(shape),
                keras.layers.Flatten(),
                keras.layers.Dense(width, activation="relu"),
                keras.layers.Dense(classes, activation="softmax"),
            ]
        )

    def losses(self, labels: tf.Tensor | np.ndarray, outputs: tf.Tensor) -> tf.Tensor:
        targets = tf.one_hot(labels, outputs.shape[-1])
        return keras.losses.categorical_crossentropy(targets, outputs, label_smoothing=0.1)
