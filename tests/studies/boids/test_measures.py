"""The measures of a flock in groups that were placed by hand."""

import numpy as np
import pytest

from studies.boids.forces import no_force, reynolds
from studies.boids.measures import directions, measure, wind
from studies.boids.world import Flock, start


def test_measures_of_two_worlds():
    """World 0: a chain of three, 40 px apart, and a boid alone; world 1: two pairs, of which one collides."""
    positions = [[(100, 100), (140, 100), (180, 100), (600, 600)], [(10, 10), (10, 14), (500, 10), (500, 15)]]
    velocities = [[(1, 0), (2, 0), (0, 3), (0, 0)], [(1, 1), (-2, -2), (3, 0), (-1, 0)]]
    found = measure(Flock(np.array(positions, float), np.array(velocities, float)))
    far = np.hypot(600 - 180, 600 - 100)
    np.testing.assert_allclose(found["polarisation"], [np.hypot(2, 1) / 4, 0], atol=1e-12)
    np.testing.assert_allclose(found["nearest"], [(40 + 40 + 40 + far) / 4, (4 + 4 + 5 + 5) / 4])
    assert found["collisions"].tolist() == [0, 1]  # a distance of exactly 5 is none
    assert found["flocks"].tolist() == [2, 2]
    np.testing.assert_allclose(found["speed"], [(1 + 2 + 3) / 4, (3 * np.sqrt(2) + 4) / 4])


def test_all_that_fly_the_same_way_are_polarised():
    velocities = np.outer([0.2, 1, 4, 0.01], [0.6, 0.8])[np.newaxis]
    found = measure(Flock(np.arange(8.0).reshape(1, 4, 2) * 100, velocities))
    assert found["polarisation"][0] == pytest.approx(1)
    assert found["flocks"].tolist() == [4]


def test_a_resting_boid_has_no_direction():
    assert directions(np.array([[0.0, 0.0], [0.0, -3.0]])).tolist() == [[0, 0], [0, -1]]


def test_wind_is_what_all_forces_have_in_common():
    """A constant (3, 4) is all wind; added to forces of length 5 that turn with the world it is half of what acts."""
    flocks = [start(np.random.default_rng(100), 2, 60)]
    assert wind(flocks, reynolds) == pytest.approx(0, abs=1e-9)
    assert wind(flocks, no_force) == 0
    assert wind(flocks, lambda view: np.full_like(view.velocity, [3.0, 4.0])) == pytest.approx(100)
    sideways = Flock(np.full((1, 2, 2), 400.0), np.array([[[-4.0, 3.0], [-4.0, 3.0]]]))
    mixed = wind([sideways], lambda view: view.velocity + np.array([3.0, 4.0]))
    assert mixed == pytest.approx(100 * 5 / np.hypot(5, 5))  # the two are at a right angle
