"""The measurement of attention, its growth and its likeness to the gradient, against definitions and Keras' own SGD."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from attention_networks import FORMS, KINDS, PHI, cosine, gradients, pair, put_random, random_batch

from learners import attention_seeking
from learners.attention_seeking import ATTENTIONS, alignment, seeking
from learners.base import Learner
from learners.dense import dense_network
from learners.top_down import send_down


@pytest.fixture(scope="module")
def batch():
    return random_batch()


def numbers(rows, name):
    return np.array([row[name] for row in rows])


@KINDS
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_alignment_measures_without_a_trace(batch, kind, attention):
    """Attention by definition, the cosine by the ordinary network; no weight changes."""
    plain, attending = pair(kind, "relu", attention)
    before = attending.get_weights()
    rows = alignment(attending, *batch, learning_rate=0.1)
    for ours, true in zip(attending.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, true)
    assert numbers(rows, "layer").tolist() == [1, 2, 3]
    assert numbers(rows, "depth").tolist() == [2, 1, 0]
    if attention not in FORMS:
        both = zip(gradients(attending, batch)[::2], gradients(plain, batch)[::2], strict=True)
        np.testing.assert_allclose(numbers(rows, "cosine"), [cosine(*each) for each in both], atol=1e-5)
    assert rows[2]["cosine"] == pytest.approx(1)
    names = ("attention", "growth", "predicted_growth")
    assert np.isnan([rows[0][name] for name in names]).all()
    for row, kernel in zip(rows[1:], before[2::2], strict=True):
        if attention == "random":
            assert np.isnan([row[name] for name in names]).all()
            continue
        flat = kernel.astype(float).reshape(-1, kernel.shape[-1])
        expected = PHI[attention.partition("-")[0]](flat, flat).sum() / kernel.shape[-2]
        assert row["attention"] == pytest.approx(expected)


@pytest.mark.parametrize("relative", [False, True])
def test_look_ahead_is_measured_by_the_step_that_is_measured(batch, relative):
    """One hidden layer: the signal by the output layer's weights, moved by plain gradient descent, in NumPy."""
    plain = seeking(dense_network([12], (12, 12, 1)), "l2")
    attending = seeking(dense_network([12], (12, 12, 1)), "l2-look-ahead")
    first, bias, second, bias_2 = put_random(plain, 7)
    attending.set_weights(plain.get_weights())
    images, labels = batch[0].reshape(16, -1), batch[1]
    hidden = np.maximum(images @ first + bias, 0)
    p = np.exp(hidden @ second + bias_2)
    delta = (p / p.sum(1, keepdims=True) - np.eye(10)[labels]) / 16
    step = hidden.T @ delta
    step *= np.linalg.norm(second) / np.linalg.norm(step) if relative else 1
    ours, true = (images.T @ (delta @ kernel.T * (hidden > 0)) for kernel in (second - 0.5 * step, second))
    rows = alignment(attending, *batch, learning_rate=0.5, relative=relative)
    assert rows[0]["cosine"] == pytest.approx(cosine(ours, true), abs=1e-5)
    assert rows[0]["cosine"] < 0.999
    assert rows[1]["cosine"] == pytest.approx(1)


@KINDS
def test_anticipation_is_measured_by_its_own_signals(batch, kind):
    """They are tested in learners/test_top_down.py."""
    plain, attending = pair(kind, "relu", "l2-anticipating")
    _, ours = send_down(Learner(), attending, tf.constant(batch[0]), batch[1], anticipating=True)
    cosines = [cosine(*each) for each in zip(ours[::2], gradients(plain, batch)[::2], strict=True)]
    assert cosines[0] < 0.995
    np.testing.assert_allclose(numbers(alignment(attending, *batch), "cosine"), cosines, atol=1e-5)


@KINDS
def test_growth_is_that_of_a_step_of_gradient_descent(batch, kind):
    """Keras' own SGD takes the step; what the kernels' attention grows by is computed from its weights."""
    _, attending = pair(kind, "tanh", "lp")
    rows = alignment(attending, *batch, learning_rate=0.5)
    before = attending.get_weights()
    compiled = attention_seeking.seeking(attention_seeking.ordinary(attending), "lp")
    compiled.set_weights(before)
    compiled.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    compiled.train_on_batch(*batch)
    for row, old, new in zip(rows[1:], before[2::2], compiled.get_weights()[2::2], strict=True):
        growth = (PHI["lp"](new, old).astype(float) - PHI["lp"](old, old)).sum() / old.shape[-2]
        assert row["growth"] == pytest.approx(growth, rel=1e-3)


@KINDS
def test_a_relative_step_is_as_long_as_a_share_of_the_kernel(batch, kind):
    """Computed from backpropagation's gradient, which l2's is."""
    plain, attending = pair(kind, "tanh", "l2")
    kernels, true = attending.get_weights()[2::2], gradients(plain, batch)[2::2]
    rows = alignment(attending, *batch, learning_rate=0.01, relative=True)[1:]
    for row, kernel, gradient in zip(rows, kernels, true, strict=True):
        step = -0.01 * np.linalg.norm(kernel) / np.linalg.norm(gradient) * gradient.astype(float)
        growth = (PHI["l2"](kernel + step, kernel) - PHI["l2"](kernel.astype(float), kernel)).sum() / kernel.shape[-2]
        assert row["growth"] == pytest.approx(growth, rel=1e-3)


@KINDS
@pytest.mark.parametrize("attention", ["l1", "l1_scaled"])
def test_l1_grows_exactly_as_predicted(batch, kind, attention):
    """As long as no weight changes its sign, which a rate so small makes sure of."""
    _, attending = pair(kind, "tanh", attention)
    rows = alignment(attending, *batch, learning_rate=1e-6)[1:]
    assert np.abs(numbers(rows, "growth")).min() > 0
    np.testing.assert_allclose(numbers(rows, "growth"), numbers(rows, "predicted_growth"), rtol=1e-6)


@KINDS
@pytest.mark.parametrize("attention", ["l2", "lp", "soft"])
def test_what_the_prediction_misses_shrinks_with_the_rate(batch, kind, attention):
    """The remainder's share in the growth is in proportion to the learning rate, as it is of second order."""
    _, attending = pair(kind, "tanh", attention)
    shares = []
    for rate in (1e-3, 1e-4):
        rows = alignment(attending, *batch, learning_rate=rate)[1:]
        shares.append(numbers(rows, "growth") / numbers(rows, "predicted_growth") - 1)
    assert np.abs(shares[0]).min() > 1e-6
    np.testing.assert_allclose(shares[0] / shares[1], 10, rtol=0.1)


@KINDS
def test_shares_are_a_zero_sum_game(batch, kind):
    """Every receiver's shares add up to 1, before a step and after it, but neurons who ignore that expect growth."""
    _, attending = pair(kind, "tanh", "share")
    rows = alignment(attending, *batch, learning_rate=0.1)[1:]
    kernels = [array for array in attending.get_weights() if array.ndim > 1][1:]
    receivers = [kernel.shape[-1] / kernel.shape[-2] for kernel in kernels]
    np.testing.assert_allclose(numbers(rows, "attention"), receivers, rtol=1e-12)
    np.testing.assert_allclose(numbers(rows, "growth"), 0, atol=1e-12)
    assert np.abs(numbers(rows, "predicted_growth")).min() > 1e-6


def test_prediction_is_the_sum_over_activations_and_signals():
    """Equation (2) as the neurons below see it: rate * sum over examples of a_j times s_j = sum over k of phi' e_k."""
    network = seeking(dense_network([7], (5,), 3, "tanh"), "l1")
    first, bias, second, bias_2 = put_random(network, 4, spread=1)
    rng = np.random.default_rng(6)
    inputs, labels = rng.normal(size=(11, 5)).astype("f4"), rng.integers(0, 3, 11)
    hidden = np.tanh(inputs @ first + bias)
    p = np.exp(hidden @ second + bias_2)
    e = (np.eye(3)[labels] - p / p.sum(1, keepdims=True)) / 11
    growths = 0.05 * (hidden * (e @ np.sign(second).T)).sum(axis=0)
    rows = alignment(network, inputs, labels, learning_rate=0.05)
    assert rows[1]["predicted_growth"] == pytest.approx(growths.mean(), rel=1e-4)
