"""The places of the nodes in a plane, in pictures of them."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from nodes.places import places


def test_distances_that_fit_a_plane_are_kept():
    distances = squareform(pdist([[0, 0], [3, 0], [0, 4], [3, 4]]))
    found = places(distances)
    assert squareform(pdist(found)) == pytest.approx(distances / 5, abs=0.003)
    np.testing.assert_array_equal(found, places(distances))  # no draw
    assert np.ptp(found, axis=0) / 2 == pytest.approx(found.max(axis=0), abs=0.002)  # around 0


def test_where_all_distances_are_zero_no_two_nodes_meet():
    assert pdist(places(np.zeros((6, 6)))).min() == pytest.approx(0.5, abs=0.002)  # a hexagon's side is its radius


def test_many_nodes_are_placed_as_well():
    corners = np.random.default_rng(0).random((30, 2))
    distances = squareform(pdist(corners))
    assert squareform(pdist(places(distances))) == pytest.approx(distances / distances.max(), abs=0.003)
