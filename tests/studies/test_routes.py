"""The route search against trying every route, on three nodes."""

import argparse
import itertools

import numpy as np
import pytest
from helpers import THREE_NODES

from config import Config
from environment import HomogeneousLearningEnv
from settings.errors import UsageError
from studies.lessons import Player
from studies.routes import changed, evolve, main, objective, search


@pytest.fixture
def environment(dataset):
    return HomogeneousLearningEnv(Config(**THREE_NODES), dataset)


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


def every_result(environment, episodes):
    """Plays all 27 routes; returns {route: (mean rounds, mean cost)} of those that reach the goal every time."""
    found = {}
    for route in itertools.product([0], *[range(3)] * 3):
        results = [needed(environment, route, episode) for episode in episodes]
        if all(reached for reached, _ in results):
            found[route] = tuple(np.mean(results, axis=0))
    return found


@pytest.mark.parametrize("episodes", [[1], [1, 2]])
def test_evolution_finds_what_trying_all_routes_finds(environment, episodes):
    found = every_result(environment, episodes)
    assert found  # some route does reach it
    least_rounds, least_cost = np.min(list(found.values()), axis=0)
    assert least_rounds > 1
    player, rng = Player(environment), np.random.default_rng(0)
    route = evolve(player, episodes, "rounds", 150, rng)
    # It minimises the crossing of the goal, which lies within the last round.
    assert found[route][0] < least_rounds + 1
    for episode in episodes:
        assert player.result(episode, route) == (*needed(environment, route, episode), True)
    route = evolve(player, episodes, "cost", 150, rng)
    assert found[route][1] == pytest.approx(least_cost)


def test_the_crossing_of_the_goal_lies_on_the_line_between_two_accuracies(environment):
    player = Player(environment)
    player.after = lambda episode, route: (None, (0.1, 0.2, 0.4), 0.7)
    assert objective(player, 1, (0, 0, 0), "rounds") == pytest.approx(2 + (0.28 - 0.2) / (0.4 - 0.2))
    assert objective(player, 1, (0, 0, 0), "cost") == 0.7
    player.after = lambda episode, route: (None, (0.1, 0.18, 0.15, 0.12), 0.7)
    assert objective(player, 1, (0,) * 4, "rounds") == pytest.approx(4 * 1.1)  # the limit, and 0.1 short of the goal
    assert objective(player, 1, (0,) * 4, "cost") == pytest.approx(2.4 * 1.1)


def test_a_changed_route_is_a_route(environment):
    rng, config = np.random.default_rng(0), environment.config
    seen = {changed((0, 1, 1, 2), (0, 0, 2, 2), 4, config, rng) for _ in range(300)}
    assert {(0, 1, 2, 2), (0, 2, 2, 2), (0, 1, 1, 1), (0, 2, 1, 1), (0, 1, 1, 0)} <= seen
    assert all(len(route) == 4 and route[0] == 0 and set(route) <= {0, 1, 2} for route in seen)


def test_a_search_goes_on_where_it_was(environment, dataset, tmp_path, monkeypatch):
    options = argparse.Namespace(out=tmp_path, tries=20, episodes=2)
    table = search(environment.config, dataset, options)
    assert table["criterion"].tolist() == ["rounds", "rounds", "cost", "cost"]
    for row in table.itertuples():
        route = [int(node) for node in row.route.split(",")]
        reached, cost = needed(environment, route, row.episode)
        assert (row.rounds, row.communication_cost, row.reached_goal) == (reached or 4, cost, reached is not None)
    path = tmp_path / f"floor-{environment.config.split}.csv"
    whole = path.read_text()
    table.iloc[:2].to_csv(path, index=False)  # interrupted: what is missing is found as if nothing had happened
    assert search(environment.config, dataset, options)["route"].tolist() == table["route"].tolist()
    assert path.read_text() == whole
    one = argparse.Namespace(out=tmp_path, tries=20, episodes=1)  # another search, the clairvoyant one
    assert search(environment.config, dataset, one)["episodes"].tolist() == [2, 2, 2, 2, 1, 1]
    path.write_text(whole)
    monkeypatch.setattr("studies.routes.evolve", None)  # nothing is searched again
    again = search(environment.config, dataset, options)
    assert again["route"].tolist() == table["route"].tolist()


def test_two_searches_of_the_same_settings_are_one_in_the_table(environment, dataset, tmp_path, monkeypatch):
    """The other one begins and ends while this one searches; another search's rows stay too."""
    options, alone_out = argparse.Namespace(out=tmp_path, tries=20, episodes=2), tmp_path / "alone"
    alone_out.mkdir()
    alone = search(environment.config, dataset, argparse.Namespace(**vars(options) | {"out": alone_out}))
    one = search(environment.config, dataset, argparse.Namespace(**vars(options) | {"episodes": 1}))
    calls = []

    def evolve_beside(*arguments):
        calls.append(arguments[2])
        if len(calls) == 1:
            search(environment.config, dataset, options)
        return evolve(*arguments)

    monkeypatch.setattr("studies.routes.evolve", evolve_beside)
    table = search(environment.config, dataset, options)
    assert calls == ["rounds", "rounds", "cost"]  # what the other one found is not searched again
    assert table.query("episodes == 2")["route"].tolist() == alone["route"].tolist()
    assert table.query("episodes == 1")["route"].tolist() == one["route"].tolist()


@pytest.mark.parametrize("content", ["", "dataset,split\n1,2\n"])
def test_other_tables_are_refused(content, environment, dataset, tmp_path):
    (tmp_path / f"floor-{environment.config.split}.csv").write_text(content)
    with pytest.raises(UsageError, match="is no table of routes"):
        search(environment.config, dataset, argparse.Namespace(out=tmp_path, tries=20, episodes=1))


def test_bad_options(tmp_path, capsys):
    assert main(["--out", str(tmp_path), "--tries", "3"]) == 2
    assert capsys.readouterr().err == "studies.routes: error: --tries must be above 12 and --episodes at least 1\n"
