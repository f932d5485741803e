"""Local learners: what a node does with the travelling model. One file each, chosen by `--learner`."""

import importlib
import inspect
from typing import TYPE_CHECKING

from settings.errors import UsageError
from settings.user_classes import is_import_path, user_class

if TYPE_CHECKING:
    from learners.base import Learner

# The learners with the convolutional network, which nodes/evaluation/fused.py evaluates.
CONVOLUTIONAL = ("cnn", "attention-seeking")
# The variants of each, the first being its default.
VARIANTS = {
    "cnn": ("plain",),
    "attention-seeking": (
        *("l1_scaled", "l1", "l2", "lp", "soft", "share", "random"),
        *("l1_scaled-look-ahead", "l2-look-ahead", "l2-anticipating"),
    ),
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
    """Returns the Learner of this name or import path, in one of its variants, with the options that its class has.

    Raises UsageError where an import path names no learner, or one without this variant or without build's arguments.
    """
    # Imported only now, so that settings can be read without TensorFlow.
    if is_import_path(name):
        from learners.base import Learner

        kind = user_class(name, Learner, "build")
        try:
            inspect.signature(kind.build).bind(None, (), 0)
        except TypeError as error:
            raise UsageError(
                f"{name}.build must take the arguments shape and classes, as learners.base.Learner's"
            ) from error
        if variant not in ("", *kind.variants):
            raise UsageError(f"--learner-variant must be one of {', '.join(kind.variants)} for --learner {name}")
        return kind(variant or kind.variants[0], **options)
    module = importlib.import_module(f"learners.{name.replace('-', '_')}")
    return module.LocalLearner(variant or VARIANTS[name][0], **options)
