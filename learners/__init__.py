"""Local learners: what a node does with the travelling model. One file each, chosen by `--learner`."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from learners.base import Learner

# The learners with the convolutional network, which nodes/evaluation/fused.py evaluates.
CONVOLUTIONAL = ("cnn", "attention-seeking")
# The variants of each, the first being its default.
VARIANTS = {
    "cnn": ("plain",),
    "attention-seeking": ("l1_scaled", "l1", "l2", "lp", "soft", "share", "random"),
    "kde": (
        *(f"{mode}-{use}" for mode in ("stacked", "joint", "feature") for use in ("shift", "gate", "replace")),
        "plain",
    ),
    "pseudo-attention": (
        *(f"{maps}{disturbance}" for maps in ("mapped", "unmapped") for disturbance in ("", "-copy", "-swap")),
        "plain",
    ),
    "hebbian": (
        "one-layer",
        "one-layer-unnormalised",
        "two-layer",
        "two-layer-unnormalised",
        "plain",
        "two-layer-plain",
    ),
    "dense": ("256-256", "256-256-256"),
}


def make_learner(name: str, variant: str = "", **options: object) -> "Learner":
    """Returns the Learner of this name, in one of its VARIANTS, with the options that its class has."""
    # Imported only now, so that settings can be read without TensorFlow.
    module = importlib.import_module(f"learners.{name.replace('-', '_')}")
    return module.LocalLearner(variant or VARIANTS[name][0], **options)
