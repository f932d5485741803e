"""Each part of the route agent that its ablation takes out, and that the rest still plays."""

import inspect

import numpy as np
import pytest

from config import Config
from policies.route_agent import FIRST, RouteAgent
from policies.rules import learns
from studies.ablation import parts
from studies.ablation.parts import WithoutModel, WithoutPatience, WithoutSampling, WithoutWeights

SETTINGS = {"nodes": 3, "pca_components": 3, "greedy_from": 41}
FIRST_ROUND = {"round": 1, "node": (0,), "previous_node": 0, "accuracy": 0.3}
DISTANCES = np.ones((3, 3)) - np.eye(3)
PARTS = [kind for _, kind in inspect.getmembers(parts, inspect.isclass) if kind.__base__ is RouteAgent]


def after(kind, episodes):
    """Makes an agent that has learned from episodes in which each stay at node 1 or 2 ends at the goal."""
    agent = kind(Config(policy=f"studies.ablation.parts:{kind.__name__}", **SETTINGS), DISTANCES)
    for episode in range(1, episodes + 1):
        agent.rank(None, FIRST_ROUND, np.random.default_rng(episode))
        agent.path, agent.seen = [0, 1 + episode % 2, 1], [0.3, 0.5, 0.81]
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


def test_the_posterior_means_plan_without_sampling():
    rng = np.random.default_rng(0)
    for kind, drawn in ((RouteAgent, True), (WithoutSampling, False)):
        agent = after(kind, 2)
        model = agent._model()
        assert (agent._drawn(model, rng).intercept != model.intercept) == drawn


def test_without_a_model_episodes_alone_tell():
    """Two episodes along one route end after 3 rounds, one along another after 2. A new route comes first."""
    agent = after(WithoutModel, 0)
    slow, fast, new = ((0, 1), (1, 20)), ((0, 1), (2, 20)), ((0, 2), (1, 20))
    agent.routes = [slow, fast, slow]
    agent.paths, agent.accuracies = [[0, 1, 1], [0, 2], [0, 1, 1]], [[0.3, 0.6, 0.8], [0.3, 0.8], [0.3, 0.7, 0.9]]
    assert agent._ranked([slow, fast, new, slow], None, 8, None) == [new, fast, slow]
    agent.accuracies[1] = [0.3, 0.5]  # misses the goal by 0.3: 30 rounds more
    assert agent._ranked([slow, fast], None, 8, None) == [slow, fast]


def test_stays_last_without_patience():
    """The second round at node 1 is near the goal of 0.8 and no better than the first."""
    for kind, nodes in ((RouteAgent, [1, 1, 2]), (WithoutPatience, [1, 1, 1])):
        agent = kind(Config(policy=f"studies.ablation.parts:{kind.__name__}", **SETTINGS), DISTANCES)
        agent.planned = ((0, 1), (1, 9), (2, 9))
        rounds = ((0, 0, 0.3), (0, 1, 0.75), (1, 1, 0.75))
        infos = [
            {"round": round, "node": (node,), "previous_node": before, "accuracy": accuracy}
            for round, (before, node, accuracy) in enumerate(rounds, 1)
        ]
        assert [agent.rank(None, info, None)[0][0] for info in infos] == nodes
