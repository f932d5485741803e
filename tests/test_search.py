"""The route search against trying every route, on three nodes."""

import itertools

import numpy as np
import pytest

from config import Config
from environment import HomogeneousLearningEnv
from search import beam_search


@pytest.fixture
def environment(dataset):
    config = Config(
        nodes=3,
        pca_components=3,
        samples_per_node=60,
        main_class_share=0.3,
        learning_rate=0.003,
        goal=0.28,
        round_limit=4,
        evaluation_batch=300,
    )
    return HomogeneousLearningEnv(config, dataset)


def needed(environment, route, episode):
    """Plays a route; returns (round in which the goal was reached or None, cost until then)."""
    environment.reset(seed=0, options={"episode": episode})
    cost = 0.0
    for node in route:
        _, _, terminated, _, info = environment.step(node)
        cost += info["distance"]
        if terminated:
            return info["round"], cost
    return None, cost


def test_snapshots_bring_an_episode_back(environment):
    environment.reset(seed=0)
    environment.step(0)
    snapshot = environment.snapshot()
    first = [environment.step(node)[4]["accuracy"] for node in (1, 1, 2)]
    weights = environment.weights.numpy()
    environment.reset(seed=3)
    environment.step(0)
    environment.restore(snapshot)
    assert [environment.step(node)[4]["accuracy"] for node in (1, 1, 2)] == first
    np.testing.assert_array_equal(environment.weights.numpy(), weights)
    environment.restore(snapshot)
    assert environment.visits.tolist() == [1, 0, 0]


@pytest.mark.parametrize("episodes", [[1], [1, 2]])
def test_a_wide_beam_finds_what_trying_all_routes_finds(environment, episodes):
    rounds, costs = {}, {}
    for route in itertools.product([0], *[range(3)] * 3):
        results = [needed(environment, route, episode) for episode in episodes]
        if all(reached for reached, _ in results):
            rounds[route] = np.mean([reached for reached, _ in results])
            costs[route] = np.mean([cost for _, cost in results])
    assert rounds  # some route does reach it
    assert min(rounds.values()) > 1
    route, found, spent = beam_search(environment, episodes, width=1000, price=0.0)
    assert max(found) == min(max(needed(environment, route, episode)[0] for episode in episodes) for route in rounds)
    assert [needed(environment, route, episode) for episode in episodes] == list(zip(found, spent, strict=True))
    route, _, spent = beam_search(environment, episodes, width=1000, price=0.5)
    assert np.mean(spent) == pytest.approx(min(costs.values()))


def test_a_goal_out_of_reach(dataset):
    config = Config(nodes=3, pca_components=3, samples_per_node=60, goal=1.0, round_limit=2, evaluation_batch=300)
    assert beam_search(HomogeneousLearningEnv(config, dataset), [1], 2, 0.0) == (None, None, None)
