"""Checked evaluation: the network decides exactly where its faster twin is in doubt."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from learners.evaluation import Evaluator


@pytest.fixture(scope="module")
def models():
    """A network and a twin that is spoilt, to show which of the two decided; 40 images; the classes by each [40]."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    network, twin = (
        keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(10, "softmax")]) for _ in range(2)
    )
    images = np.random.default_rng(0).normal(size=(40, 4, 4, 1)).astype(np.float32)
    outputs = twin.predict(images, verbose=0)
    right, wrong = network.predict(images, verbose=0).argmax(1), outputs.argmax(1)
    logits = np.sort(np.log(outputs), axis=1)
    shares = (logits[:, -1] - logits[:, -2]) / (logits[:, -1] - logits[:, 0])
    assert (right != wrong).sum() > 20
    return network, twin, tf.constant(images), right, wrong, shares


@pytest.mark.parametrize("checked", [0, 1, 12, 40])
def test_the_least_certain_images_are_checked(models, checked):
    network, twin, images, right, wrong, shares = models
    order = np.argsort(shares)
    between = np.mean([0, *shares[order], 2][checked : checked + 2])  # as many shares are below it
    expected = wrong.copy()
    expected[order[:checked]] = right[order[:checked]]
    evaluate = tf.function(Evaluator(network, twin, between).classes)
    assert (evaluate(images).numpy() == expected).all()


def test_one_image_in_doubt_lets_its_whole_batch_be_checked(models):
    network, twin, images, right, wrong, shares = models
    evaluate = tf.function(Evaluator(network, twin, shares.min() * 1.001, whole_batch=True).classes)
    assert (evaluate(images).numpy() == right).all()
    sure = shares > shares.min()
    assert (evaluate(images[sure]).numpy() == wrong[sure]).all()


def test_without_a_share_the_twin_decides(models):
    network, twin, images, right, wrong, _ = models
    assert (Evaluator(network, twin).classes(images).numpy() == wrong).all()
    assert (Evaluator(network).classes(images).numpy() == right).all()
