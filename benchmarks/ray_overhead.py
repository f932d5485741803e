"""Times a round whose nodes are Ray actors: `python -m benchmarks.ray_overhead --out results/benchmarks`.

Runs the same rounds in one process and on Ray actors of this machine, one actor a node, in turn.
"""

import argparse
import sys
import time

import numpy as np
import pandas as pd

from config import Config
from reporting.tables import markdown
from settings.errors import UsageError
from settings.random_streams import generator
from studies.command import run


def measure(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table and the seconds of every round."""
    from data import load_dataset
    from environment import HomogeneousLearningEnv
    from nodes.ray_actors import RayNodes

    config = Config(threads=options.threads, nodes=options.nodes, pca_components=options.nodes, goal=1.0)
    environments = {
        "one process": HomogeneousLearningEnv(config, load_dataset(config)),
        "Ray actors": HomogeneousLearningEnv(config, None, RayNodes(config, actors=config.nodes)),
    }
    actions = generator(options.seed, "exploration").integers(options.nodes, size=options.rounds)
    seconds, accuracies = {name: [] for name in environments}, {name: [] for name in environments}
    for number, action in enumerate(np.append([0] * options.nodes, actions)):  # the first rounds compile
        for name, environment in environments.items():
            if number % config.round_limit == 0:
                environment.reset(seed=options.seed, options={"episode": 1 + number // config.round_limit})
            action = number % options.nodes if number < options.nodes else action
            started = time.perf_counter()
            *_, info = environment.step(int(action))
            seconds[name].append(time.perf_counter() - started)
            accuracies[name].append(info["accuracy"])
    if len({tuple(column) for column in accuracies.values()}) > 1:
        raise UsageError("the nodes of one process and of Ray differ in an accuracy; this is a fault of the program")
    medians = {name: np.median(column[options.nodes :]) for name, column in seconds.items()}
    lines = [(name, f"{value:.3f}", f"{value / medians['one process']:.2f}") for name, value in medians.items()]
    table = markdown(pd.DataFrame(lines, columns=["nodes live in", "round s", "of one process"]))
    note = (
        f"Medians of {options.rounds} rounds at {options.nodes} nodes on {options.threads} thread(s), same accuracies."
    )
    rows = ["engine,round,seconds", *(f"{name},{k},{s:.4f}" for name in seconds for k, s in enumerate(seconds[name]))]
    return {".md": f"{table}\n{note}\n", ".csv": "\n".join(rows) + "\n"}


if __name__ == "__main__":
    numbers = {"nodes": (4, "nodes"), "rounds": (60, "rounds"), "seed": (0, "seed of the weights")}
    sys.exit(run("ray_overhead", __doc__, measure, **numbers))
