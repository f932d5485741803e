"""Neurons that seek attention, against ordinary Keras networks, hand computation and numeric differentiation."""

import numpy as np
import pytest
import tensorflow as tf
from attention_networks import FORMS, KINDS, PHI, WITH_PHI, backward, cosine, gradients, pair, put_random, random_batch

import models
from config import Config
from data import normalise
from learners import VARIANTS, attention_seeking
from learners.attention_seeking import ATTENTIONS, AttentionConv2D, AttentionDense, seeking
from learners.dense import dense_network
from settings.random_streams import generator


@pytest.fixture(scope="module")
def batch():
    return random_batch()


@KINDS
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("graph", [True, False])
def test_l2_is_backpropagation(batch, kind, activation, graph):
    plain, attending = pair(kind, activation, "l2")
    for ours, true in zip(gradients(attending, batch, graph), gradients(plain, batch, graph), strict=True):
        assert np.abs(true).max() > 1e-4
        np.testing.assert_allclose(ours, true, atol=1e-6)


@KINDS
@pytest.mark.parametrize("attention", [name for name in ATTENTIONS if name not in FORMS])
def test_a_layer_reads_its_weights_once(batch, kind, attention):
    """Keras' own training need not let an update of the weights wait for a second read."""
    _, attending = pair(kind, "relu", attention)
    operations = tf.function(backward(attending, batch)).get_concrete_function().graph.get_operations()
    assert sum(each.type == "ReadVariableOp" for each in operations) == len(attending.trainable_variables)


@KINDS
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_outputs_are_those_of_keras_layers(batch, kind, attention):
    plain, attending = pair(kind, "relu", attention)
    outputs = plain(batch[0]).numpy()
    assert np.ptp(outputs) > 0.05
    np.testing.assert_array_equal(attending(batch[0]).numpy(), outputs)


@KINDS
def test_l1_is_parallel_to_the_gradient_where_all_weights_are_of_one_size(batch, kind):
    plain, attending = pair(kind, "tanh", "l1")
    signs = [np.sign(array) * 0.05 * (1 + number) for number, array in enumerate(plain.get_weights())]
    plain.set_weights(signs)
    attending.set_weights(signs)
    for ours, true in zip(gradients(attending, batch), gradients(plain, batch), strict=True):
        assert cosine(ours, true) == pytest.approx(1, abs=1e-5)
    assert not np.allclose(gradients(attending, batch)[0], gradients(plain, batch)[0], rtol=0.5)  # not as long


def test_l1_signal_of_two_layers_by_hand():
    """One example x = (1, 2); hidden z = (0.5, -1, 1), so that ReLU lets 1 and 3 through; output p - t by softmax."""
    first = np.array([[0.5, 1, -1], [0, -1, 1]], "f4")
    second = np.array([[2, -3], [5, 5], [-0.1, 4]], "f4")
    network = seeking(dense_network([3], (2,), 2), "l1")
    network.set_weights([first, np.zeros(3), second, np.zeros(2)])
    example = np.array([[1, 2]], "f4"), np.array([1])
    below, _, top, top_bias = gradients(network, example)
    logits = np.array([0.5 * 2 + 1 * -0.1, 0.5 * -3 + 1 * 4])
    p = np.exp(logits) / np.exp(logits).sum()
    delta = p - [0, 1]  # what the output neurons send
    attention = [delta[0] - delta[1], 0, -delta[0] + delta[1]]  # by the signs of second; the hidden neuron 2 is silent
    np.testing.assert_allclose(top_bias, delta, rtol=1e-5)
    np.testing.assert_allclose(top, np.outer([0.5, 0, 1], delta), rtol=1e-5)
    np.testing.assert_allclose(below, np.outer([1, 2], attention), rtol=1e-5)


@pytest.mark.parametrize("attention", WITH_PHI)
def test_slopes_by_numeric_differentiation(attention):
    """One synapse after the other moves; "share" is the effect on its own share."""
    kernel = np.random.default_rng(1).normal(0, 0.5, (4, 3))
    assert np.abs(kernel).min() > 1e-3
    measured = np.zeros((4, 3))
    for synapse in np.ndindex(4, 3):
        step = np.zeros((4, 3))
        step[synapse] = 1e-5
        ends = (PHI[attention](kernel + sign * step, kernel)[synapse] for sign in (1, -1))
        measured[synapse] = np.subtract(*ends) / 2e-5
    slope = attention_seeking.attention_slope(attention, tf.constant(kernel))
    np.testing.assert_allclose(slope, measured, rtol=1e-6)
    moved = kernel * 1.3 + 0.1
    paid = attention_seeking.attention_paid(attention, tf.constant(moved), tf.constant(kernel))
    np.testing.assert_allclose(paid, PHI[attention](moved, kernel), rtol=1e-12)


def test_power_of_lp():
    kernel = np.array([[0.25, -4.0]])
    slope = attention_seeking.attention_slope("lp", tf.constant(kernel))
    np.testing.assert_allclose(slope, [[0.5, -2]])
    inputs = tf.Variable([[1.0]])
    layer = AttentionDense("lp", units=2)
    layer.build((1, 1))
    layer.set_weights([kernel, np.zeros(2)])
    with tf.GradientTape() as tape:
        outputs = layer(inputs)
    np.testing.assert_allclose(tape.gradient(outputs, inputs), [[0.5 - 2]], rtol=1e-6)


@pytest.mark.parametrize("attention", WITH_PHI)
@pytest.mark.parametrize("options", [{"strides": 2, "padding": "same"}, {}])
def test_convolution_sends_a_transposed_one_with_the_slopes(attention, options):
    rng = np.random.default_rng(2)
    inputs, kernel = rng.normal(size=(2, 7, 7, 3)).astype("f4"), rng.normal(size=(3, 3, 3, 5)).astype("f4")
    layer = AttentionConv2D(attention, filters=5, kernel_size=3, **options)
    layer.build((None, 7, 7, 3))
    layer.set_weights([kernel, np.zeros(5)])
    with tf.GradientTape() as tape:
        watched = tf.constant(inputs)
        tape.watch(watched)
        outputs = layer(watched)
    signal = rng.normal(size=outputs.shape).astype("f4")
    # A filter's weights are one receiver's synapses: [27, 5].
    flat, step = kernel.astype(float).reshape(27, 5), 1e-6
    slopes = np.zeros((27, 5))
    for synapse in np.ndindex(27, 5):
        up, down = flat.copy(), flat.copy()
        up[synapse] += step
        down[synapse] -= step
        slopes[synapse] = (PHI[attention](up, flat) - PHI[attention](down, flat))[synapse] / (2 * step)
    expected = tf.nn.conv2d_transpose(
        signal,
        slopes.reshape(kernel.shape).astype("f4"),
        inputs.shape,
        options.get("strides", 1),
        options.get("padding", "valid").upper(),
    )
    np.testing.assert_allclose(tape.gradient(outputs, watched, signal), expected, rtol=1e-4, atol=1e-4)


def test_random_attention_is_fixed_and_not_the_gradient(batch):
    """What a layer sends down for a signal is the same whatever its weights, and another layer sends another."""

    def sent(network, number, signal):
        layer = [layer for layer in network.layers if isinstance(layer, AttentionDense)][number]
        inputs = tf.zeros((1, layer.kernel.shape[0]))
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
        return tape.gradient(outputs, inputs, signal).numpy()

    def build(seed=0):
        return seeking(dense_network([9, 9, 9], activation="linear"), "random", seed)

    network, again = build(), build()
    signal = np.random.default_rng(5).normal(size=(1, 9)).astype("f4")
    put_random(network, 1, spread=3)
    before = sent(network, 1, signal)
    first_weights = [np.abs(array) for array in again.get_weights() if array.ndim > 1]
    put_random(network, 2)
    np.testing.assert_array_equal(sent(network, 1, signal), before)
    np.testing.assert_array_equal(sent(again, 1, signal), before)
    assert np.abs(sent(again, 2, signal) - before).max() > 0.1
    assert np.abs(sent(build(seed=1), 1, signal) - before).max() > 0.1
    fixed = np.abs(np.concatenate([sent(again, 1, np.eye(9, dtype="f4")[[unit]]) for unit in range(9)]))
    assert 0.7 < fixed.mean() / first_weights[1].mean() < 1.4
    plain, attending = pair("dense", "tanh", "random")
    for ours, true in zip(gradients(attending, batch)[:2], gradients(plain, batch)[:2], strict=True):
        assert abs(cosine(ours, true)) < 0.6


def test_an_unknown_attention_is_refused():
    with pytest.raises(ValueError, match="attention must be one of l1_scaled, l1, "):
        seeking(dense_network([5]), "l3")


@pytest.mark.parametrize("variant", ATTENTIONS)
def test_local_training(dataset, variant):
    """The loss falls, the same training gives the same weights, and only l2 learns as the ordinary model does."""
    config = Config(learner="attention-seeking", learner_variant=variant)
    model = models.local_foundation_model(config)
    assert model.size == 33_580
    start = model.initial_weights(generator(0, "weights", 1))
    images, labels = tf.constant(normalise(dataset.x_train[:64])), tf.constant(dataset.y_train[:64].astype(np.int64))
    order = np.arange(64, dtype=np.int32)[np.newaxis]
    weights, state, losses = start, model.initial_state(), []
    for _ in range(6):
        weights, state, loss = model.train(weights, state, images, labels, order, 16)
        losses.append(float(loss))
    assert losses[-1] < losses[0] - 0.1
    once, *_ = model.train(start, model.initial_state(), images, labels, order, 16)
    twice, *_ = model.train(start, model.initial_state(), images, labels, order, 16)
    np.testing.assert_array_equal(once, twice)
    other = models.local_foundation_model(Config())
    plain, *_ = other.train(start, other.initial_state(), images, labels, order, 16)
    assert np.allclose(once, plain, atol=1e-5) == (variant == "l2")
    counts = [int(each.count_correct(weights, images, labels, 32)) for each in (model, other)]
    assert counts[0] == counts[1]


def test_default_variant():
    model = models.local_foundation_model(Config(learner="attention-seeking"))
    attending = [layer.attention for layer in model.network.layers if isinstance(layer, attention_seeking.Attending)]
    assert attending == ["l1_scaled"] * 3
    assert VARIANTS["attention-seeking"][0] == "l1_scaled"
