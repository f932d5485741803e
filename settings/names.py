"""Names and numbers that several modules share."""

from pathlib import Path

PROJECT = Path(__file__).parent.parent  # the folder of main.py

SIDE, CLASSES = 28, 10  # pixels a side of an image, and classes, of MNIST, Fashion-MNIST and the stand-in
DATASETS = ("mnist", "fashion-mnist", "cifar10", "digits-stand-in", "other")  # by name; a user may give others

LAST_SEED = 2**32 - 1

REFERENCES = ("centralized", "fedavg", "gossip-ring", "gossip-complete", "swarm")  # see baselines/references.py
RULES = (  # policies that do not learn, see policies/rules.py
    "random",
    "random-moving",
    "standalone",
    "round-robin",
    "shuffled-cycle",
    "nearest",
    "label-variance",
    "home",
    "route",
)
LEARNING = ("dqn", "route-agent")  # policies that learn, and need many episodes
