"""Defines what the nodes are asked in a round, and what they return.

Models are handles, which the environment only passes on: tensors [P] or, with Ray, ModelRefs.
"""

import dataclasses

import numpy as np

When = tuple[int, int, int]  # (seed, episode, round), from which everything random in a round follows


@dataclasses.dataclass(frozen=True)
class RoundRequest:
    """What the nodes do in a round.

    Each of `nodes` trains the model at its place in `starts`. The `leader`, one of them, averages the results and
    evaluates the mean. With `images`, positions [epochs, n] in LocalNodes.held, the nodes train on these and not on
    their own. With `mixing` [nodes, nodes] each node's new model is that weighted mean of all that were trained.
    """

    when: When
    nodes: tuple[int, ...]
    starts: tuple
    leader: int
    images: np.ndarray | None = None
    mixing: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Seconds:
    """How long a round took; two rounds in which the same happened are equal however long they took."""

    train: float = dataclasses.field(compare=False)
    evaluate: float = dataclasses.field(compare=False)


@dataclasses.dataclass(frozen=True)
class RoundResult:
    """What a round came to.

    `trained` are the new models of the request's nodes and `losses` their mean training losses, both in that order.
    `model` is the mean, `accuracy` the share of the test images that it classifies correctly, and `finite` tells
    whether all of its weights are. `observation` [nodes * pca_components] float32 is what the agent sees. `bytes_moved`
    are the bytes of weights that one process sent to another.
    """

    trained: tuple
    losses: tuple[float, ...]
    model: object
    accuracy: float
    finite: bool
    observation: np.ndarray
    seconds: Seconds
    bytes_moved: int = 0
