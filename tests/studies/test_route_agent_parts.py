"""Each part of the route agent that its ablation takes out, and that the rest still plays."""

import inspect

import numpy as np
import pytest

from config import Config
from policies.route_agent import FIRST, RouteAgent
from policies.rules import learns
from studies import route_agent_parts
from studies.route_agent_parts import WithoutDraws, WithoutImagining, WithoutShrinking, WithoutTrials, WithoutWeights

SETTINGS = {"nodes": 3, "pca_components": 3, "greedy_from": 41, "patience": 1}
DISTANCES = np.ones((3, 3)) - np.eye(3)
PARTS = [kind for _, kind in inspect.getmembers(route_agent_parts, inspect.isclass) if kind.__base__ is RouteAgent]


def after(kind, episodes):
    """Makes an agent that has learned from episodes in which each stay at node 1 or 2 ends at the goal."""
    agent = kind(Config(policy=f"studies.route_agent_parts:{kind.__name__}", **SETTINGS), DISTANCES)
    for episode in range(1, episodes + 1):
        agent.rank(None, {"round": 1, "stalled": 0}, np.random.default_rng(episode))
        agent.path, agent.seen, agent.cost = [0, 1 + episode % 2, 1], [0.3, 0.5, 0.81], 1.0
        agent.learn(np.random.default_rng(episode), episode)
    return agent


@pytest.mark.parametrize("kind", PARTS)
def test_it_plays_a_route_from_the_first_episode_to_the_greedy_ones(kind):
    assert learns(f"studies.route_agent_parts:{kind.__name__}")
    assert after(kind, FIRST - 1).epsilon == 1
    assert after(kind, FIRST).epsilon == 0
    assert after(kind, 40).best


def test_models_without_draws_are_the_same():
    with_draws, without = after(RouteAgent, 20), after(WithoutDraws, 20)
    models = [agent._model(np.random.default_rng(seed)) for agent in (with_draws, without) for seed in (1, 2)]
    assert models[0].of_round != models[1].of_round
    assert models[2].of_round == models[3].of_round


def test_a_round_far_from_the_goal_counts_as_much_without_weights():
    """With the weights the line through 0.3, 0.5 and 0.81 is nearer to 0.81."""
    agents = after(RouteAgent, 2), after(WithoutWeights, 2)
    for agent in agents:
        agent.paths, agent.accuracies = [[0], [0], [0]], [[0.3], [0.5], [0.81]]
    weighted, plain = (agent._model().intercept for agent in agents)
    assert weighted > plain


def test_one_candidate_is_played_unseen():
    agent = after(WithoutImagining, 20)
    seen = []
    agent._imagined = lambda model, routes, rng: seen.append(len(routes)) or np.zeros(len(routes))
    agent._search(np.random.default_rng(0))
    assert seen[-1] == 1


def test_the_search_goes_on_without_trials():
    assert after(RouteAgent, 30).finalists
    assert not after(WithoutTrials, 39).finalists


def test_luck_decides_without_shrinking():
    """8 once is below 13 three times, whatever is imagined."""
    agent = after(WithoutShrinking, 1)
    lucky, steady = ((0, 1), (1, 3)), ((0, 1), (2, 3))
    agent.routes, agent.objectives = [lucky, steady, steady, steady], [8.0, 13.0, 13.0, 13.0]
    agent._imagined = lambda model, routes, rng: np.array([{lucky: 20.0, steady: 14.0}[route] for route in routes])
    assert agent._ranked(agent._promising(), None, model=object()) == [lucky, steady]
