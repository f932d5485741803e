"""Measures the rounding error of the fused evaluation: `python -m benchmarks.evaluation_error --out DIR`.

Compares the logits of nodes/evaluation/fused.py and of Keras' layers in float32 with those in float64, on all test
images. The error of a difference of two logits can change the predicted class. The error of an image is the largest
over all pairs of classes, divided by the image's range of logits, zero included. The weights come from episodes of
random policies; large step sizes make them diverge.
"""

import argparse
import dataclasses
import sys
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from config import Config
from data import Dataset, load_dataset, normalise
from reporting.tables import markdown
from runs.presets import PAPER
from settings.random_streams import generator
from studies.command import run

if TYPE_CHECKING:
    import keras

BATCH = 250
WEIGHTS = (  # name, step size of the training, rounds after which it is measured
    ("initial", 1e-3, (0,)),
    ("early", 1e-3, (1, 2, 3, 5, 8)),
    ("late", 1e-3, (16, 24, 32, 40)),
    *((f"diverged, step size {rate:g}", rate, (1, 3, 8, 16, 40)) for rate in (1e-2, 0.1, 1.0, 10.0, 100.0, 1e4)),
)


def measure(config: Config, dataset: Dataset, seeds: int) -> list[tuple]:
    """Returns (weights, seed, round, largest error of fused, of float32, of both together, images in doubt) a row."""
    import keras

    from environment import HomogeneousLearningEnv
    from learners.cnn import convolutional_network
    from models import split_vector
    from nodes.evaluation.evaluators import LEAST, SHARE
    from nodes.evaluation.fused import FusedNetwork
    from policies.rules import random_ranking

    networks = [convolutional_network(dtype=dtype) for dtype in ("float32", "float64")]
    for network in networks:
        network.layers[-1].activation = keras.activations.linear  # logits instead of probabilities
    images = normalise(dataset.x_test)
    fused = FusedNetwork(images, config.threads, SHARE, LEAST)
    rows = []
    for name, rate, rounds in WEIGHTS:
        for seed in range(seeds):
            config = dataclasses.replace(config, seed=seed, learning_rate=rate, goal=1.0, round_limit=41)
            environment = HomogeneousLearningEnv(config, dataset)
            environment.reset()
            for number in range(max(rounds) + 1):
                if number:
                    rng = generator(seed, "exploration", 1, number)
                    finite = environment.step(environment.reach(random_ranking(config, rng)))[-1]["finite"]
                    if not finite:
                        break
                if number not in rounds:
                    continue
                parts = split_vector(environment.weights.numpy(), networks[0].weights)
                logits = [outputs(network, parts, images) for network in networks]
                _, doubtful = fused(parts)
                errors = [spread(each - logits[1]) for each in (fused.logits, logits[0])]
                spans = np.maximum(logits[1].max(1), 0) - np.minimum(logits[1].min(1), 0)
                shares = [float((error / spans).max()) for error in (*errors, sum(errors))]
                rows.append((name, seed, number, *shares, int(doubtful.sum())))
            print(f"{name}, seed {seed}: {rows[-1][3:]}", flush=True)
    return rows


def outputs(network: "keras.Model", parts: list[np.ndarray], images: np.ndarray) -> np.ndarray:
    """Returns a Keras network's outputs [n, 10] for images [n, 28, 28, 1], in float64."""
    for variable, part in zip(network.trainable_variables, parts, strict=True):
        variable.assign(part.astype(variable.dtype))
    batches = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
    return np.concatenate([network(batch.astype(network.dtype)).numpy().astype(float) for batch in batches])


def spread(errors: np.ndarray) -> np.ndarray:
    """Returns the largest error of a difference of two logits [n], from the logits' errors [n, 10]."""
    return errors.max(1) - errors.min(1)


def benchmark(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table and the largest errors for every weights."""
    from nodes.evaluation.evaluators import SHARE

    config = Config(**PAPER | {"threads": options.threads})
    rows = measure(config, load_dataset(config), options.seeds)
    columns = ["weights", "seed", "round", "fused", "float32", "together", "doubtful"]
    table = pd.DataFrame(rows, columns=columns)
    lines = []
    for name, group in table.groupby("weights", sort=False):
        largest = (f"{group[column].max():.1e}" for column in ("fused", "float32", "together"))
        lines.append((name, len(group), *largest, f"{group['doubtful'].mean():.1f}"))
    names = ["weights", "sets", "fused", "Keras' layers", "together", "images in doubt, mean"]
    factor = SHARE / table["together"].max()
    text = markdown(pd.DataFrame(lines, columns=names)) + (
        f"\nLargest errors of a difference of two logits, as shares of the image's range of logits. The share below "
        f"which Keras' layers decide, {SHARE:g}, is {factor:.1f} times the largest of both together.\n"
    )
    return {".md": text, ".csv": table.to_csv(index=False)}


if __name__ == "__main__":
    sys.exit(run("evaluation_error", __doc__, benchmark, seeds=(3, "seeds of each training")))
