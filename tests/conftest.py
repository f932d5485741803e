"""What test files share: a tiny data set, a finished run on it, runs for reports, TensorFlow as a run starts it."""

import dataclasses
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import main
from config import Config
from data import Dataset
from datasets.files import ARRAYS
from runs.logs import EPISODE_METRICS
from runs.schemas import SCHEMA
from settings.presets import PRESETS
from settings.quiet_import import import_tensorflow_quietly

import_tensorflow_quietly()  # before any other import of it, for its settings are those of the first
import tensorflow as tf  # noqa: E402

import models  # noqa: E402

PROJECT = Path(__file__).parent.parent
TIMES = ["train_seconds", "evaluate_seconds", "round_seconds"]


def pytest_configure():
    models.start_tensorflow(threads=2)


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


def run(*arguments):
    assert main.main([str(argument) for argument in arguments]) == 0


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


def assert_rounds_fit(rounds, goal):
    """Checks rewards and distances of a rounds.csv against the specification's formulas."""
    np.testing.assert_allclose(rounds["reward"], 32 ** (rounds["accuracy"] - goal) - rounds["distance"] - 1, atol=1e-6)
    uniform = np.random.RandomState(0).rand(10, 10) / 10
    between = (uniform + uniform.T) / 2 * (1 - np.eye(10))
    np.testing.assert_allclose(rounds["distance"], between[rounds["previous_node"], rounds["node"]], atol=1e-12)


def start(*arguments, **changes):
    command = [sys.executable, str(PROJECT / "main.py"), *map(str, arguments)]
    return subprocess.Popen(command, text=True, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | changes)


def tables(folder):
    """Returns rounds.csv and episodes.csv without the times."""
    rounds, episodes = pd.read_csv(folder / "rounds.csv"), pd.read_csv(folder / "episodes.csv")
    return rounds.drop(columns=TIMES), episodes.drop(columns="seconds")


def same(one, other):
    return all(left.equals(right) for left, right in zip(tables(one), tables(other), strict=True))


def refuse(capfd, *arguments):
    """Runs a command line that has to be refused; returns its one line on stderr."""
    try:
        code = main.main([str(argument) for argument in arguments])
    except SystemExit as exit_:
        code = exit_.code
    line = capfd.readouterr().err
    assert code == 2
    assert line.startswith("main.py: error: ")
    assert line.count("\n") == 1
    return line


def write_run(folder, policy, seed, rounds, costs, limit=36, preset="paper", **changes):
    """Writes the files of a finished run with these rounds and costs of its episodes, numbered from 1 or, where the
    agent turns greedy after as many, from the first greedy one."""
    path = folder / f"{policy}-{preset}-{changes.get('drop_rate', '')}{changes.get('split', '')}-seed{seed}"
    path.mkdir(parents=True)
    config = Config(**PRESETS[preset] | {"policy": policy, "seed": seed} | changes)
    description = {
        "schema": SCHEMA,
        "config": dataclasses.asdict(config),
        "end": "2026-01-01",
        "dataset": "mnist",
        "preset": preset,
    }
    description |= {"processor": "abacus", "git_commit": "0123456789", "dataset_sha256": "cafe", "resumed": []}
    (path / "run.json").write_text(json.dumps(description))
    episodes = pd.DataFrame({"rounds": rounds, "communication_cost": costs})
    first = config.greedy_from if config.greedy_from > len(rounds) else 1
    episodes["episode"] = np.arange(first, first + len(rounds))
    episodes["reached_goal"] = episodes["rounds"] < limit
    episodes["final_accuracy"] = np.where(episodes["reached_goal"], 0.8, 0.75)
    for metric in EPISODE_METRICS:
        if metric.name not in episodes:
            episodes[metric.name] = getattr(config, metric.name, 1.0)
    episodes.to_csv(path / "episodes.csv", index=False)
    return path


@pytest.fixture
def folder(tmp_path):
    """Five seeds: DQN's last 20 episodes need 10, 12, 11, 10, 12 rounds at half the cost of random's 20, 24, ..."""
    for seed, rounds in enumerate([10, 12, 11, 10, 12]):
        write_run(tmp_path, "dqn", seed, [30] * 5 + [rounds] * 20, [1.0] * 5 + [0.4] * 20)
        write_run(tmp_path, "random", seed, [2 * rounds - 1, 2 * rounds + 1], [0.9, 0.7])
        write_run(tmp_path, "standalone", seed, [36, 36], [0, 0])
    return tmp_path
