"""What test files share: a tiny data set, a finished run on it, runs for reports, TensorFlow as a run starts it."""

import dataclasses
import functools
import os
import random
import signal
import tempfile

import hypothesis
import numpy as np
import pytest
from helpers import run

from config import AgentSettings, Config, ObservationSettings, TrainingSettings
from data import Dataset
from datasets.arrays import ARRAYS
from settings.quiet_import import import_tensorflow_quietly
from settings.user_classes import is_import_path

# Ray replaces 127.0.0.1 by the machine's own address unless it is told that it runs on one machine alone.
# Without RAY_AUTH_MODE it may write a token to the home folder. RAY_ADDRESS points nowhere, and must not matter.
os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
os.environ["RAY_ADDRESS"] = "127.0.0.1:1"
import_tensorflow_quietly()  # before any other import of it, for its settings are those of the first
import tensorflow as tf  # noqa: E402

import models  # noqa: E402


def kept(build, *groups, more=()):
    """Wraps a function that builds a model, so that settings which agree in `groups` and in `more` share one model.

    A model is traced once, which takes a second. Its weights and its state come and go as vectors.
    """
    built = {}
    names = [*more, *(field.name for group in groups for field in dataclasses.fields(group))]

    @functools.wraps(build)
    def builder(config, *arguments):
        if is_import_path(config.learner):  # another test may have another class of this name
            return build(config, *arguments)
        key = (*(getattr(config, name) for name in names), *arguments)
        if key not in built:
            built[key] = build(config, *arguments)
        return built[key]

    return builder


models.local_foundation_model = kept(models.local_foundation_model, TrainingSettings)
models.q_network = kept(models.q_network, TrainingSettings, ObservationSettings, AgentSettings, more=["nodes"])


def pytest_configure():
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it would be ignored, here and in processes of tests
    models.start_tensorflow(threads=2)
    # The same examples every time, however long each takes.
    shared = {"derandomize": True, "deadline": None, "database": None}
    slow = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture]
    hypothesis.settings.register_profile("repeats", **shared, suppress_health_check=slow)
    hypothesis.settings.load_profile("repeats")


def pytest_runtest_setup():
    random.seed(0)  # Keras draws the seeds from here that a test does not give


@pytest.fixture(scope="session")
def dataset():
    """Random images with balanced labels: 3,000 for training, 300 for testing."""
    rng = np.random.default_rng(7)
    arrays = []
    for size in (3000, 300):
        labels = rng.permutation(np.arange(size) % 10).astype(np.uint8)
        images = rng.integers(0, 100, (size, 28, 28))
        images[np.arange(size), labels * 2 + 2] += 120  # a bright row tells the class
        arrays += [images.astype(np.uint8), labels]
    return Dataset("tiny", **dict(zip(ARRAYS, arrays, strict=True)))


@pytest.fixture
def fashion(tmp_path, dataset, monkeypatch):
    """A config for a small .npz, which is taken as Fashion-MNIST's replacement, and the arrays in it."""
    monkeypatch.delenv("HL_DATA", raising=False)
    arrays = {key: getattr(dataset, key).copy() for key in ARRAYS}
    path = tmp_path / "fashion.npz"
    np.savez(path, **arrays)
    return Config(dataset="fashion-mnist", data_path=str(path)), arrays


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, dataset):
    """Flags of a run that takes seconds, on the tiny data set."""
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    np.savez(path, **{key: getattr(dataset, key) for key in ARRAYS})
    flags = {
        "dataset": "fashion-mnist",  # which other data may replace
        "data-path": path,
        "samples-per-node": 40,
        "episodes": 4,
        "round-limit": 5,
        "goal": 0.2,
        "minibatch": 6,
        "agent-batch-size": 4,
        "agent-hidden-units": "16",
        "figure-every": -1,
    }
    return [text for name, value in flags.items() for text in (f"--{name}", str(value))]


@pytest.fixture(scope="session")
def finished(tiny, tmp_path_factory):
    """A finished DQN run, in a process whose global generators have been used."""
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    tf.random.set_seed(5)
    random.random(), np.random.rand(3), tf.random.uniform([3])  # noqa: NPY002
    folder = tmp_path_factory.mktemp("runs") / "finished"
    run(*tiny, "--figure-every", 0, "--run-dir", folder)
    return folder


@pytest.fixture
def unrendered(monkeypatch):
    """Lays figures out and saves empty files, where a test is not about the pictures: rendering takes seconds."""

    def savefig(figure, content, format, **_):
        if format == "png":
            figure.draw_without_rendering()

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", savefig)


@pytest.fixture(scope="session")
def cluster():
    """A Ray cluster of two nodes with two processors each on this machine, on the loopback address."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements-ray.txt")
    from ray.cluster_utils import Cluster

    settings = {"num_cpus": 2, "node_ip_address": "127.0.0.1", "object_store_memory": 100 * 2**20}
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        os.environ["RAY_TMPDIR"] = folder  # where the address "auto" is looked up, so that other clusters do not count
        cluster = Cluster(initialize_head=True, head_node_args=settings | {"include_dashboard": False})
        cluster.add_node(**settings)
        yield cluster
        ray.shutdown()
        cluster.shutdown()
