"""The compiled evaluation against the definition, Keras' layers in float64, and itself on other threads."""

import os
import shutil
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import PROJECT

import models
from config import Config
from learners.cnn import convolutional_network
from nodes.evaluation import fused
from settings.random_streams import generator


def weights_of(seed, scale=0.1):
    """Random kernels and biases, large enough that no unit is idle and rounding shows."""
    rng = np.random.default_rng(seed)
    shapes = [variable.shape for variable in convolutional_network().trainable_variables]
    return [rng.normal(0, scale, shape).astype(np.float32) for shape in shapes]


def images_of(count):
    return np.random.default_rng(count).random((count, 28, 28, 1), dtype=np.float32)


def exact_logits(weights, images):
    network = convolutional_network(dtype="float64")
    network.layers[-1].activation = keras.activations.linear
    network.set_weights(weights)
    return network.predict(images.astype(float), verbose=0)


def test_filtering_is_the_correlation_by_definition():
    rng = np.random.default_rng(0)
    data, taps = rng.normal(size=8), rng.normal(size=5)
    evaluated = np.zeros(8)
    fused.at_points.py_func(data, 0, 1, 0, evaluated, 1)
    found = fused.outputs.py_func(evaluated * (fused.KERNEL @ taps), 0, 1)
    expected = [sum(data[i + j] * taps[j] for j in range(5)) for i in range(4)]
    np.testing.assert_allclose(found, expected, atol=2e-5)  # Numba hands single precision on


@pytest.mark.parametrize("count", [1, 16, 35])
def test_logits_equal_those_of_keras_in_float64(count):
    """Also where the images do not fill their last block."""
    weights, images = weights_of(1), images_of(count)
    expected = exact_logits(weights, images)
    assert (expected.max(1) - expected.min(1)).min() > 1  # the classes differ
    network = fused.FusedNetwork(images, 1, 0, 0)
    classes, doubtful = network(weights)
    np.testing.assert_allclose(network.logits, expected, atol=2e-5 * abs(expected).max())
    assert classes.tolist() == expected.argmax(1).tolist()
    assert not doubtful.any()


def test_images_are_in_doubt_by_their_margin():
    """With the share between those of two images, by sorted margins in float64."""
    weights, images = weights_of(2), images_of(50)
    logits = np.sort(exact_logits(weights, images), axis=1)
    margins = logits[:, -1] - logits[:, -2]
    shares = margins / (np.maximum(logits[:, -1], 0) - np.minimum(logits[:, 0], 0))
    middle = np.sort(shares)[24:26].mean()
    assert (fused.FusedNetwork(images, 1, middle, 0)(weights)[1] == (shares < middle)).all()
    middle = np.sort(margins)[24:26].mean()
    assert (fused.FusedNetwork(images, 1, 0, middle)(weights)[1] == (margins < middle)).all()


def test_the_same_bits_on_one_and_two_threads():
    weights, images, logits = weights_of(3), images_of(40 * fused.LANES), []
    for threads in (1, 2, 2):
        network = fused.FusedNetwork(images, threads, 0, 0)
        network(weights)
        logits.append(network.logits.copy())
    assert logits[0].tobytes() == logits[1].tobytes() == logits[2].tobytes()


@pytest.mark.slow
def test_the_kernel_is_in_vector_instructions():
    """Without them it takes more than twice as long as TensorFlow; with them, a fifth to a third.

    The least processor time of some alternating repetitions counts, which other processes hardly disturb.
    """
    images = images_of(1600)
    model = models.local_foundation_model(Config())
    vector = model.initial_weights(generator(0, "weights", 1))
    network, weights = fused.FusedNetwork(images, 2, 0, 0), weights_of(4)
    tensor, labels = tf.constant(images), tf.zeros(len(images), tf.int64)
    ours, theirs = [], []
    for _ in range(15):
        for seconds, call in (
            (ours, lambda: network(weights)),
            (theirs, lambda: _count(model, vector, tensor, labels)),
        ):
            started = time.process_time()
            call()
            seconds.append(time.process_time() - started)
    assert min(theirs) / min(ours) > 1.5


def _count(model, vector, images, labels):
    return int(model.count_correct(vector, images, labels, 250))


@pytest.mark.parametrize("cache", ["unwritable", "damaged"])
def test_it_is_compiled_in_memory_where_there_is_no_cache(cache, tmp_path):
    """From a folder of its own, as of a read-only installation; a file instead of a folder stops root too."""
    shutil.copy(PROJECT / "nodes" / "evaluation" / "fused.py", tmp_path / "fused.py")
    (tmp_path / "settings").symlink_to(PROJECT / "settings")
    file = tmp_path / "file"
    file.touch()
    if cache == "unwritable":
        (tmp_path / "__pycache__").touch()
    else:
        line = fused.evaluate.__code__.co_firstlineno
        (tmp_path / "__pycache__").mkdir()
        name = f"fused.evaluate-{line}.py{sys.version_info[0]}{sys.version_info[1]}{sys.abiflags}.nbi"
        (tmp_path / "__pycache__" / name).write_bytes(b"not a pickle")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
    if cache == "unwritable":
        environment |= {"HOME": str(file), "XDG_CACHE_HOME": str(file), "NUMBA_CACHE_DIR": str(file / "cache")}
    program = (
        "import fused, numpy; images = numpy.zeros((1, 28, 28, 1), 'f4'); print(fused.compiled().stats.cache_path)"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "None\n", "")
