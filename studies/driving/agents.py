"""The networks that drive: D2BL's three, and a plain one of equal size; each maps an observation to an action.

All learn by regression on an expert's action, one step of AdamW for one step of the road (authors' code).
"""

import functools
from typing import Self

import keras
import numpy as np
import tensorflow as tf

from learners.d2bl import FanInLearner, adamw, gelu, layer_norm
from learners.pseudo_attention import SelfAttention
from settings.random_streams import generator, layer_seed
from studies.driving.world import SIZE

ACTIONS = 2  # steering and throttle
DROPOUT = 0.2  # authors' code
WIDTH = 8  # authors' code
PLAIN_WIDTHS = 8, 14  # about as many weights as pseudo-attention


class DrivingLearner(FanInLearner):
    """One of the networks NAMES, with PyTorch's first weights; without `noise` nothing is drawn at random."""

    def network(self, shape: tuple[int, ...] = (SIZE,), classes: int = ACTIONS) -> keras.Model:
        observation = keras.Input(shape)
        hidden = {
            "mlp": self._mlp,
            "add-norm": self._add_norm,
            "pseudo-attention": self._pseudo_attention,
            "plain": self._plain,
        }[self.variant](observation)
        return keras.Model(observation, keras.layers.Dense(classes)(hidden))

    def _mlp(self, observation: keras.KerasTensor) -> keras.KerasTensor:
        """Two layers, the authors' "DQN agent"."""
        hidden = observation
        for width in (16, 8):
            hidden = Dropout(self.draws)(layer_norm()(gelu(keras.layers.Dense(width)(hidden))))
        return hidden

    def _add_norm(self, observation: keras.KerasTensor) -> keras.KerasTensor:
        """One layer with a residual connection around its dropout (authors' stored checkpoint)."""
        hidden = gelu(keras.layers.Dense(WIDTH)(observation))
        return layer_norm()(hidden + Dropout(self.draws)(hidden))

    def _pseudo_attention(self, observation: keras.KerasTensor) -> keras.KerasTensor:
        """One layer, then an attention of that layer's units to one another."""
        hidden = layer_norm()(gelu(keras.layers.Dense(WIDTH)(observation)))
        return gelu(SelfAttention(WIDTH, self.draws)(hidden))

    def _plain(self, observation: keras.KerasTensor) -> keras.KerasTensor:
        """Two dense layers in the attention's place (ours)."""
        first, second = PLAIN_WIDTHS
        hidden = layer_norm()(gelu(keras.layers.Dense(first)(observation)))
        return gelu(keras.layers.Dense(second)(hidden))


class Dropout(keras.layers.Layer):
    """Drops a share DROPOUT of the units in training, by draws that are set anew before every step."""

    def __init__(self, draws: keras.random.SeedGenerator):
        super().__init__()
        self.draws = draws

    def call(self, units: tf.Tensor, training: bool = False) -> tf.Tensor:
        return keras.random.dropout(units, DROPOUT, seed=self.draws) if training else units


NAMES = ("mlp", "add-norm", "pseudo-attention", "plain")


class Driver:
    """A network that drives and learns; its random draws follow from a seed and the number of the step."""

    def __init__(self, name: str, size: int = SIZE):
        self.learner = DrivingLearner(name)
        self.network = self.learner.build((size,), ACTIONS)
        self.optimizer = adamw(0.0)
        self.optimizer.build(self.network.trainable_variables)
        # Compiled by XLA, a step takes half as long.
        self._act = tf.function(self._act_once, jit_compile=True)
        self._learn = tf.function(self._learn_once, jit_compile=True)

    @classmethod
    def of(cls, name: str, seed: int) -> Self:
        """Returns the driver of this name with its first weights; the last one of this name is the same object."""
        driver = _driver(name)
        driver.start(seed)
        return driver

    def start(self, seed: int):
        """Draws the first weights and forgets everything learned."""
        self.seed, rng = seed, generator(seed, "weights")
        for variable in self.network.trainable_variables:
            variable.assign(self.learner.initial(variable, rng))
        for variable in self.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))

    def weights(self) -> list[np.ndarray]:
        """Returns a copy of the weights."""
        return self.network.get_weights()

    def set_weights(self, weights: list[np.ndarray]):
        """Puts back what `weights` returned."""
        self.network.set_weights(weights)

    def act(self, observation: np.ndarray, step: int, noise: bool = False) -> np.ndarray:
        """Returns the action [2] for an observation [size]; with `noise` dropout and mutation are on."""
        draws = self._draws(step) if noise else np.zeros(2, np.uint32)
        return self._act(observation[np.newaxis], draws, noise).numpy()[0]

    def learn(
        self, observations: np.ndarray, targets: np.ndarray, step: int, rate: float, factor: float = 1.0
    ) -> float:
        """Takes one step on `factor` times the mean squared error to the targets; returns the error before it.

        Observations are [n, size] float32, targets [n, 2] float32. What is drawn at random for a single observation is
        the same as in `act` at the same step.
        """
        numbers = np.float32(rate), np.float32(factor)
        return float(self._learn(observations, targets, self._draws(step), *numbers))

    def _draws(self, step: int) -> np.ndarray:
        return layer_seed(self.seed, "draws", step)

    def _act_once(self, observations: tf.Tensor, draws: tf.Tensor, noise: bool) -> tf.Tensor:
        self.learner.draws.state.assign(draws)
        return self.network(observations, training=noise)

    def _learn_once(
        self, observations: tf.Tensor, targets: tf.Tensor, draws: tf.Tensor, rate: tf.Tensor, factor: tf.Tensor
    ) -> tf.Tensor:
        self.learner.draws.state.assign(draws)
        self.optimizer.learning_rate.assign(rate)
        with tf.GradientTape() as tape:
            error = tf.reduce_mean(tf.square(self.network(observations, training=True) - targets))
            loss = factor * error
        variables = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return error


@functools.cache
def _driver(name: str) -> Driver:
    """Builds the one driver of a name, since building and compiling takes as long as thousands of steps."""
    return Driver(name)
