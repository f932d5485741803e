"""Each part of the route agent that its ablation takes out, and that the rest still plays."""

import inspect

import numpy as np
import pytest

from config import Config
from policies.route_agent import FIRST, RouteAgent
from policies.rules import learns
from studies.ablation import parts
from studies.ablation.parts import (
    WithoutBonus,
    WithoutCorrection,
    WithoutModel,
    WithoutPatience,
    WithoutSimilarity,
    WithoutWeights,
)

SETTINGS = {"nodes": 3, "pca_components": 3, "greedy_from": 41, "patience": 1}
DISTANCES = np.ones((3, 3)) - np.eye(3)
PARTS = [
    kind
    for _, kind in inspect.getmembers(parts, inspect.isclass)
    if issubclass(kind, RouteAgent) and kind is not RouteAgent
]


def after(kind, episodes):
    """Makes an agent that has learned from episodes in which each stay at node 1 or 2 ends at the goal."""
    agent = kind(Config(policy=f"studies.ablation.parts:{kind.__name__}", **SETTINGS), DISTANCES)
    for episode in range(1, episodes + 1):
        agent.rank(None, {"round": 1, "stalled": 0}, np.random.default_rng(episode))
        agent.path, agent.seen, agent.cost = [0, 1 + episode % 2, 1], [0.3, 0.5, 0.81], 1.0
        agent.learn(np.random.default_rng(episode), episode)
    return agent


@pytest.mark.parametrize("kind", PARTS)
def test_it_plays_a_route_from_the_first_episode_to_the_greedy_ones(kind):
    assert learns(f"studies.ablation.parts:{kind.__name__}")
    assert after(kind, FIRST - 1).epsilon == 1
    assert after(kind, FIRST).epsilon == 0
    assert after(kind, 40).best


def test_a_round_far_from_the_goal_counts_as_much_without_weights():
    """With the weights the line through 0.3, 0.5 and 0.81 is nearer to 0.81."""
    agents = after(RouteAgent, 2), after(WithoutWeights, 2)
    for agent in agents:
        agent.paths, agent.accuracies = [[0], [0], [0]], [[0.3], [0.5], [0.81]]
    weighted, plain = (agent._model().intercept for agent in agents)
    assert weighted > plain


def test_episodes_alone_tell_without_a_model():
    """One route needed 10 rounds, another 20. The estimates of changes of the first rise towards the mean, 15."""
    agent = after(WithoutModel, 1)
    agent.routes, agent.objectives = [((0, 1), (1, 20)), ((0, 1), (2, 20))], [10.0, 20.0]
    routes = [((0, 1), (1, 13), (2, 9)), ((0, 1), (1, 11), (2, 9)), ((0, 1), (1, 8), (2, 9))]
    estimates, _ = agent._estimates(routes, None, np.random.default_rng(0))
    assert 10 < estimates[0] < estimates[1] < estimates[2]
    assert 15 - estimates[2] == pytest.approx(0, abs=0.2)


def test_episodes_correct_nothing_without_the_correction():
    """8 rounds where 12 were imagined: 12 - 4 / 3. All agents are as unsure of the route."""
    for kind, expected in ((RouteAgent, 12 - 4 / 3), (WithoutCorrection, 12), (WithoutSimilarity, 12)):
        agent = after(kind, 1)
        agent.routes, agent.objectives = [((0, 1), (1, 20)), ((0, 1), (2, 20))], [8.0, 12.0]
        agent._imagined = lambda model, routes, rng: np.full(len(routes), 12.0)
        estimates, errors = agent._estimates(agent.routes[:1], None, None)
        assert estimates[0] == pytest.approx(expected, abs=0.01)
        assert errors[0] == pytest.approx(2 / 3**0.5, abs=0.01)  # 4 and 0 are off: deviation 2


def test_stays_last_without_patience():
    for kind, nodes in ((RouteAgent, [1, 2]), (WithoutPatience, [1, 1])):
        agent = kind(Config(policy=f"studies.ablation.parts:{kind.__name__}", **SETTINGS), DISTANCES)
        agent.planned = ((0, 1), (1, 9), (2, 9))
        seen = [agent.rank(None, {"round": 1 + stalled, "stalled": stalled}, None)[0][0] for stalled in (0, 1)]
        assert seen == nodes


@pytest.mark.parametrize(("kind", "first"), [(RouteAgent, 2), (WithoutBonus, 1), (WithoutSimilarity, 1)])
def test_known_routes_are_preferred_without_a_bonus(kind, first):
    agent, known, unknown = after(kind, 1), ((0, 1), (1, 20)), ((0, 1), (2, 20))
    agent.routes, agent.objectives = [known] * 7, [10.0, 14.0] * 3 + [12.0]
    agent._imagined = lambda model, routes, rng: np.array([{known: 12.0, unknown: 12.5}[route] for route in routes])
    agent._candidate = lambda elite, rng: unknown
    assert agent._search(np.random.default_rng(0))[1][0] == first
