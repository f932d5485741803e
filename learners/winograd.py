"""The local foundation model's outputs with fewer multiplications, for evaluation.

The second convolution is computed by minimal filtering (Winograd 1980; Lavin and Gray 2016) on tiles of 4 x 4 outputs,
F(4 x 4, 5 x 5): 64 products a tile and pair of channels instead of 400. Everything else of it, and the first
convolution, are matrix products with the images along the last axis. Rounding differs from Keras' layers, by about
1e-6 of the largest logit.
"""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    import keras

TAPS, TILE = 5, 4  # kernel width of both convolutions; outputs of the second that are computed together, a side
PATCH = TILE + TAPS - 1  # inputs that a tile needs, a side
POINTS = (0, 1, -1, 2, -2, 0.5, -0.5)  # where the polynomials are evaluated, and at infinity


def filtering_matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns (outputs [4, 8], kernel [8, 5], inputs [8, 8]) with which `outputs @ ((kernel @ g) * (inputs @ d))`
    is the valid correlation of `d` [8] with `g` [5]: Toom-Cook's multiplication of polynomials, transposed."""

    def evaluation(terms: int) -> np.ndarray:
        at_infinity = np.eye(terms)[-1:]
        return np.concatenate([np.power.outer(np.array(POINTS, float), np.arange(terms)), at_infinity])

    return evaluation(TILE).T, evaluation(TAPS), np.linalg.inv(evaluation(PATCH)).T


def patches(width: int, side: int, step: int) -> np.ndarray:
    """Returns the pixels of every patch of an image `width` wide: positions [patches, side * side], row by row."""
    corners = np.arange(0, width - side + 1, step)
    rows, columns = corners[:, None] + np.arange(side), corners[:, None] + np.arange(side)
    positions = rows[:, None, :, None] * width + columns[None, :, None, :]
    return positions.reshape(len(corners) ** 2, side * side)


class WinogradNetwork:
    """Computes what `network`, a convolutional_network in float32, computes; it shares the weights."""

    def __init__(self, network: "keras.Model"):
        self.trainable_variables = network.trainable_variables
        self.outputs, self.kernel, self.inputs = (matrix.astype(np.float32) for matrix in filtering_matrices())

    def __call__(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the class probabilities [n, 10] of images [n, 28, 28, 1]."""
        kernel_1, bias_1, kernel_2, bias_2, dense, bias = self.trainable_variables
        side = images.shape[1]
        pixels = tf.transpose(tf.reshape(images, [-1, side * side]))  # [784, n]
        hidden = self.first(pixels, side, kernel_1[:, :, 0], bias_1)  # [144, 20, n]
        hidden = self.second(hidden, (side - TAPS + 1) // 2, kernel_2, bias_2)  # [2, 2, 2, 2, 50, n]
        tiled = tf.reshape(dense, [2, 2, 2, 2, -1, dense.shape[1]])  # [tile, pixel, tile, pixel, channel, class]
        tiled = tf.reshape(tf.transpose(tiled, [1, 3, 0, 2, 4, 5]), dense.shape)
        logits = tf.matmul(tiled, tf.reshape(hidden, [dense.shape[0], -1]), transpose_a=True)
        return tf.nn.softmax(tf.transpose(logits) + bias)

    def first(self, pixels: tf.Tensor, side: int, kernel: tf.Tensor, bias: "keras.Variable") -> tf.Tensor:
        """Convolves pixels [side * side, n] with a kernel [5, 5, channels] and pools: [pooled pixels, channels, n].

        The four outputs of a pooling window are four shifts of the kernel on one patch of 6 x 6 pixels.
        """
        shifts = [tf.pad(kernel, [[i, 1 - i], [j, 1 - j], [0, 0]]) for i in (0, 1) for j in (0, 1)]
        shifts = tf.reshape(tf.stack(shifts), [4, (TAPS + 1) ** 2, -1])
        shifts = tf.reshape(tf.transpose(shifts, [0, 2, 1]), [-1, (TAPS + 1) ** 2])
        seen = patches(side, TAPS + 1, 2)
        products = tf.matmul(shifts, tf.gather(pixels, seen))
        windows = tf.reshape(products, [len(seen), 4, bias.shape[0], -1])
        return tf.nn.relu(tf.reduce_max(windows, 1) + bias[:, None])

    def second(self, hidden: tf.Tensor, side: int, kernel: "keras.Variable", bias: "keras.Variable") -> tf.Tensor:
        """Convolves hidden [side * side, inputs, n] with a kernel [5, 5, inputs, channels] and pools.

        Returns [pooled row, column in a tile, row, column of the tile, channels, n].
        """
        tiles = patches(side, PATCH, TILE).T  # [64, 4]
        transformed = on_both_axes(self.inputs, tf.gather(hidden, tiles))
        transformed = tf.reshape(transformed, [*tiles.shape, hidden.shape[1], -1])
        kernel = tf.einsum("ai,bj,ijco->aboc", self.kernel, self.kernel, kernel)
        products = tf.matmul(tf.reshape(kernel, [PATCH**2, 1, bias.shape[0], -1]), transformed)
        # A tile's rows and columns are two pooling windows of two outputs each.
        windows = tf.reshape(on_both_axes(self.outputs, products), [2, 2, 2, 2, tiles.shape[1] * bias.shape[0], -1])
        rows = tf.maximum(windows[:, 0], windows[:, 1])  # faster here than tf.reduce_max
        pooled = tf.reshape(tf.maximum(rows[:, :, 0], rows[:, :, 1]), [2, 2, 2, 2, bias.shape[0], -1])
        return tf.nn.relu(pooled + bias[:, None])


def on_both_axes(matrix: np.ndarray, tiles: tf.Tensor) -> tf.Tensor:
    """Multiplies a matrix [m, 8] to the rows and to the columns of tiles [64, ...]: [m, m, the rest]."""
    rows = tf.matmul(matrix, tf.reshape(tiles, [PATCH, -1]))
    return tf.matmul(matrix, tf.reshape(rows, [len(matrix), PATCH, -1]))
