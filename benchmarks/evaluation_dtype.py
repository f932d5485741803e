"""How often faster arithmetic changes an accuracy: `python -m benchmarks.evaluation_dtype --out results/benchmarks`.

Lets a random policy run 1,000 rounds, half of them with each split, and evaluates the model after every round by Keras'
layers in float32 and in each other arithmetic named.
"""

import argparse
import dataclasses
import sys

import pandas as pd

from benchmarks.command import run
from config import Config, generator
from data import Dataset, load_dataset

REFERENCE = "float32"


def measure(config: Config, dataset: Dataset, rounds: int, dtypes: list[str]) -> list[tuple]:
    """Returns the images classified correctly in each arithmetic, one row a round."""
    from environment import HomogeneousLearningEnv
    from models import local_foundation_model
    from policies import random_ranking

    environment = HomogeneousLearningEnv(config, dataset)
    by_dtype = {dtype: local_foundation_model(dataclasses.replace(config, evaluation_dtype=dtype)) for dtype in dtypes}
    rows, done = [], True
    while len(rows) < rounds:
        if done:
            environment.reset()
        rng = generator(config.seed, "exploration", environment.episode, environment.round + 1)
        *_, terminated, truncated, _ = environment.step(environment.reach(random_ranking(config, rng)))
        done = terminated or truncated
        counts = (environment.engine.count_correct(model, environment.weights) for model in by_dtype.values())
        rows.append((config.split, environment.episode, environment.round, *counts))
    return rows


def benchmark(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table and the counts of every round."""
    configs = [Config(split=split, seed=options.seed, policy="random") for split in ("disjoint", "published")]
    dataset = load_dataset(configs[0])
    dtypes = [REFERENCE, *options.dtypes.split(",")]
    rows = [row for config in configs for row in measure(config, dataset, options.rounds // 2, dtypes)]
    table = pd.DataFrame(rows, columns=["split", "episode", "round", *dtypes])
    lines = ["| arithmetic | rounds with another accuracy | largest difference, images |", "| --- | --- | --- |"]
    for dtype in dtypes[1:]:
        difference = (table[dtype] - table[REFERENCE]).abs()
        lines.append(f"| {dtype} | {(difference > 0).sum()} of {len(table)} | {difference.max()} |")
    text = "\n".join(lines) + f"\n\nOf {len(dataset.y_test)} test images.\n"
    return {".md": text, ".csv": table.to_csv(index=False)}


if __name__ == "__main__":
    dtypes = ("bfloat16,bfloat16-checked", "evaluation dtypes, separated by commas")
    rounds, seed = (1000, "rounds"), (0, "seed")
    sys.exit(run("evaluation_dtype", __doc__, benchmark, threads=1, rounds=rounds, seed=seed, dtypes=dtypes))
