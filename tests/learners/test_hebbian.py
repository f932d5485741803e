"""The Hebbian-like rule against its formula in NumPy and against the gradient of the cross-entropy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from data import normalise
from learners.hebbian import LocalLearner
from models import VectorModel

SHAPE = (4, 3, 1)


def examples(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, *SHAPE)).astype("f4"), rng.integers(0, 5, count)


def built(variant, seed=0, **options):
    """Returns a learner for five classes and its network, with random weights."""
    learner = LocalLearner(variant, **options)
    network = learner.build(SHAPE, 5)
    rng = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return learner, network


def values(network):
    return [variable.numpy().astype(float) for variable in network.trainable_variables]


def change(learner, network, images, labels):
    """Returns by how much one update changes each kernel."""
    before = values(network)
    learner.update(network, tf.constant(images), tf.constant(labels))
    return [after - kernel for after, kernel in zip(values(network), before, strict=True)]


@pytest.mark.parametrize("variant", ["one-layer", "two-layer"])
@pytest.mark.parametrize("rate", [1e-3, 10.0])
@pytest.mark.parametrize("batch", [1, 32])
def test_step_has_length_one(variant, rate, batch):
    learner, network = built(variant, rate=rate)
    changes = change(learner, network, *examples(batch))
    assert len(changes) == (2 if variant == "two-layer" else 1)
    for kernel in changes:
        assert np.linalg.norm(kernel) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("variant", ["one-layer", "one-layer-unnormalised"])
def test_one_layer_follows_the_gradient(variant):
    """That of the mean cross-entropy of the logits, which Keras computes here."""
    learner, network = built(variant)
    images, labels = examples(16)
    kernel = tf.Variable(network.trainable_variables[0])
    with tf.GradientTape() as tape:
        logits = tf.reshape(images, (16, 12)) @ kernel
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True))
    gradient = tape.gradient(loss, kernel).numpy()
    (step,) = change(learner, network, images, labels)
    cosine = -(step * gradient).sum() / np.linalg.norm(step) / np.linalg.norm(gradient)
    assert cosine == pytest.approx(1, abs=1e-5)
    if variant.endswith("unnormalised"):
        np.testing.assert_allclose(step, -1e-3 * gradient, atol=1e-7)


@pytest.mark.parametrize("normalised", [True, False])
def test_two_layers_by_their_formulas(normalised):
    learner, network = built("two-layer" if normalised else "two-layer-unnormalised", rate=0.05)
    images, labels = examples(6)
    first, last = values(network)
    features = images.reshape(6, 12).astype(float)
    hidden = features @ first
    outputs = special.softmax(hidden * (1 + special.erf(hidden / np.sqrt(2))) / 2 @ last, axis=1)

    def moved(kernel, inputs, signal):
        step = 0.05 * inputs.T @ signal
        return kernel + (step / np.linalg.norm(step) if normalised else step)

    first = moved(first, features, features @ first)
    last = moved(last, features @ first, (np.eye(5)[labels] - outputs) / 6)
    returned = learner.update(network, tf.constant(images), tf.constant(labels))
    np.testing.assert_allclose(returned, outputs, atol=1e-5)  # from before the update
    for kernel, expected in zip(values(network), (first, last), strict=True):
        np.testing.assert_allclose(kernel, expected, atol=1e-4)


def test_training_equals_a_loop():
    """Two epochs of batches of 8, 8 and 4 through VectorModel; the optimizer takes no part."""
    learner, network = built("one-layer")
    images, labels = examples(20)
    model = VectorModel(network, keras.optimizers.Adam(1e-3), learner)
    weights = model.initial_weights(np.random.default_rng(3))
    order = np.stack([np.random.default_rng(epoch).permutation(20) for epoch in (0, 1)]).astype(np.int32)
    trained, state, loss = model.train(weights, model.initial_state(), images, labels, order, 8)
    kernel, losses = weights.numpy().reshape(12, 5).astype(float), []
    for batch in (order[epoch, start : start + 8] for epoch in (0, 1) for start in (0, 8, 16)):
        features, targets = images[batch].reshape(-1, 12), np.eye(5)[labels[batch]]
        outputs = special.softmax(features @ kernel, axis=1)
        losses += list(-np.log((outputs * targets).sum(1)))
        step = features.T @ (targets - outputs)
        kernel += step / np.linalg.norm(step)
    np.testing.assert_allclose(trained, kernel.ravel(), atol=1e-4)
    assert float(loss) == pytest.approx(np.mean(losses), abs=1e-4)
    assert (state.numpy() == model.initial_state().numpy()).all()


@pytest.mark.parametrize(("variant", "layers"), [("plain", 1), ("two-layer-plain", 2)])
def test_plain_networks_follow_the_optimizer(variant, layers):
    """One step of gradient descent at rate 1 changes the last kernel by minus the gradient, by formula."""
    learner, network = built(variant)
    images, labels = examples(16)
    model = VectorModel(network, keras.optimizers.SGD(1.0), learner)
    kernels = values(network)
    weights = tf.constant(np.concatenate([kernel.ravel() for kernel in kernels]), tf.float32)
    trained, *_ = model.train(weights, model.initial_state(), images, labels, np.arange(16, dtype=np.int32)[None], 16)
    inputs = images.reshape(16, 12).astype(float)
    if layers == 2:
        inputs = inputs @ kernels[0]
        inputs = inputs * (1 + special.erf(inputs / np.sqrt(2))) / 2
    step = inputs.T @ (np.eye(5)[labels] - special.softmax(inputs @ kernels[-1], axis=1)) / 16
    np.testing.assert_allclose((trained - weights)[-60:], step.ravel(), atol=1e-5)


@pytest.mark.parametrize("variant", ["one-layer", "plain"])
def test_backbone_is_frozen_and_its_outputs_are_the_features(variant):
    """Its batch statistics and dropout too stay as they are."""
    layers = keras.layers
    backbone = keras.Sequential(
        [keras.Input(SHAPE), layers.Conv2D(3, 2), layers.BatchNormalization(), layers.Dropout(0.5)]
    )
    before = [array.copy() for array in backbone.get_weights()]
    learner, network = built(variant, backbone=backbone)
    images, labels = examples(16)
    (kernel,) = values(network)
    assert kernel.shape == (3 * 2 * 3, 5)
    features = backbone.predict(images, verbose=0).reshape(16, 18)
    step = features.T @ (np.eye(5)[labels] - special.softmax(features @ kernel, axis=1))
    step /= 16 if variant == "plain" else np.linalg.norm(step)
    model = VectorModel(network, keras.optimizers.SGD(1.0), learner)
    weights, order = tf.constant(kernel.ravel(), tf.float32), np.arange(16, dtype=np.int32)[None]
    trained, *_ = model.train(weights, model.initial_state(), images, labels, order, 16)
    np.testing.assert_allclose(trained - weights, step.ravel(), atol=1e-4)
    for array, expected in zip(backbone.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_it_learns(dataset):
    """The tiny images' classes can be told apart by a linear layer."""
    learner = LocalLearner()
    model = VectorModel(learner.build(), keras.optimizers.Adam(1e-3), learner)
    weights, labels = model.initial_weights(np.random.default_rng(0)), dataset.y_train.astype(np.int64)
    order = np.stack([np.random.default_rng(epoch).permutation(1000) for epoch in range(3)]).astype(np.int32)
    weights, *_ = model.train(weights, model.initial_state(), normalise(dataset.x_train), labels, order, 32)
    outputs = model.predict(weights, normalise(dataset.x_test)).numpy()
    assert (outputs.argmax(1) == dataset.y_test).mean() > 0.8
