"""The policies that do not learn, by hand on four nodes in a row."""

import numpy as np
import pytest

from config import Config
from node import make_policy

ROW = np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))  # nodes 0, 1, 2, 3 at the places 0, 1, 2, 3


def rank(policy, node=0, visits=(1, 0, 0, 0), round=1, rng=None, **settings):
    """Asks a policy for its ranking and whether it is its best choice."""
    config = Config(policy=policy, nodes=4, pca_components=4, **settings)
    info = {"node": (node,), "visits": np.array(visits), "round": round}
    return make_policy(config, ROW).rank(None, info, rng or np.random.default_rng(0))


def test_random_policy_takes_every_node_alike():
    rng = np.random.default_rng(0)
    rankings = [rank("random", rng=rng)[0] for _ in range(4000)]
    assert all(sorted(ranking) == [0, 1, 2, 3] for ranking in rankings)
    for place in (0, 1, 3):
        counts = np.bincount([ranking[place] for ranking in rankings])
        assert ((counts - 1000) ** 2 / 1000).sum() < 16.3  # chi-square, 3 degrees of freedom, p = 0.001
    assert sorted(rank("random", nodes_per_round=4)[0]) == [0, 1, 2, 3]


def test_standalone_policy_stays():
    assert rank("standalone", starter=3) == ([3], True)
    assert rank("standalone", starter=3, nodes_per_round=2) == ([3, 3], True)


def test_round_robin_goes_by_number():
    assert rank("round-robin", node=0) == ([1, 2, 3, 0], True)
    assert rank("round-robin", node=3) == ([0, 1, 2, 3], True)


def test_nearest_goes_to_the_nearest_of_the_least_visited():
    assert rank("nearest", node=1, visits=[1, 1, 0, 0]) == ([2, 3, 1, 0], True)
    assert rank("nearest", node=3, visits=[1, 1, 1, 1])[0][0] == 3  # itself, when all were visited alike
    assert rank("nearest", node=3, visits=[1, 1, 1, 2])[0][:3] == [2, 1, 0]


def test_home_leaves_now_and_then_for_one_round():
    """With leave rate 1 it leaves at once; away from home it returns; with 0 it never leaves."""
    assert rank("home", starter=2, node=2, visits=[0, 1, 5, 0], home_leave_rate=1) == ([3, 0, 1], True)
    assert rank("home", starter=2, node=3, home_leave_rate=1) == ([2], True)
    assert rank("home", starter=2, node=2, home_leave_rate=0) == ([2], True)
    rng = np.random.default_rng(0)
    left = [rank("home", rng=rng)[0] != [0] for _ in range(1000)]
    assert 0.16 < np.mean(left) < 0.24  # 0.2 within three standard errors


@pytest.mark.parametrize(("round", "node"), [(1, 3), (2, 3), (3, 1), (4, 0), (5, 3)])
def test_a_route_is_followed_and_begins_anew(round, node):
    """Before round 2 one round is done, so the route's second node is next."""
    assert rank("route", route="0,3,3,1", round=round) == ([node], True)
