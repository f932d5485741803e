"""Reynolds' three forces and what networks see, by hand."""

import numpy as np
import pytest

from studies.boids.forces import raw_inputs, relative_inputs, reynolds, reynolds_forces, with_seen
from studies.boids.world import Flock, perceive


def view_of(*boids):
    table = np.array(boids, float)[np.newaxis]
    return perceive(Flock(table[..., :2], table[..., 2:]))


def test_forces_steer_to_the_wanted_direction_at_the_highest_speed():
    """A neighbour 20 px to the right that flies downwards; steering (0, 4) - (1, 0), (4, 0) - (1, 0), (-4, 0) - (1, 0).

    All are longer than 0.1 and are shortened to it; separation counts one and a half times.
    """
    forces = reynolds_forces(view_of((100, 100, 1, 0), (120, 100, 0, 2)))[0, 0]
    alignment = np.array([-1, 4]) / np.sqrt(17) * 0.1
    np.testing.assert_allclose(forces, [alignment, [0.1, 0], [-0.15, 0]], atol=1e-12)
    view = view_of((100, 100, 1, 0), (120, 100, 0, 2))
    np.testing.assert_allclose(reynolds(view)[0, 0], alignment + np.array([0.1 - 0.15, 0]), atol=1e-12)


def test_no_force_where_nothing_is_left_to_steer():
    """A neighbour 30 px away, beyond separation, flies with it at full speed: cohesion alone acts, sideways."""
    forces = reynolds_forces(view_of((100, 100, 4, 0), (100, 130, 4, 0)))[0, 0]
    np.testing.assert_allclose(forces[0], [0, 0], atol=1e-12)
    np.testing.assert_allclose(forces[1], np.array([-1, 1]) / np.sqrt(2) * 0.1, atol=1e-12)
    assert forces[2].tolist() == [0, 0]
    assert not reynolds_forces(view_of((100, 100, 4, 0), (500, 130, 4, 0))).any()


def test_inputs_of_networks():
    view = view_of((100, 200, 1, 0), (120, 200, 0, 2), (700, 700, 2, 2))
    assert raw_inputs(view)[0, 0].tolist() == pytest.approx([1, 0, 0, 2, 100, 200, 120, 200, 1, 0, -0.05, 0])
    relative = [0.25, 0, 0, 0.5, 0.25, 0, 0.4, 0, 0.25, 0, -0.5, 0]
    assert relative_inputs(view)[0, 0].tolist() == pytest.approx(relative)
    assert relative_inputs(view)[0, 2].tolist() == [0.5, 0.5, 0, 0, 0.5, 0.5, 0, 0, 0.5, 0.5, 0, 0]
    rows = with_seen(relative_inputs, view)
    assert rows.shape == (3, 15)
    assert rows[:, 12:].tolist() == [[1, 1, 1], [1, 1, 1], [0, 0, 0]]
