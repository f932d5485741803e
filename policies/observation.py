"""Computes the observation: the principal components of the node models right after training."""

from collections.abc import Sequence

import numpy as np


def pca_observation(deltas: np.ndarray, chosen: Sequence[int], nodes: int, components: int) -> np.ndarray:
    """Returns the principal components of the node models right after training, [nodes * components] float32.

    `deltas` [k, P] is how far training moved the models of the k `chosen` nodes; all other nodes still hold the
    previous model (authors' code). Equal to a PCA of the `nodes` weight vectors, signs as scikit-learn had them in
    2021: in each component the node farthest from zero is positive. The eigenvectors of a small Gram matrix give the
    same at a fraction of the cost. What is zero but for rounding in the full PCA is exactly zero here.
    """
    # Deviation D4: computed from the updates in float64, not by scikit-learn's PCA of the full vectors in float32.
    k = len(chosen)
    models = np.vstack([deltas.astype(np.float64), np.zeros((1, deltas.shape[1]))])
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
    observation[list(chosen), :kept] = scores[:k]
    return observation.ravel()
