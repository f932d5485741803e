"""Builds the observation, one vector of numbers, from the parts that the settings name."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from settings.names import OF_EPISODE

if TYPE_CHECKING:
    import keras

    from config import Config


def part_sizes(config: "Config") -> dict[str, int]:
    """Returns how many numbers each part of an observation has, in order, as a dict."""
    sizes = {"pca": config.nodes * config.pca_components, "node-models": config.nodes * config.pca_components}
    return {part: 1 if part in OF_EPISODE else sizes.get(part, config.nodes) for part in config.observation}


def size(config: "Config") -> int:
    """Returns how many numbers an observation has."""
    return sum(part_sizes(config).values())


def bounds(config: "Config") -> tuple[np.ndarray, np.ndarray]:
    """Returns the lowest and the highest values that an observation can have, two arrays [size] float32.

    Principal components have no bounds.
    """
    ends = {"pca": (-np.inf, np.inf), "node-models": (-np.inf, np.inf), "visits": (0, config.nodes)}
    ends["last-visit"] = -1, 0
    sizes = part_sizes(config)
    low, high = ([np.full(length, ends.get(part, (0, 1))[end]) for part, length in sizes.items()] for end in (0, 1))
    return np.concatenate(low).astype(np.float32), np.concatenate(high).astype(np.float32)


def parts_of(
    config: "Config", observations: "np.ndarray | keras.KerasTensor"
) -> Iterator[tuple[str, "np.ndarray | keras.KerasTensor"]]:
    """Yields the parts of observations [n, size], arrays or Keras tensors, in order: (name, numbers [n, length])."""
    start = 0
    for part, length in part_sizes(config).items():
        yield part, observations[:, start : start + length]
        start += length


def observe(
    config: "Config",
    scores: dict[str, np.ndarray],
    holder: int,
    visits: np.ndarray,
    last_visits: np.ndarray,
    distances: np.ndarray,
    round: int,
    accuracy: float,
) -> np.ndarray:
    """Returns the observation [size] float32.

    `scores` holds the numbers of the parts `pca` and `node-models`, as far as they are asked for; `visits` [nodes]
    counts how often each node trained in this episode, `last_visits` [nodes] in which round it last did (0: never),
    `distances` [nodes] are those from the `holder`.
    """
    parts = scores | {
        "holder": np.eye(config.nodes)[holder],
        "visits": visits * (config.nodes / config.round_limit),
        "last-visit": np.where(visits > 0, (last_visits - round) / config.round_limit, -1),
        "distances": distances / (config.distance_scale or 1),
        "round": [round / config.round_limit],
        "accuracy": [accuracy],
    }
    return np.concatenate([np.ravel(parts[part]) for part in config.observation]).astype(np.float32)


def rename(config: "Config", observations: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Returns observations [n, size] as they were if in row r node i had been called `names[r, i]` [n, nodes]."""
    former = np.argsort(names, axis=1)[:, :, np.newaxis]  # the node that now has each name
    parts = []
    for part, numbers in parts_of(config, observations):
        if part not in OF_EPISODE:
            of_nodes = numbers.reshape(len(numbers), config.nodes, -1)
            numbers = np.take_along_axis(of_nodes, former, axis=1).reshape(numbers.shape)
        parts.append(numbers)
    return np.hstack(parts)


def pca_observation(deltas: np.ndarray, chosen: Sequence[int], nodes: int, components: int) -> np.ndarray:
    """Returns the principal components of the node models right after training, flattened [nodes * components].

    `deltas` [k, P] is how far training moved the models of the k `chosen` nodes; all other nodes still hold the
    previous model (authors' code).
    """
    models = np.vstack([deltas.astype(np.float64), np.zeros((1, deltas.shape[1]))])
    return model_scores(models, chosen, nodes, components)


def model_scores(models: np.ndarray, holders: Sequence[int], nodes: int, components: int) -> np.ndarray:
    """Returns the principal components of the `nodes` models that the nodes hold, flattened [nodes * components].

    Node `holders[i]` holds `models[i]` [P]; all others hold the last of the `models`. Equal to a PCA of the `nodes`
    weight vectors, signs as scikit-learn had them in 2021: in each component the node farthest from zero is positive.
    The eigenvectors of a small Gram matrix give the same at a fraction of the cost. What is zero but for rounding in
    the full PCA is exactly zero here.
    """
    # Deviation D4: computed from the updates in float64, not by scikit-learn's PCA of the full vectors in float32.
    k = len(holders)
    counts = np.append(np.ones(k), nodes - k)
    if k == nodes:
        models, counts = models[:k], counts[:k]
    centred = (models - counts @ models / nodes) * np.sqrt(counts)[:, np.newaxis]
    eigenvalues, vectors = np.linalg.eigh(centred @ centred.T)
    kept = min(k, components)
    scores = vectors[:, ::-1] * np.sqrt(np.maximum(eigenvalues[::-1], 0)) / np.sqrt(counts)[:, np.newaxis]
    scores = scores[:, :kept]
    farthest = np.abs(scores).argmax(0)
    scores = scores * np.where(scores[farthest, np.arange(kept)] < 0, -1, 1)
    observation = np.zeros((nodes, components), np.float32)
    observation[:, :kept] = scores[-1]
    observation[list(holders), :kept] = scores[:k]
    return observation.ravel()
