"""The rules of the boids' world in toys that were worked out by hand."""

import numpy as np
import pytest

from studies.boids.world import Flock, Rules, View, fly, limited, moved, perceive, start, step


def flock(*boids):
    """Returns one world of boids (x, y, velocity x, velocity y)."""
    table = np.array(boids, float)[np.newaxis]
    return Flock(table[..., :2], table[..., 2:])


def test_two_boids_perceive_each_other():
    """3-4-5: 30 right and 40 down is a distance of 50, one px less is within it; 12 and 16 are a distance of 20."""
    view = perceive(flock((100, 100, 1, 0), (130, 139, 0, 3), (700, 700, 2, 2)))
    assert view.seen[0].tolist() == [[True, False], [True, False], [False, False]]
    assert view.mean_centre[0].tolist() == [[130, 139], [100, 100], [0, 0]]
    assert view.mean_velocity[0].tolist() == [[0, 3], [1, 0], [0, 0]]
    assert not view.away.any()
    assert not perceive(flock((100, 100, 1, 0), (130, 140, 0, 3))).seen.any()  # at a distance of exactly 50


def test_separation_of_two_boids():
    """From (112, 116) the boid at (100, 100) is pushed by (-12, -16) / 400."""
    view = perceive(flock((100, 100, 0, 0), (112, 116, 0, 0)))
    np.testing.assert_allclose(view.away[0], [[-0.03, -0.04], [0.03, 0.04]], atol=1e-12)
    assert view.seen.all()
    at_one_place = perceive(flock((100, 100, 0, 0), (100, 100, 0, 0)))
    assert at_one_place.away.tolist() == [[[0, 0], [0, 0]]]  # a way of 0 over the square of 1e-4
    assert at_one_place.seen.all()


def test_means_are_of_the_neighbours_alone():
    """The first boid has two neighbours for cohesion, one of them for separation; a fourth is too far."""
    view = perceive(flock((100, 100, 9, 9), (110, 100, 1, 2), (100, 140, 3, -4), (300, 300, 5, 5)))
    assert view.mean_centre[0, 0].tolist() == [105, 120]
    assert view.mean_velocity[0, 0].tolist() == [2, -1]
    np.testing.assert_allclose(view.away[0, 0], [-0.1, 0], atol=1e-12)


def test_worlds_do_not_see_each_other():
    """Two worlds at once are the same as one after the other, whichever boids are asked for."""
    both = start(np.random.default_rng(100), 2, 40)
    whole = perceive(both)
    for world in range(2):
        alone = perceive(Flock(both.positions[world : world + 1], both.velocities[world : world + 1]), of=slice(7, 9))
        for name in View.__dataclass_fields__:
            np.testing.assert_allclose(getattr(alone, name)[0], getattr(whole, name)[world, 7:9], atol=1e-12)
    assert whole.seen.any()


def test_torus_sees_across_the_border():
    """From x = 1195 to 5 it is 10 px to the right; plain distances see nobody there."""
    across = flock((1195, 400, 0, 0), (5, 400, 0, 1))
    assert not perceive(across).seen.any()
    view = perceive(across, torus=True)
    assert view.seen.all()
    assert view.mean_centre[0].tolist() == [[1205, 400], [-5, 400]]
    np.testing.assert_allclose(view.away[0], [[-0.1, 0], [0.1, 0]], atol=1e-12)
    corner = perceive(flock((0, 0, 0, 0), (1199, 799, 0, 0)), torus=True)
    assert corner.mean_centre[0, 0].tolist() == [-1, -1]


def test_speed_cap_keeps_the_direction():
    shortened = limited(np.array([[6.0, 8.0], [0.3, 0.4], [0.0, 0.0]]), 4)
    np.testing.assert_allclose(shortened, [[2.4, 3.2], [0.3, 0.4], [0.0, 0.0]], atol=1e-12)
    after = step(flock((100, 100, 3, 0)), lambda view: np.full_like(view.velocity, [3.0, 8.0]))
    np.testing.assert_allclose(after.velocities[0, 0], [2.4, 3.2], atol=1e-12)  # 6, 8 shortened to 4
    assert after.positions[0, 0].tolist() == [102, 103]


@pytest.mark.parametrize(
    ("position", "velocity", "then"),
    [
        ((10, 10), (0.4, -0.4), (10, 10)),  # too slow to move at all
        ((10, 10), (0.6, 1.4), (11, 11)),
        ((10, 10), (-0.6, -2.7), (9, 7)),
        ((1199, 10), (2, 0), (0, 10)),
        ((1199, 10), (1, 0), (1200, 10)),  # at the border, not beyond it
        ((1, 400), (-2, 0), (1200, 400)),
        ((5, 799), (0, 3), (5, 0)),
        ((5, 2), (0, -3), (5, 800)),
    ],
)
def test_places_are_whole_and_wrap_to_the_opposite_border(position, velocity, then):
    assert moved(np.array(position, float), np.array(velocity, float)).tolist() == list(then)


def test_boids_update_at_once_or_one_by_one():
    """Each takes over the other's velocity; one by one the second one sees the first with its new velocity."""

    def adopt(view):
        return view.mean_velocity - view.velocity

    begun = flock((100, 100, 1, 0), (110, 100, 0, 2))
    at_once = step(begun, adopt)
    assert at_once.velocities[0].tolist() == [[0, 2], [1, 0]]
    assert at_once.positions[0].tolist() == [[100, 102], [111, 100]]
    one_by_one = step(begun, adopt, Rules(one_by_one=True))
    assert one_by_one.velocities[0].tolist() == [[0, 2], [0, 2]]
    assert one_by_one.positions[0].tolist() == [[100, 102], [110, 102]]
    assert begun.positions[0].tolist() == [[100, 100], [110, 100]]


def test_start_is_whole_numbers_within_the_world():
    begun = start(np.random.default_rng(100), 3, 500)
    assert (begun.positions % 1 == 0).all()
    assert begun.positions.min() >= 0
    assert (begun.positions.max((0, 1)) <= [1200, 800]).all()
    assert (begun.positions.max((0, 1)) > [1190, 790]).all()
    assert 0.95 < begun.velocities.max() <= 1
    assert -1 <= begun.velocities.min() < -0.95
    assert len(list(fly(begun, lambda view: np.zeros_like(view.velocity), 3))) == 4
