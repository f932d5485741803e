"""Draws from densities of past activations against formulas, scikit-learn's KernelDensity and NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats
from sklearn.neighbors import KernelDensity

from data import normalise
from learners.kde import LocalLearner, PastDensity, plain_network
from models import VectorModel

MODES = ("stacked", "joint", "feature")
PAST = np.array([[0.0, 1.0, -1.0], [2.0, 1.5, 0.0], [0.5, 4.0, 0.5]], np.float32)  # three layers of three units
DRAWS = 60_000


def layer(mode="stacked", combination="shift", evaluation_noise=True, seed=0):
    return PastDensity(mode, combination, keras.random.SeedGenerator(seed), evaluation_noise)


def drawn(mode, past=PAST):
    """Draws for many examples with one and the same past: [DRAWS, units]."""
    return layer(mode, seed=3).draw(tf.repeat(past[None], DRAWS, axis=0)).numpy()


@pytest.mark.parametrize("mode", MODES)
def test_draws_have_the_mean_and_covariance_of_the_kernel_density(mode):
    """Those of the stored points, and the bandwidth squared (0.04) added to each variance."""
    numbers = drawn(mode)
    mean = np.full(3, PAST.mean()) if mode == "stacked" else PAST.mean(0)
    covariance = {
        "stacked": PAST.var() * np.eye(3),
        "joint": np.cov(PAST.T, bias=True),
        "feature": np.diag(PAST.var(0)),
    }
    np.testing.assert_allclose(numbers.mean(0), mean, atol=5 * 1.5 / DRAWS**0.5)  # five errors of the widest, 1.5
    np.testing.assert_allclose(np.cov(numbers.T, bias=True), covariance[mode] + 0.04 * np.eye(3), atol=0.06)


@pytest.mark.parametrize("unit", range(3))
@pytest.mark.parametrize("mode", MODES)
def test_draws_are_distributed_as_those_of_scikit_learn(mode, unit):
    points = PAST.reshape(-1, 1) if mode == "stacked" else PAST[:, [unit]]
    expected = KernelDensity(bandwidth=0.2).fit(points).sample(DRAWS, random_state=1)[:, 0]
    assert stats.ks_2samp(drawn(mode)[:, unit], expected).pvalue > 0.001
    wider = KernelDensity(bandwidth=0.3).fit(points).sample(DRAWS, random_state=1)[:, 0]
    assert stats.ks_2samp(drawn(mode)[:, unit], wider).pvalue < 0.001  # the comparison would notice


def test_joint_draws_keep_a_layer_together():
    """The sums of scikit-learn's joint draws are those of `joint`, not those of `feature`."""
    expected = KernelDensity(bandwidth=0.2).fit(PAST).sample(DRAWS, random_state=1).sum(1)
    assert stats.ks_2samp(drawn("joint").sum(1), expected).pvalue > 0.001
    assert stats.ks_2samp(drawn("feature").sum(1), expected).pvalue < 0.001


@pytest.mark.parametrize("mode", MODES)
def test_every_example_draws_from_its_own_past(mode):
    past = np.arange(5, dtype=np.float32)[:, None, None] * 100 + np.zeros((1, 2, 4), np.float32)
    numbers = layer(mode).draw(past).numpy()
    np.testing.assert_allclose(numbers, np.arange(5)[:, None] * 100 * np.ones((1, 4)), atol=2)  # ten bandwidths
    assert len(np.unique(numbers)) == 20  # with noise of their own


@pytest.mark.parametrize("combination", ["shift", "gate", "replace"])
@pytest.mark.parametrize("mode", MODES)
def test_combinations_and_their_gradients(mode, combination):
    """With x = 2 everywhere: x + s, x s and s, whose gradients for x are 1, s and 0; the past has none."""
    current, past = tf.fill((6, 3), 2.0), tf.Variable(tf.repeat(PAST[None], 6, axis=0))
    source = tf.Variable(current)
    with tf.GradientTape() as tape:
        outputs = layer(mode, combination, seed=8)(source, past, training=True)
        total = tf.reduce_sum(outputs)
    draws = layer(mode, seed=8).draw(tf.identity(past))  # the same seed draws the same
    expected = {"shift": (2 + draws, tf.ones((6, 3))), "gate": (2 * draws, draws), "replace": (draws, tf.zeros((6, 3)))}
    from_current, from_past = tape.gradient(total, [source, past])
    np.testing.assert_allclose(outputs, expected[combination][0], atol=1e-6)
    np.testing.assert_allclose(from_current, expected[combination][1], atol=1e-6)
    assert from_past is None


@pytest.mark.parametrize("mode", MODES)
def test_evaluation_without_noise_is_at_the_mean(mode):
    past, zeros = tf.repeat(PAST[None], 2, axis=0), tf.zeros((2, 3))
    quiet, noisy = layer(mode, evaluation_noise=False), layer(mode)
    mean = np.full(3, PAST.mean()) if mode == "stacked" else PAST.mean(0)
    np.testing.assert_allclose(quiet(zeros, past, training=False), [mean, mean], atol=1e-6)
    assert np.abs(quiet(zeros, past, training=True) - mean).min() > 1e-4
    assert np.abs(noisy(zeros, past, training=False) - mean).min() > 1e-4


def gelu(numbers):
    return numbers * (1 + special.erf(numbers / np.sqrt(2))) / 2


def normalised(numbers, gain, offset):
    deviations = numbers - numbers.mean(1, keepdims=True)
    return deviations / np.sqrt((deviations**2).mean(1, keepdims=True) + 1e-5) * gain + offset


def random_weights(network, rng):
    """Sets trainable weights that show every term, and returns them."""
    for variable in network.trainable_variables:
        variable.assign(rng.normal(0, 0.1, variable.shape))
    return [variable.numpy().astype(float) for variable in network.trainable_variables]


def softmax(logits):
    return special.softmax(logits, axis=1)


@pytest.mark.parametrize("variant", ["stacked-shift", "plain"])
def test_network_of_notebook_0(variant):
    network = LocalLearner(variant, evaluation_noise=False).build()
    rng = np.random.default_rng(0)
    w1, b1, w2, b2, w3, b3, w4, b4 = random_weights(network, rng)
    images = rng.random((5, 28, 28, 1)).astype(np.float32)
    on = variant != "plain"
    h1 = gelu(images.reshape(5, 784) @ w1 + b1)
    h2 = gelu((h1 + on * h1.mean(1, keepdims=True)) @ w2 + b2)
    h3 = gelu((h2 + on * np.concatenate([h1, h2], 1).mean(1, keepdims=True)) @ w3 + b3)
    np.testing.assert_allclose(network(images, training=False), softmax(h3 @ w4 + b4), atol=1e-5)


@pytest.mark.parametrize("variant", ["joint-gate", "plain"])
def test_network_of_notebook_1(variant):
    network = LocalLearner(variant, notebook=1, evaluation_noise=False).build((32, 32, 3))
    rng = np.random.default_rng(0)
    w1, b1, gain, offset, w2, b2, w3, b3, w4, b4, w5, b5, w6, b6 = random_weights(network, rng)
    images = rng.random((5, 32, 32, 3)).astype(np.float32)

    def hidden(inputs, kernel, bias):
        return normalised(gelu(inputs @ kernel + bias), gain, offset)

    h1 = hidden(images.reshape(5, 3072), w1, b1)
    h2 = hidden(h1, w2, b2)
    h3 = hidden(h2 * (np.mean([h1, h2], 0) if variant != "plain" else 1), w3, b3)
    h4 = hidden(h3, w4, b4)
    h5 = hidden(h4 * (np.mean([h1, h2, h3, h4], 0) if variant != "plain" else 1), w5, b5)
    np.testing.assert_allclose(network(images, training=False), softmax(h5 @ w6 + b6), atol=1e-5)


def size(network):
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


@pytest.mark.parametrize(("notebook", "shape", "weights"), [(0, (28, 28, 1), 59_210), (1, (32, 32, 3), 428_290)])
def test_weight_counts(notebook, shape, weights):
    assert size(LocalLearner("joint-shift", notebook).build(shape)) == weights
    assert size(plain_network(shape, notebook=notebook)) == weights


def test_first_weights():
    """Uniform in plus or minus 1 / sqrt(inputs), biases too; a gain of 1 and an offset of 0."""
    learner = LocalLearner("joint-shift", notebook=1)
    network = learner.build((32, 32, 3))
    first = [learner.initial(variable, np.random.default_rng(1)).numpy() for variable in network.trainable_variables]
    assert (first.pop(2) == 1).all()
    assert (first.pop(2) == 0).all()
    for array, inputs in zip(first, np.repeat([3072, 120, 120, 120, 120, 120], 2), strict=True):
        limit = 1 / np.sqrt(inputs)
        assert 0.7 * limit < np.abs(array).max() <= limit
        assert array.min() < 0 < array.max()


def test_replaced_inputs_leave_the_first_layer_as_it_was(dataset):
    learner = LocalLearner("stacked-replace")
    model = VectorModel(learner.build(), keras.optimizers.Adam(1e-3), learner)
    weights, order = model.initial_weights(np.random.default_rng(0)), np.arange(40, dtype=np.int32)[None]
    labels = dataset.y_train.astype(np.int64)
    trained, *_ = model.train(weights, model.initial_state(), normalise(dataset.x_train[:40]), labels, order, 16)
    change, before_last = np.abs(trained - weights), 784 * 64 + 64 + 64 * 64 + 64
    assert change[:before_last].max() == 0
    assert change[before_last:].max() > 1e-3
