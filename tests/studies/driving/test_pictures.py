"""The animations of the driving study."""

import numpy as np
import pytest

from studies.driving.pictures import corners


@pytest.mark.parametrize(("heading", "front_left"), [(0.0, (12.5, 19.0)), (np.pi / 2, (11.0, 22.5))])
def test_corners_of_a_vehicle(heading, front_left):
    """A vehicle is 5 m long and 2 m wide; the map's y axis points down, so that left is towards smaller y."""
    found = corners(10.0, 20.0, heading)
    np.testing.assert_allclose(found[1], front_left)
    np.testing.assert_allclose(found.mean(0), [10, 20])
