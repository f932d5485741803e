"""Plays a round of a published run again, for the picture of a round: `python -m studies.one_round --out docs/figures`.

The numbers go into round.json, which `python report.py --docs` draws: the observation before the round, the choice, the
distance, the accuracies, the reward, the images of each class that each node holds, and places of the nodes in a plane.
"""

import argparse
import json
import sys

import numpy as np

from config import Config
from nodes.places import places
from runs.presets import PAPER
from studies.command import run

# Of results/claims/dqn-disjoint-seed0: the nodes of an episode, up to a round in which the agent sends the model away.
EPISODE, NODES = 117, (0, 3, 3, 5, 3, 3, 5, 4, 8, 3, 3, 3, 5, 3, 3, 2, 3)
NAMES = ("round", "previous_node", "distance", "previous_accuracy", "accuracy")


def measure(options: argparse.Namespace) -> dict[str, str]:
    """Plays the episode up to its round; returns the numbers of that round as the text of the file .json."""
    from data import load_dataset
    from environment import HomogeneousLearningEnv

    config = Config(**PAPER | {"threads": options.threads})
    environment = HomogeneousLearningEnv(config, load_dataset(config))
    after, _ = environment.reset(options={"episode": EPISODE})
    for node in NODES:
        before = after
        after, reward, *_, info = environment.step(node)
    played = {"seed": config.seed, "episode": EPISODE} | {name: info[name] for name in NAMES}
    played |= {"node": NODES[-1], "reward": reward, "observation": np.round(before.astype(float), 3).tolist()}
    played |= {"places": places(environment.distances).tolist()}
    played |= {"label_counts": environment.nodes.label_counts().tolist()}
    return {".json": json.dumps(played) + "\n"}


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns its exit code."""
    return run("round", __doc__, measure, arguments, threads=1, by_processor=False)


if __name__ == "__main__":
    sys.exit(main())
