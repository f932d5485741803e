"""The places of the nodes in the picture of a round."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from studies.one_round import places


def test_distances_that_fit_a_plane_are_kept():
    distances = squareform(pdist([[0, 0], [3, 0], [0, 4], [3, 4]]))
    found = places(distances)
    assert squareform(pdist(found)) == pytest.approx(distances / 5, abs=0.003)
    assert np.ptp(found, axis=0) / 2 == pytest.approx(found.max(axis=0), abs=0.002)  # around 0
