"""Places the nodes in a plane by their distances, for pictures of them."""

import numpy as np

MOST_TRIES = 20  # nodes up to which several beginnings are tried, of which the best is taken


def places(distances: np.ndarray) -> np.ndarray:
    """Returns places [nodes, 2] around 0 whose distances are as close as possible to `distances` / their largest.

    `distances` is symmetric [nodes, nodes]. The places come from multidimensional scaling, which repeats exactly. Where
    all distances are zero, the nodes stand on a circle.
    """
    if not distances.any():
        angles = np.arange(len(distances)) * 2 * np.pi / len(distances)
        return np.round(np.column_stack([np.cos(angles), np.sin(angles)]) / 2, 3)
    from sklearn.manifold import MDS  # takes half a second to import

    beginning = {"init": "random", "n_init": 32} if len(distances) <= MOST_TRIES else {"init": "classical_mds"}
    scaling = MDS(metric="precomputed", max_iter=1000, eps=1e-9, random_state=0, **{"n_init": 1} | beginning)
    found = scaling.fit_transform(distances / distances.max())
    return np.round(found - (found.min(axis=0) + found.max(axis=0)) / 2, 3)
