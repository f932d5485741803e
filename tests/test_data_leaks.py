"""Nothing leaks: test images never train, nodes hold training images alone, tuning seeds are never reported."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from helpers import PROJECT
from hypothesis import given
from hypothesis import strategies as st

from baselines.references import make_environment
from config import Config
from data import normalise, partition
from nodes.local import LocalNodes

RESULTS = PROJECT / "results"
FIRST_TUNING_SEED = 100  # seeds below are reported, these and higher ones choose settings, goals and routes
TUNED_ON = (
    *("ablation-first/per_seed.csv", "ablation-second/per_seed.csv", "floors/*.csv", "goals/*.csv", "sb3/tuning-*.csv"),
    *(f"learners*/runs/{name}.csv.gz" for name in ("rate", "strength", "tuning")),
)


def played(policy, dataset, nodes=(3, 7)):
    """Plays three rounds to a goal out of reach; returns (weights after each round, losses, accuracies)."""
    config = Config(policy=policy, samples_per_node=40, goal=1, round_limit=3, observation="round")
    environment = make_environment(config, dataset)
    environment.reset()
    weights, losses, accuracies = [], [], []
    for action in (0, *nodes):
        *_, info = environment.step(action)
        weights.append(environment.weights.numpy())
        losses.append(info["loss"])
        accuracies.append(info["accuracy"])
    return weights, losses, accuracies


@pytest.mark.parametrize("policy", ["random", "centralized"])
def test_test_images_do_not_change_the_training(policy, dataset):
    """With other test images every weight is the same; only accuracies differ. With other training images none is."""
    noise = np.random.default_rng(0).integers(0, 256, dataset.x_test.shape).astype(np.uint8)
    other = dataclasses.replace(dataset, x_test=noise, y_test=dataset.y_test[::-1].copy())
    (weights, losses, accuracies), (weights_2, losses_2, accuracies_2) = (
        played(policy, each) for each in (dataset, other)
    )
    np.testing.assert_array_equal(weights, weights_2)
    assert losses == losses_2
    assert accuracies != accuracies_2
    untrained = dataclasses.replace(dataset, x_train=255 - dataset.x_train)
    assert losses != played(policy, untrained)[1]


@pytest.mark.parametrize("split", Config.__dataclass_fields__["split"].metadata["choices"])
def test_nodes_hold_training_images_with_their_labels(split, dataset):
    nodes = LocalNodes(Config(samples_per_node=40, split=split, seed=1, world="seed"), dataset)
    held = dataset.x_train[nodes.held]
    np.testing.assert_array_equal(nodes.train_images.numpy(), normalise(held))
    np.testing.assert_array_equal(nodes.train_labels.numpy(), dataset.y_train[nodes.held])
    assert not {image.tobytes() for image in held} & {image.tobytes() for image in dataset.x_test}
    positions = np.stack([nodes.held[rows] for rows in nodes.rows.values()])
    np.testing.assert_array_equal(positions, nodes.partition)


@given(
    images=st.integers(200, 1000),
    split=st.sampled_from(Config.__dataclass_fields__["split"].metadata["choices"]),
    world=st.sampled_from(["authors", "seed"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_partition_holds_positions_of_training_images(images, split, world, seed):
    config = Config(nodes=4, pca_components=4, samples_per_node=15, split=split, world=world, seed=seed)
    held = partition(np.arange(images) % 10, config)
    assert held.dtype.kind == "i"
    assert 0 <= held.min() <= held.max() < images


def seeds_of(pattern):
    """Returns the seeds in the published CSV files of a pattern, by file."""
    return {path: set(pd.read_csv(path)["seed"]) for path in RESULTS.glob(pattern)}


def test_tuning_seeds_are_not_reported():
    reported = {
        path: {described["seed"] for described in json.loads(path.read_text())["runs"].values()}
        for path in RESULTS.glob("**/runs.json")
    }
    for pattern in ("**/per_seed.csv", "**/drives.csv", "learners*/*.csv", "sb3/[!t]*.csv"):
        reported |= seeds_of(pattern)
    for path in [path for pattern in TUNED_ON for path in RESULTS.glob(pattern)]:
        reported.pop(path, None)  # the next test checks these
    folders = {path.parent.name for path in reported}
    assert folders >= {"claims", "learners", "boids", "driving", "sb3"}
    assert len(reported) > 20
    assert not {path: seeds for path, seeds in reported.items() if max(seeds) >= FIRST_TUNING_SEED}


@pytest.mark.parametrize("pattern", TUNED_ON)
def test_tuning_uses_no_reported_seed(pattern):
    tuned = seeds_of(pattern)
    assert tuned
    assert not {path: seeds for path, seeds in tuned.items() if min(seeds) < FIRST_TUNING_SEED}
