"""Counts how often the fused evaluation changes an accuracy: `python -m benchmarks.evaluation_count --out DIR`.

A random policy runs 2,000 rounds, the same number with each split and each of ten seeds. Both evaluations,
fused-checked and float32, classify all test images with the initial weights of every episode and with the model after
every round.
"""

import argparse
import sys

import pandas as pd
from rich.console import Console

from config import Config
from data import Dataset, load_dataset
from reporting.tables import markdown
from runs.presets import PAPER
from runs.screen import progress_bar
from settings.errors import UsageError
from settings.random_streams import generator
from studies.command import run

SPLITS, SEEDS = ("disjoint", "published"), 10


def count(config: Config, dataset: Dataset, rounds: int) -> list[tuple]:
    """Returns (split, seed, episode, round, images correct by float32, by fused-checked), round 0 being the initial
    weights of an episode, until `rounds` rounds were run."""
    from environment import HomogeneousLearningEnv
    from nodes.evaluation.evaluators import Evaluator
    from policies.rules import random_ranking

    environment = HomogeneousLearningEnv(config, dataset)
    fused = environment.nodes.evaluator
    plain = Evaluator(fused.model, fused.images, fused.labels, config)
    rows, left, done = [], rounds, True
    while left:
        if done:
            environment.reset()
            done = False
        else:
            rng = generator(config.seed, "exploration", environment.episode, environment.round + 1)
            *_, terminated, truncated, _ = environment.step(environment.reach(random_ranking(config, rng)))
            left, done = left - 1, terminated or truncated
        counts = [evaluator.count_correct(environment.weights) for evaluator in (plain, fused)]
        rows.append((config.split, config.seed, environment.episode, environment.round, *counts))
    return rows


def benchmark(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table and the counts of every evaluation."""
    common = PAPER | {"dataset": options.dataset, "policy": "random", "evaluation": "fused-checked"}
    configs = [
        Config(**common | {"split": split, "seed": seed, "threads": options.threads})
        for split in SPLITS
        for seed in range(SEEDS)
    ]
    if options.rounds % len(configs):
        raise UsageError(f"--rounds must be a multiple of {len(configs)}, not {options.rounds}")
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # it warns that every environment's functions are traced anew
    dataset, rows = load_dataset(configs[0]), []
    with progress_bar("rounds", Console(stderr=True)) as progress:
        task = progress.add_task("", total=options.rounds)
        for config in configs:
            rows += count(config, dataset, options.rounds // len(configs))
            progress.advance(task, options.rounds // len(configs))
    columns = ["split", "seed", "episode", "round", "float32", "fused-checked"]
    table = pd.DataFrame(rows, columns=columns)
    counts = []
    for name, part in (("initial weights", table[table["round"] == 0]), ("after a round", table[table["round"] > 0])):
        counts.append((name, len(part), (part["float32"] != part["fused-checked"]).sum()))
    text = markdown(pd.DataFrame(counts, columns=[dataset.name, "evaluations", "with another accuracy"]))
    text += f"\nOf {len(dataset.y_test)} test images, {SEEDS} seeds, both splits.\n"
    return {f"_{options.dataset}.md": text, f"_{options.dataset}.csv": table.to_csv(index=False)}


if __name__ == "__main__":
    flags = {"rounds": (2000, "rounds"), "dataset": ("mnist", "mnist or fashion-mnist")}
    sys.exit(run("evaluation_count", __doc__, benchmark, **flags))
