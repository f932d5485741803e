"""What holds for every local learner: whole runs log, plot and repeat; equal seeds draw equally."""

import time

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from helpers import run

from data import normalise
from learners import CONVOLUTIONAL, VARIANTS, make_learner
from learners.base import Learner
from models import VectorModel
from reporting.run_figures import label
from runs.comparison import equal
from settings.errors import UsageError

DRAWING = ("kde", "pseudo-attention")  # learners of which some variants draw at random


@pytest.mark.slow
def test_whole_runs(tiny, dataset, finished, tmp_path, unrendered):
    """Two runs write the same logs, other ones than the default model's, and the figures."""
    for learner in [name for name in VARIANTS if name != "cnn"]:
        flags = [*tiny, "--episodes", 1, "--goal", 0.99, "--learner", learner]
        run(*flags, "--figure-every", 0, "--run-dir", tmp_path / learner)
        run(*flags, "--run-dir", tmp_path / "again" / learner)
        assert equal(tmp_path / learner, tmp_path / "again" / learner), learner
        rounds = pd.read_csv(tmp_path / learner / "rounds.csv")
        assert len(rounds) == 5
        assert rounds["accuracy"].between(0.02, 0.99).all()
        assert set(rounds["learner"]) == {learner}
        assert label(rounds) == f"dqn, disjoint split, other-{dataset.sha256()[:8]}, {learner}, seed 0"
        assert rounds["loss"][0] != pd.read_csv(finished / "rounds.csv")["loss"][0]
        figures = {path.name for path in (tmp_path / learner / "figures").iterdir()}
        assert {"accuracy_over_rounds.pdf", "node_models.png"} <= figures


@pytest.mark.parametrize(("name", "variant"), [(name, variant) for name in DRAWING for variant in VARIANTS[name]])
def test_training_repeats_with_equal_draws(name, variant, dataset):
    learner = make_learner(name, variant)
    model = VectorModel(learner.build(), keras.optimizers.Adam(1e-3), learner)
    weights, images = model.initial_weights(np.random.default_rng(0)), normalise(dataset.x_train[:40])
    labels, order = dataset.y_train[:40].astype(np.int64), np.arange(40, dtype=np.int32)[None]

    def train(draws):
        draws = np.array(draws, np.uint32)
        return model.train(weights, model.initial_state(), images, labels, order, 16, draws)[0].numpy()

    one, again, other = train([1, 2]), train([1, 2]), train([3, 4])
    assert (one == again).all()
    assert np.abs(one - weights).max() > 1e-3
    assert (one == other).all() == (variant in ("plain", "mapped", "unmapped"))
    assert (model.predict(one, images).numpy() == model.predict(one, images).numpy()).all()


class Normalised(Learner):
    """A user's learner with a layer whose gains would switch the network off if they started at zero."""

    def build(self, shape=(28, 28, 1), classes=10):
        inputs = keras.Input(shape)
        hidden = keras.layers.Dense(4)(keras.layers.Flatten()(inputs))
        hidden = keras.layers.LayerNormalization()(hidden)
        return keras.Model(inputs, keras.layers.Dense(classes, "softmax")(hidden))


def test_layers_below_a_normalising_layer_learn(dataset):
    learner = Normalised()
    model = VectorModel(learner.build(), keras.optimizers.Adam(1e-3), learner)
    weights, images = model.initial_weights(np.random.default_rng(0)), normalise(dataset.x_train[:40])
    labels, order = dataset.y_train[:40].astype(np.int64), np.arange(40, dtype=np.int32)[None]
    trained, _, _ = model.train(weights, model.initial_state(), images, labels, order, 16, np.zeros(2, np.uint32))
    kernel = slice(0, 784 * 4)
    assert np.abs((trained - weights)[kernel]).max() > 1e-3


class Late(keras.layers.Dense):
    """A dense layer that sends its ordinary signal down, but reads its kernel for it a tenth of a second late."""

    def call(self, inputs):
        @tf.custom_gradient
        def multiply(inputs, kernel):
            def signals(signal):
                with tf.control_dependencies([tf.numpy_function(lambda: time.sleep(0.1), [], [])]):
                    now = tf.convert_to_tensor(self.kernel)
                return tf.matmul(signal, now, transpose_b=True), tf.matmul(inputs, signal, transpose_a=True)

            return tf.matmul(inputs, kernel), signals

        return self.activation(multiply(inputs, tf.convert_to_tensor(self.kernel)))


def test_weights_change_only_after_the_last_signal_was_sent(dataset):
    """TensorFlow's graph optimizer does not let an update of weights wait for a second read of them."""
    images, labels = normalise(dataset.x_train[:32]), dataset.y_train[:32].astype(np.int64)
    order, trained = np.arange(32, dtype=np.int32)[None], []
    for kind in (keras.layers.Dense, Late):
        layers = [keras.layers.Dense(8), kind(10, activation="softmax", use_bias=False)]
        network = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), *layers])
        model = VectorModel(network, keras.optimizers.SGD(0.5), Learner())
        start = model.initial_weights(np.random.default_rng(0))
        trained.append(model.train(start, model.initial_state(), images, labels, order, 16)[0].numpy())
    np.testing.assert_allclose(trained[1], trained[0], atol=1e-6)
    assert np.abs(trained[0] - start).max() > 0.1


SHAPES = {"cnn": (16, 16, 1), "attention-seeking": (20, 30, 3)}


@pytest.mark.parametrize(("name", "variant"), [(name, variant) for name in VARIANTS for variant in VARIANTS[name]])
def test_networks_follow_the_shape_of_the_images_and_the_classes(name, variant):
    """For CIFAR-10's images in four classes, and for a grey or a small shape."""
    for shape in ((32, 32, 3), SHAPES.get(name, (6, 9, 1))):
        learner = make_learner(name, variant)
        network = learner.build(shape, 4)
        images, labels = np.random.default_rng(0).random((5, *shape), np.float32), np.array([0, 1, 2, 3, 3])
        outputs = network(images)
        assert outputs.shape == (5, 4)
        np.testing.assert_allclose(keras.ops.sum(outputs, -1), 1, atol=1e-5)
        assert learner.losses(labels, outputs).shape == (5,)
        first = network.trainable_variables[0].shape
        if name in CONVOLUTIONAL:
            assert first == (5, 5, shape[-1], 20)
        else:
            assert first[0] == np.prod(shape)


def test_images_that_are_too_small_for_the_convolutions_are_refused():
    with pytest.raises(
        UsageError, match=r"images of 15 x 30 pixels are too small .* needs 16 x 16; enlarge .* such as dense"
    ):
        make_learner("cnn").build((15, 30, 3), 4)
    with pytest.raises(UsageError, match="too small"):
        make_learner("attention-seeking").build((30, 15, 3), 4)
