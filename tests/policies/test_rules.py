"""The policies that do not learn, by hand on four nodes in a row."""

import numpy as np
import pytest

from config import Config
from node import make_policy
from policies.rules import read_choice, read_loss
from settings.errors import UsageError

ROW = np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))  # nodes 0, 1, 2, 3 at the places 0, 1, 2, 3


def rank(policy, node=0, visits=(1, 0, 0, 0), round=1, rng=None, counts=None, **settings):
    """Asks a policy for its ranking and whether it is its best choice."""
    config = Config(policy=policy, nodes=4, pca_components=4, **settings)
    info = {"node": (node,), "visits": np.array(visits), "round": round}
    return make_policy(config, ROW, counts).rank(None, info, rng or np.random.default_rng(0))


def test_random_policy_takes_every_node_alike():
    rng = np.random.default_rng(0)
    rankings = [rank("random", rng=rng)[0] for _ in range(4000)]
    assert all(sorted(ranking) == [0, 1, 2, 3] for ranking in rankings)
    for place in (0, 1, 3):
        counts = np.bincount([ranking[place] for ranking in rankings])
        assert ((counts - 1000) ** 2 / 1000).sum() < 16.3  # chi-square, 3 degrees of freedom, p = 0.001
    assert sorted(rank("random", nodes_per_round=4)[0]) == [0, 1, 2, 3]


def chi_square(choices, nodes):
    """Returns Pearson's statistic of choices that should be of these nodes, all alike."""
    assert set(choices) == set(nodes)
    expected = len(choices) / len(nodes)
    return sum((choices.count(node) - expected) ** 2 for node in nodes) / expected


def test_random_moving_policy_takes_every_other_node_alike():
    rng = np.random.default_rng(0)
    rankings = [rank("random-moving", node=2, rng=rng) for _ in range(3000)]
    assert all((sorted(ranking), greedy) == ([0, 1, 3], False) for ranking, greedy in rankings)
    for place in range(3):
        assert chi_square([ranking[place] for ranking, _ in rankings], [0, 1, 3]) < 13.8  # 2 degrees, p = 0.001


def test_shuffled_cycle_takes_any_node_that_the_cycle_lacks():
    rng = np.random.default_rng(0)
    rankings = [rank("shuffled-cycle", node=2, visits=[2, 1, 2, 1], rng=rng) for _ in range(3000)]
    assert {(frozenset(ranking[:2]), greedy) for ranking, greedy in rankings} == {(frozenset({1, 3}), False)}
    assert chi_square([ranking[0] for ranking, _ in rankings], [1, 3]) < 10.8  # 1 degree, p = 0.001
    begun_anew = [rank("shuffled-cycle", node=2, visits=[2, 2, 2, 2], rng=rng)[0][0] for _ in range(3000)]
    assert chi_square(begun_anew, [0, 1, 2, 3]) < 16.3  # 3 degrees, p = 0.001


def test_label_variance_evens_out_what_was_trained_on():
    """Three classes; so far 6 images of class 0. With node 1's the sums are 6, 3, 3 of variance 2, with node 2's or
    node 3's 6, 6, 0 in some order of variance 8, with node 0's 12, 0, 0 of variance 32."""
    counts = np.array([[6, 0, 0], [0, 3, 3], [0, 6, 0], [0, 0, 6]])
    assert rank("label-variance", counts=counts) == ([1, 2, 3, 0], True)
    assert rank("label-variance", node=3, counts=counts) == ([1, 3, 2, 0], True)  # of 2 and 3 the nearest is 3 itself


def test_label_variance_counts_every_visit():
    """Two classes; node 0 trained twice and node 1 once: 2 * (3, 1) + (1, 3) = (7, 5). The nodes make it (10, 6) of
    variance 4, (8, 8) of variance 0, (9, 7) and (7, 9) of variance 1."""
    counts = np.array([[3, 1], [1, 3], [2, 2], [0, 4]])
    assert rank("label-variance", node=1, visits=[2, 1, 0, 0], counts=counts)[0] == [1, 2, 3, 0]
    # Without the visit of node 1, (6, 2): they make it (9, 3) of variance 9, (7, 5) of 1, (8, 4) of 4, (6, 6) of 0.
    assert rank("label-variance", node=0, visits=[2, 0, 0, 0], counts=counts)[0] == [3, 1, 2, 0]


def test_label_variance_takes_the_lowest_number_of_equally_near_nodes():
    """Node 1 trained, (3, 1); nodes 0, 2 and 3 make it (5, 3) of variance 1, and 0 and 2 are as near."""
    counts = np.array([[2, 2], [3, 1], [2, 2], [2, 2]])
    assert rank("label-variance", node=1, visits=[0, 1, 0, 0], counts=counts)[0] == [0, 2, 3, 1]


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


@pytest.mark.parametrize("nodes", [[3, 0], (3, 0), np.array([3, 0]), [np.int64(3), np.uint8(0)], range(3, -1, -3)])
def test_what_a_policy_of_ones_own_returns_is_taken(nodes):
    choice, greedy = read_choice((nodes, np.True_), Config())
    assert (choice, greedy) == ([3, 0], True)
    assert {type(node) for node in choice} == {int}
    assert type(greedy) is bool
    assert read_choice(([], False), Config()) == ([], False)  # the model stays


@pytest.mark.parametrize(
    "choice",
    [
        None,
        3,
        [3, 0],
        [3, 0, 1],
        ([3.0, 0.0], True),
        (np.array([3.0, 0.0]), True),
        ([3, 10], True),
        ([-1], True),
        (["3"], True),
        ([[3], [0]], True),
        (3, True),
        ([3, 0], None),
        ([3, 0], 0.5),
        ([3, 0], np.array([True, False])),
    ],
)
def test_what_is_no_choice_is_refused_in_one_line(choice):
    with pytest.raises(UsageError, match=r"rank of my_rules:Mine must return \(nodes, greedy\), .* 0 to 9 .*, not "):
        read_choice(choice, Config(policy="my_rules:Mine"))


@pytest.mark.parametrize("loss", [0.5, np.float32(0.5), np.array(0.5)])
def test_the_loss_of_a_policy_of_ones_own_is_taken(loss):
    assert read_loss(loss, Config()) == 0.5


@pytest.mark.parametrize("loss", [None, "low", [1, 2]])
def test_what_is_no_loss_is_refused_in_one_line(loss):
    with pytest.raises(UsageError, match=r"the method learn of my_rules:Mine must return the mean loss, .*, not "):
        read_loss(loss, Config(policy="my_rules:Mine"))
