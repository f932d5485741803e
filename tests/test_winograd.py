"""The convolution by minimal filtering against the definition and against Keras' layers."""

import numpy as np
import tensorflow as tf

from learners import winograd
from learners.cnn import convolutional_network


def test_filtering_is_the_correlation_by_definition():
    rng = np.random.default_rng(0)
    outputs, kernel, inputs = winograd.filtering_matrices()
    data, taps = rng.normal(size=8), rng.normal(size=5)
    expected = [sum(data[i + j] * taps[j] for j in range(5)) for i in range(4)]
    np.testing.assert_allclose(outputs @ ((kernel @ taps) * (inputs @ data)), expected, atol=1e-12)


def test_patches_by_hand():
    """An image of 4 x 4 pixels numbered 0 to 15, patches of 2 x 2 at every second pixel."""
    assert winograd.patches(4, 2, 2).tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]


def test_outputs_equal_those_of_keras_layers():
    """With large random weights and biases, so that no unit is idle and rounding shows."""
    network = convolutional_network("float32")
    rng = np.random.default_rng(1)
    network.set_weights([rng.normal(0, 0.1, weights.shape) for weights in network.get_weights()])
    images = rng.random((7, 28, 28, 1)).astype(np.float32)
    expected = network.predict(images, verbose=0)
    assert expected.max() - expected.min() > 0.3  # the classes differ
    outputs = winograd.WinogradNetwork(network)(tf.constant(images)).numpy()
    np.testing.assert_allclose(outputs, expected, atol=2e-6)
