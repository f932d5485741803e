"""The route agent in a toy world whose best route is known: what it plays when, what it keeps, and what it saves."""

import math
import types

import numpy as np
import pytest

from config import Config
from policies.route_agent import CANDIDATES, FIRST, RouteAgent
from settings.errors import UsageError

SETTINGS = {"policy": "route-agent", "nodes": 4, "pca_components": 4, "round_limit": 12}
FIRST_ROUND = {"round": 1, "node": (0,), "previous_node": 0, "accuracy": 0.2}
KIND = "--policy route-agent --nodes 4 --starter 0"
STAYS, ROUNDS = np.array([[0, 3, 0, 0, 0, 0]]), np.array([[1, 9, 0, 0, 0, 0]])  # of a saved agent
DISTANCES = np.array([[0, 3, 2, 1], [3, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0.0]]) / 100


def gain(node):
    """Returns by how much a round at a node raises the accuracy: only node 2 leads to the goal within the limit."""
    return 0.16 if node == 2 else 0.03


def play(agent, episode, first=0.2):
    """Plays an episode of the toy world; returns the nodes that trained and whether the choices were greedy."""
    path, greedy, accuracy = [0], [], first
    while accuracy < 0.8 and len(path) < 12:
        info = {"round": len(path), "node": (path[-1],), "previous_node": path[-2:][0], "accuracy": accuracy}
        (node, *_), is_greedy = agent.rank(None, info, np.random.default_rng([1, episode, len(path)]))
        greedy.append(is_greedy)
        before, accuracy = accuracy, accuracy + gain(node)
        path.append(node)
        info = {"round": len(path), "node": (node,), "accuracy": accuracy, "previous_accuracy": before}
        done = accuracy >= 0.8 or len(path) == 12
        agent.remember(None, node, 0.0, None, done, info | {"distance": DISTANCES[path[-2], node]})
    assert math.isnan(agent.learn(np.random.default_rng([2, episode]), episode))
    return path, greedy


def test_it_finds_the_route_of_the_toy_world():
    """Node 2 at once: 0.2 + 4 * 0.16 after round 5, of which 0.25 are beyond the goal, at a distance of 0.02."""
    agent = RouteAgent(Config(greedy_from=51, **SETTINGS), DISTANCES)
    played = [play(agent, episode) for episode in range(1, 54)]
    assert not any(any(greedy) for _, greedy in played[:FIRST])
    for path, greedy in played[50:]:
        assert (path, greedy) == ([0, 2, 2, 2, 2], [True] * 4)
    assert len(agent.paths) == 50  # it learns nothing from greedy episodes


def test_random_routes_then_the_search_then_the_best():
    agent, routes, epsilons = RouteAgent(Config(greedy_from=31, **SETTINGS), DISTANCES), [], []
    for episode in range(1, 34):
        epsilons.append(agent.epsilon)
        play(agent, episode)
        routes.append(agent.route)
    assert epsilons == [1.0] * FIRST + [0.0] * (33 - FIRST)
    assert [route[1][0] for route in routes[:6]] == [3, 2, 1, 3, 2, 1]  # the nearest first, in turn
    assert routes[30] in routes[:30]
    assert len(set(routes[30:])) == 1


@pytest.mark.parametrize(("nodes", "first"), [(4, 18), (36, 18), (38, 19), (101, 50)])
def test_many_nodes_get_more_random_routes(nodes, first):
    """From another starter, whose own number is none of the others: these are at 1, 1, 2, 2, ..."""
    config = Config(**SETTINGS | {"nodes": nodes, "pca_components": 1, "starter": 2})
    agent = RouteAgent(config, np.abs(np.subtract.outer(np.arange(nodes), np.arange(nodes))) / 100)
    assert agent.first == first
    assert agent.others[:4] == [1, 3, 0, *([4] if nodes > 4 else [])]
    assert sorted([*agent.others, 2]) == list(range(nodes))


def test_a_training_shorter_than_the_random_routes_ends_with_the_best_of_them():
    agent, routes = RouteAgent(Config(greedy_from=4, **SETTINGS), DISTANCES), []
    for episode in range(1, 6):
        play(agent, episode)
        routes.append(agent.route)
    assert agent.best in routes[:3]
    assert routes[3] == routes[4] == agent.best


@pytest.mark.parametrize("goal", [0.8, 1.0])
def test_the_last_training_episode_may_end_in_the_first_round(goal):
    agent, routes = RouteAgent(Config(**SETTINGS | {"greedy_from": 4, "goal": goal}), DISTANCES), []
    for episode in range(1, 6):
        play(agent, episode, first=0.9 if episode == 3 else 0.2)
        routes.append(agent.route)
    assert routes[3] == routes[4] == agent.best
    assert agent.best in routes[:3]


def test_an_episode_that_the_first_round_ends_teaches_nothing():
    agent = RouteAgent(Config(**SETTINGS), DISTANCES)
    assert play(agent, 1, first=0.9) == ([0], [])
    play(agent, 2)
    play(agent, 3, first=0.9)
    assert len(agent.paths) == 1


def test_the_last_choice_imagines_more_episodes_than_the_search():
    agent, imagined = RouteAgent(Config(greedy_from=21, **SETTINGS), DISTANCES), []

    def imagine(routes, distances, errors, near):
        imagined.append(errors.shape)
        return np.zeros(len(routes))

    agent._model = lambda: types.SimpleNamespace(imagine=imagine, drawn=lambda rng: agent._model())
    for episode in range(1, 22):
        play(agent, episode)
    assert imagined == [(8, 12)] * 3 * (20 - FIRST) + [(256, 12)]


def test_ranking_has_the_nearest_after_the_node_of_the_route():
    agent = RouteAgent(Config(**SETTINGS), DISTANCES)
    agent.planned = ((0, 1), (2, 3))
    assert agent.rank(None, FIRST_ROUND, np.random.default_rng(0))[0] == [2, 1, 3, 0]


def test_a_drawn_model_plans_and_the_posterior_means_choose():
    """The drawn model prefers node 3, the posterior means prefer node 2."""
    agent = RouteAgent(Config(greedy_from=21, **SETTINGS), DISTANCES)
    agent.routes = [((0, 1), (node, 5)) for node in (1, 2, 3)] * 6
    agent.paths, agent.accuracies = [[0, 1]] * 18, [[0.2, 0.3]] * 18

    def prefers(node):
        return lambda routes, *rest: np.array([-(route[1:2] == ((node, 5),)) for route in routes])

    model = types.SimpleNamespace(imagine=prefers(2), drawn=lambda rng: types.SimpleNamespace(imagine=prefers(3)))
    agent._model = lambda: model
    agent.learn(np.random.default_rng(0), 18)
    assert agent.planned[1] == (3, 5)
    assert agent.best[1] == (2, 5)
    agent.learn(np.random.default_rng(0), 20)
    assert agent.planned[1] == agent.best[1] == (2, 5)


def test_the_best_six_routes_are_changed():
    agent, given = RouteAgent(Config(**SETTINGS), DISTANCES), []
    routes = [((0, 1), (node, rounds)) for node in (1, 2, 3) for rounds in (5, 6, 7)]
    objectives = dict(zip(routes, [3.0, 9.0, 1.0, 4.0, 8.0, 2.0, 7.0, 5.0, 6.0], strict=True))
    agent.routes = [*routes, routes[1]]
    model = types.SimpleNamespace(imagine=lambda routes, *rest: np.array([objectives[r] for r in routes]))
    agent._model, agent._drawn = lambda: model, lambda model, rng: model
    agent._candidate = lambda elite, rng: given.append(elite) or routes[1]
    assert agent._search(np.random.default_rng(0)) == agent.best == routes[2]
    order = sorted(routes, key=objectives.get)[:6]
    assert len(given) == CANDIDATES
    assert all(elite == order for elite in given)


@pytest.mark.parametrize("until", [0, 1, 20, 51])
def test_restored_agent_goes_on_as_the_original(until):
    """Before any episode, among the random ones, in the search, and greedy."""
    config = Config(greedy_from=51, **SETTINGS)
    agent, other = RouteAgent(config, DISTANCES), RouteAgent(config, DISTANCES)
    for episode in range(1, until + 1):
        play(agent, episode)
    other.restore(agent.state())
    for episode in range(until + 1, until + 4):
        assert play(agent, episode) == play(other, episode)
    assert agent.paths == other.paths
    np.testing.assert_array_equal(agent.state()["accuracy"], other.state()["accuracy"])


def test_loaded_agent_follows_the_route_that_was_saved(tmp_path):
    teacher = RouteAgent(Config(greedy_from=40, **SETTINGS), DISTANCES)
    assert teacher.agent() == {}  # nothing is known yet
    for episode in range(1, 41):
        path, _ = play(teacher, episode)
    np.savez(tmp_path / "agent.npz", **teacher.agent())
    config = Config(greedy_from=1, load_agent=str(tmp_path / "agent.npz"), **SETTINGS)
    agent = RouteAgent(config, DISTANCES)
    assert play(agent, 1) == play(agent, 2) == (path, [True] * (len(path) - 1))
    assert agent.agent()["rounds"].tolist() == teacher.agent()["rounds"].tolist()


def test_a_loaded_route_stays_where_no_episode_teaches(tmp_path):
    """All training episodes end in the first round."""
    np.savez(tmp_path / "agent.npz", nodes=STAYS, rounds=ROUNDS, kind=KIND)
    agent = RouteAgent(Config(greedy_from=3, load_agent=str(tmp_path / "agent.npz"), **SETTINGS), DISTANCES)
    assert [play(agent, episode, first=0.9)[0] for episode in (1, 2)] == [[0], [0]]
    assert play(agent, 3)[0][1:4] == [3, 3, 3]


def test_an_agent_that_learns_on_begins_with_the_loaded_route(tmp_path):
    np.savez(tmp_path / "agent.npz", nodes=STAYS, rounds=ROUNDS, kind=KIND)
    agent = RouteAgent(Config(load_agent=str(tmp_path / "agent.npz"), **SETTINGS), DISTANCES)
    assert play(agent, 1)[0][1:4] == [3, 3, 3]
    play(agent, 2)
    assert agent.route != ((0, 1), (3, 9))


def test_agents_of_another_kind_are_refused(tmp_path):
    np.savez(tmp_path / "agent.npz", nodes=STAYS, rounds=ROUNDS, kind=KIND.replace("nodes 4", "nodes 5"))
    with pytest.raises(UsageError, match="needs --policy route-agent --nodes 5"):
        RouteAgent(Config(load_agent=str(tmp_path / "agent.npz"), **SETTINGS), DISTANCES)


@pytest.mark.parametrize(
    ("nodes", "rounds"),
    [
        (STAYS[:0], ROUNDS[:0]),  # no route
        (STAYS, np.zeros_like(ROUNDS)),  # no stay
        (STAYS + 1, ROUNDS),  # node 4 of 0 to 3, and another starter
        (-STAYS, ROUNDS),
        (STAYS, -ROUNDS),
        (STAYS, ROUNDS * [1, -1, 1, 1, 1, 1]),
        (STAYS[:, ::-1], ROUNDS[:, ::-1]),  # another starter
        (STAYS * 1.0, ROUNDS),
        (STAYS[0], ROUNDS[0]),
        (STAYS, ROUNDS[:, :2]),
        (np.tile(STAYS, 2), np.tile(ROUNDS, 2)),  # more stays than a route has
    ],
)
def test_damaged_agents_are_refused(tmp_path, nodes, rounds):
    np.savez(tmp_path / "agent.npz", nodes=nodes, rounds=rounds, kind=KIND)
    with pytest.raises(UsageError, match=r"agent\.npz is damaged; give another run's"):
        RouteAgent(Config(load_agent=str(tmp_path / "agent.npz"), **SETTINGS), DISTANCES)


def test_several_nodes_a_round_are_refused():
    with pytest.raises(UsageError, match="--nodes-per-round"):
        RouteAgent(Config(nodes_per_round=2, **SETTINGS), DISTANCES)
