"""Builds the force networks: three small ones, for alignment, cohesion and separation, in one Keras model.

Each takes the four numbers of its force and returns a force of two. What D2BL's authors have: `linear`, and
`pseudo-attention` (dense, GELU, normalised, attention to itself). Ours: plain networks of about as many weights; a
wider pseudo-attention, since two normalised numbers only tell which of both is larger; and a plain network that is
normalised like it, to tell what the attention does from what the normalisation does.
"""

import functools

import keras
import numpy as np
import tensorflow as tf

from learners.d2bl import FanInLearner, adamw, gelu, layer_norm
from learners.pseudo_attention import SelfAttention
from models import VectorModel

PLAIN_UNITS = {"plain-27": 1, "plain-69": 3, "plain-636": 30, "normalised-627": 23}  # by the weights of all three
# Networks and plain ones with about as many weights as their 30, 72 and 630.
PLAIN_OF = (
    ("linear", "plain-27"),
    ("pseudo-attention", "plain-69"),
    ("pseudo-attention-8", "plain-636"),
    ("pseudo-attention-8", "normalised-627"),
)
ZERO, IMITATION = "zero", "imitation"
LEARNING_RATE = 1e-3  # of AdamW (authors)


class ForceNetworks(FanInLearner):
    """The three networks and their objective: a sum of forces of zero (authors), or three given forces (ours)."""

    def __init__(self, variant: str, objective: str):
        super().__init__(variant)
        self.objective = objective

    def network(self, shape: tuple[int, ...] = (15,), classes: int = 6) -> keras.Model:
        """Builds the model: inputs [n, 15], of `forces.with_seen`, to three forces [n, 6]; 0 where one does not act."""
        inputs, forces = keras.Input(shape), []
        for number in range(3):
            force = self._force(inputs[:, 4 * number : 4 * number + 4])
            forces.append(force * inputs[:, 12 + number : 13 + number])
        return keras.Model(inputs, keras.ops.concatenate(forces, axis=-1))

    def _force(self, numbers: keras.KerasTensor) -> keras.KerasTensor:
        dense = keras.layers.Dense
        if self.variant in PLAIN_UNITS:
            hidden = gelu(dense(PLAIN_UNITS[self.variant])(numbers))
            return dense(2)(layer_norm()(hidden) if self.variant.startswith("normalised") else hidden)
        if self.variant == "pseudo-attention-8":
            return dense(2)(SelfAttention(8, self.draws)(layer_norm()(gelu(dense(8)(numbers)))))
        force = dense(2)(numbers)
        return force if self.variant == "linear" else SelfAttention(2, self.draws)(layer_norm()(gelu(force)))

    def losses(self, labels: tf.Tensor | np.ndarray, outputs: tf.Tensor) -> tf.Tensor:
        """Returns the mean squared error of each boid's forces [n, 6] or, with the objective `zero`, of their sum."""
        if self.objective == ZERO:
            return tf.reduce_mean(tf.reduce_sum(tf.reshape(outputs, [-1, 3, 2]), 1) ** 2, axis=-1)
        return keras.losses.mean_squared_error(labels, outputs)


@functools.cache
def force_model(network: str, objective: str, boids: int = 0) -> VectorModel:
    """Builds a model, one for all seeds, since that takes as long as some trainings.

    Trainings with another number of `boids` have one of their own: TensorFlow compiles a function for any number once
    it has met two, and last digits would depend on what was trained before.
    """
    learner = ForceNetworks(network, objective)
    return VectorModel(learner.build((15,), 6), adamw(LEARNING_RATE), learner)
