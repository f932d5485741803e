"""Routes of stays: drawn and changed within their limits, as arrays and back, and followed round by round."""

import itertools

import numpy as np
import pytest

from policies.routes import (
    LONGEST,
    MOST_STAYS,
    Follower,
    changed,
    from_arrays,
    joined,
    random_route,
    to_arrays,
)


def test_random_routes_begin_at_the_starter_and_go_where_they_are_told():
    rng = np.random.default_rng(0)
    routes = [random_route(7, [1, 2, 3, 4], first, rng) for first in (3, None) * 200]
    assert {route[1][0] for route in routes[::2]} == {3}
    assert {route[1][0] for route in routes[1::2]} == {1, 2, 3, 4}
    for (starter, rounds), *stays in routes:
        assert (starter, len(stays), len({node for node, _ in stays})) == (7, 3, 3)
        assert 1 <= rounds <= 6
        assert all(1 <= rounds <= LONGEST for _, rounds in stays)
    assert len(random_route(0, [1], 1, rng)) == 2  # there are no more nodes


def test_changed_routes_stay_within_the_limits():
    rng, route, lengths = np.random.default_rng(0), ((0, 2), (3, 19), (1, 4)), set()
    for _ in range(3000):
        other = changed(route, [1, 2, 3], rng)
        assert other[0][0] == 0
        assert 1 <= len(other) <= MOST_STAYS
        assert all(node in range(4) and 1 <= rounds <= LONGEST for node, rounds in other)
        assert all(left[0] != right[0] for left, right in itertools.pairwise(other))
        lengths.add(len(other))
        route = other if rng.random() < 0.5 else route
    assert lengths >= {2, 3, 4, 5, 6}


def test_stays_that_follow_each_other_at_a_node_are_one():
    assert joined([(0, 1), (2, 15), (2, 9), (0, 1)]) == ((0, 1), (2, LONGEST), (0, 1))
    assert len(joined([(node, 1) for node in range(9)])) == MOST_STAYS


def test_arrays_and_back():
    routes = [((0, 3), (2, 5)), ((0, 1), (4, 2), (1, 8)), ((0, 9),)]
    nodes, rounds = to_arrays(routes)
    assert rounds[0].tolist() == [3, 5, 0, 0, 0, 0]
    assert from_arrays(nodes, rounds) == routes
    assert from_arrays(*to_arrays([])) == []


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (((0, 2), (3, 1), (1, 2)), [0, 3, 1, 1, 3, 1, 1, 3]),  # after the last stay comes the second one
        (((0, 1), (3, 2)), [3, 3, 3, 3, 3, 3, 3, 3]),
        (((0, 2),), [0, 0, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_following_a_route_after_the_first_round(route, expected):
    follower = Follower(route, 0.7)
    assert [follower.next(True, 0.1 + 0.01 * round) for round, _ in enumerate(expected)] == expected


def test_a_stay_ends_near_the_goal_after_a_round_without_progress():
    """In turn: far from the goal; better than before; no better: it ends; just moved; no better again; better."""
    follower = Follower(((0, 1), (3, 9), (1, 9)), 0.7)
    rounds = [
        (True, 0.6),
        (False, 0.5),
        (True, 0.5),
        (True, 0.75),
        (True, 0.75),
        (False, 0.7),
        (True, 0.74),
        (True, 0.76),
    ]
    assert [follower.next(*each) for each in rounds] == [3, 3, 3, 3, 1, 1, 3, 3]


def test_an_end_out_of_reach_lets_stays_last():
    follower = Follower(((0, 1), (3, 3), (1, 9)), np.inf)
    assert [follower.next(True, 0.75) for _ in range(4)] == [3, 3, 3, 1]
