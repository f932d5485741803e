"""Layers that mix their input by an attention over past layers' activations (D2BL: Coppari and Tedoldi 2023).

mapped: queries, keys and values are learned linear maps, as in the authors' first notebook; unmapped: they are the
activations themselves, as in the second. Alone, or with the saliency map disturbed by mutation and crossover: `copy` as
the authors' code does it, `swap` as it is meant. `plain` is the same network without attention.
"""

import math
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from learners.d2bl import FanInLearner, gelu, layer_norm, probabilities
from settings.names import CLASSES

MUTATION_SHARE = 0.6  # how often the map is mutated; else two of its rows cross over (authors' code)
MUTATION = CROSSOVER = 0.3  # farthest that a factor is from 1; share of the columns that cross over (authors' code)


class LocalLearner(FanInLearner):
    """A network of three dense layers of 8, two of them with attention of 4 heads (notebook 0: 7,474 weights), or of
    two, one with 2 heads (notebook 1: 24,898 for CIFAR-10 when unmapped).

    Without `evaluation_noise` maps are undisturbed in evaluations (ours); the authors' code disturbs them there too.
    """

    def __init__(
        self,
        variant: str = "mapped",
        notebook: int = 0,
        width: int = 8,
        heads: int | None = None,
        evaluation_noise: bool = True,
    ):
        super().__init__(variant)
        self.notebook, self.width, self.heads = notebook, width, heads or (4, 2)[notebook]
        self.evaluation_noise = evaluation_noise

    def network(self, shape: tuple[int, ...], classes: int) -> keras.Model:
        if self.variant == "plain":
            return plain_network(shape, classes, self.notebook, self.width)
        queries, _, disturbance = self.variant.partition("-")

        def attend(current: keras.KerasTensor, past: keras.KerasTensor) -> keras.KerasTensor:
            return PseudoAttention(
                self.width,
                self.heads,
                self.draws,
                mapped=queries == "mapped",
                disturbance=disturbance,
                evaluation_noise=self.evaluation_noise,
            )(current, past)

        return NOTEBOOKS[self.notebook](shape, classes, self.width, attend)


class PseudoAttention(keras.layers.Layer):
    """Mixes the `width` units of its input by weights that follow from past activations, in `heads` copies.

    All heads share their maps, so that they differ by the `disturbance` alone ("": none, "copy" or "swap"), with its
    two constants. Products are divided by the square root of `scale`, by default of the width; the authors' networks
    for MNIST divide by that of 8, their width.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        draws: keras.random.SeedGenerator,
        *,
        mapped: bool = True,
        disturbance: str = "",
        evaluation_noise: bool = True,
        scale: float = 0,
        constants: tuple[float, float] = (MUTATION, CROSSOVER),
    ):
        super().__init__()
        self.width, self.heads, self.draws = width, heads, draws
        self.disturbance, self.evaluation_noise = disturbance, evaluation_noise
        self.scale, self.constants = scale or width, constants
        self.maps = [keras.layers.Dense(width) for _ in range(3)] if mapped else [keras.layers.Identity()] * 3
        self.merge = keras.layers.Dense(width)

    def build(self, current_shape: tuple[int | None, ...], past_shape: tuple[int | None, ...]):
        query, key, value = self.maps
        query.build(past_shape), key.build(past_shape), value.build(current_shape)
        self.merge.build((None, self.heads * self.width))

    def call(self, current: tf.Tensor, past: tf.Tensor | tf.Variable, training: bool = False) -> tf.Tensor:
        """Returns the heads' mixtures merged [n, width]; current [n, f], past [n, layers, f], f = width if unmapped."""
        mixed = keras.ops.einsum("nhij,nj->nhi", self.saliency(past, training), self.maps[2](current))
        return self.merge(keras.ops.reshape(mixed, (-1, self.heads * self.width)))

    def saliency(self, past: tf.Tensor | tf.Variable, training: bool = False) -> tf.Tensor:
        """Returns with which weights each unit mixes all units [n, heads, width, width]; rows sum to 1."""
        query, key, _ = self.maps
        products = keras.ops.einsum("nli,nlj->nij", query(past), key(past)) / math.sqrt(self.scale)
        products = keras.ops.repeat(products[:, None], self.heads, axis=1)
        if self.disturbance and (training or self.evaluation_noise):
            products = disturb(products, self.disturbance, self.draws, *self.constants)
        return keras.ops.softmax(products, axis=-1)


class SelfAttention(PseudoAttention):
    """Mixes the units of a vector by weights that follow from this same vector, in two heads (authors' simulations).

    Without past activations the map is the vector's outer product with itself, divided by the square root of 8, whose
    disturbance has other constants than elsewhere: with widths below 10 no column crosses over.
    """

    def __init__(self, width: int, draws: keras.random.SeedGenerator, *, evaluation_noise: bool = False):
        noise = {"disturbance": "copy", "evaluation_noise": evaluation_noise, "constants": (0.2, 0.1)}
        super().__init__(width, 2, draws, mapped=False, scale=8, **noise)

    def build(self, shape: tuple[int | None, ...]):
        super().build(shape, shape)

    def call(self, vectors: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the heads' mixtures merged [n, width] of vectors [n, width]."""
        return super().call(vectors, vectors[:, None], training)


def disturb(
    maps: tf.Tensor,
    crossover: str,
    draws: keras.random.SeedGenerator,
    mutation: float = MUTATION,
    share: float = CROSSOVER,
) -> tf.Tensor:
    """Mutates maps [n, heads, d, d] or lets two rows of each cross over, whichever one draw for all of them says.

    A `share` of the columns crosses over.
    """
    ops, (heads, width) = keras.ops, maps.shape[1:3]
    examples = ops.shape(maps)[0]
    mutates = keras.random.uniform((), seed=draws) <= MUTATION_SHARE
    rows = keras.random.randint((2, examples, heads), 0, width, seed=draws)
    crossed = cross_over(maps, rows[0], rows[1], int(share * width), crossover)
    return ops.where(mutates, mutate(maps, draws, mutation), crossed)


def mutate(maps: tf.Tensor, draws: keras.random.SeedGenerator, mutation: float = MUTATION) -> tf.Tensor:
    """Multiplies every entry by a factor of its own, uniform within `mutation` about 1."""
    return maps * keras.random.uniform(keras.ops.shape(maps), 1 - mutation, 1 + mutation, seed=draws)


def cross_over(
    maps: tf.Tensor | tf.Variable | np.ndarray,
    first: tf.Tensor | np.ndarray,
    second: tf.Tensor | np.ndarray,
    tail: int,
    kind: str,
) -> tf.Tensor:
    """Lets two rows, numbers first and second [n, heads], of each map [n, heads, d, d] cross over in their last `tail`
    columns.

    The authors mean to swap the tails (`swap`). Their code copies that of the second to the first (`copy`), and no
    gradient passes through either tail: the value that is put back is a view of what has been overwritten already.
    """
    ops, numbers = keras.ops, keras.ops.arange(maps.shape[-1])
    is_first = (first[..., None] == numbers)[..., None]  # [n, heads, d, 1]
    is_second = (second[..., None] == numbers)[..., None]
    in_tail = numbers >= maps.shape[-1] - tail
    of_second = ops.sum(ops.where(is_second, maps, 0.0), axis=-2, keepdims=True)  # [n, heads, 1, d]
    if kind == "copy":
        return ops.where(in_tail & (is_first | is_second), ops.stop_gradient(of_second), maps)
    of_first = ops.sum(ops.where(is_first, maps, 0.0), axis=-2, keepdims=True)
    return ops.where(in_tail & is_first, of_second, ops.where(in_tail & is_second, of_first, maps))


def plain_network(
    shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES, notebook: int = 0, width: int = 8
) -> keras.Model:
    """Builds the network of a notebook without attention: smaller by it, unless `width` makes up for that."""
    return NOTEBOOKS[notebook](shape, classes, width, lambda current, past: current)


def notebook_0(
    shape: tuple[int, ...],
    classes: int,
    width: int,
    attend: Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor],
) -> keras.Model:
    """Builds the authors' network for MNIST; attend([n, width], past [n, layers, width]) enters a dense layer.

    The past is what layers computed before their GELU, and gradients flow through it.
    """
    images = keras.Input(shape)
    first = keras.layers.Dense(width)(keras.layers.Flatten()(images))
    second = keras.layers.Dense(width)(attend(gelu(first), keras.ops.stack([first], axis=1)))
    third = keras.layers.Dense(width)(attend(gelu(second), keras.ops.stack([first, second], axis=1)))
    return keras.Model(images, probabilities(classes, gelu(third)))


def notebook_1(
    shape: tuple[int, ...],
    classes: int,
    width: int,
    attend: Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor],
) -> keras.Model:
    """Builds the authors' network for CIFAR-10, in the same way: normalised, and with one attention."""
    images = keras.Input(shape)
    first = layer_norm()(keras.layers.Dense(width)(keras.layers.Flatten()(images)))
    second = keras.layers.Dense(width)(attend(gelu(first), keras.ops.stack([first], axis=1)))
    return keras.Model(images, probabilities(classes, gelu(second)))


NOTEBOOKS = (notebook_0, notebook_1)
