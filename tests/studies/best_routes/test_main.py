"""Long searches of routes: choices and tables by hand, and a whole small study."""

import pandas as pd
import pytest
from helpers import THREE_NODES

from environment import HomogeneousLearningEnv
from runs.presets import PRESETS
from studies import tuning_command
from studies.best_routes import __main__ as best_routes
from studies.best_routes import report, units
from studies.best_routes.units import Search, candidates, chosen, milestones
from studies.lessons import Player

A, B, C, D = "0x1 1x2", "0x1 2x2", "0x2", "0x1 1x1 2x1"


def search(*best, seed=200, split="disjoint"):
    rows = pd.DataFrame({"best": best, "episode": range(1, len(best) + 1)})
    return rows.assign(part="search", seed=seed, split=split)


def judged(folder, rounds, part="judged", seed=210):
    """Writes the rounds of routes on each initial weights."""
    (folder / "runs").mkdir(exist_ok=True)
    for episode in range(1, len(next(iter(rounds.values()))) + 1):
        rows = [{"route": route, "rounds": values[episode - 1]} for route, values in rounds.items()]
        table = pd.DataFrame(rows).assign(part=part, seed=seed, split="disjoint", episode=episode)
        table = table.assign(
            communication_cost=table["rounds"] / 10, episode_return=-table["rounds"], reached_goal=True
        )
        table.to_csv(folder / "runs" / f"{part}-disjoint-{episode}-seed{seed}.csv", index=False)


@pytest.fixture
def two_searches(tmp_path):
    """One search ends with B, another with A; D is played too, which neither chooses."""
    judged(tmp_path, {A: [3, 4], B: [2, 7], C: [4, 2], D: [3, 5]})
    for seed, best in ((200, [None, C, A, D, B, B]), (201, [A] * 6)):
        search(*best, seed=seed).to_csv(tmp_path / "runs" / f"search-disjoint-seed{seed}.csv", index=False)
    judged(tmp_path, {A: [5, 6], C: [4, 5]}, "validated", 211)
    return tmp_path


def test_candidates_are_the_last_routes_that_were_best_and_those_of_the_milestones(monkeypatch):
    rows = search(None, C, A, D, B, D, B, A, B)
    assert milestones(rows) == {3: A, 6: D, 9: B}
    assert candidates(rows) == [B, A, D, C]
    monkeypatch.setattr(units, "MOST", 1)
    assert candidates(rows) == [B, A, D]


def test_the_chosen_route_needs_the_fewest_rounds_on_average(two_searches):
    """A needs 3.5, B 4.5, C 3 and D 4. The second search knew A alone."""
    assert chosen(two_searches, "disjoint") == {200: C, 201: A}


def test_tables_by_hand(two_searches):
    """4 and 5 rounds: 4.5, standard error 0.5, Student's t 12.7. The best of each weights need 2 and 2."""
    text = report.report(two_searches, 0)
    assert "on all test images" in text
    assert "show it on 2 others" in text
    assert "| disjoint | 200 | 0x2 | 3.0 (-9.7 to 15.7) | 4.5 (-1.9 to 10.9) |" in text
    assert "| disjoint | 201 | 0x1 1x2 | 3.5 (-2.9 to 9.9) | 5.5 (-0.9 to 11.9) |" in text
    convergence = report.convergence(two_searches)
    assert list(convergence.columns[2:]) == ["after 2 episodes", "after 4 episodes", "after 6 episodes"]
    assert [cell.split()[0] for cell in convergence.iloc[0, 2:]] == ["3.0", "4.0", "4.5"]
    best = report.best_routes(two_searches).iloc[0]
    assert (best["routes"], best["weights"]) == (4, 2)
    assert best["best route for all weights"].startswith("3.0 (")
    assert best["best route for each set of weights"].startswith("2.0 (")


@pytest.fixture
def small(dataset, monkeypatch):
    """Makes the study one of three nodes, six episodes and three initial weights."""
    monkeypatch.setattr(tuning_command, "load_dataset", lambda config: dataset)
    monkeypatch.setitem(PRESETS, tuning_command.PRESET, PRESETS[tuning_command.PRESET] | THREE_NODES)
    for name, value in {"EPISODES": 6, "JUDGED": (210, 2), "VALIDATED": (211, 1)}.items():
        monkeypatch.setattr(best_routes, name, value)
    monkeypatch.setattr("policies.route_agent.FIRST", 2)
    return ["--splits", "disjoint", "--seeds", "200-201", "--threads", "2"]


def test_a_small_study(small, dataset, tmp_path, monkeypatch, capsys):
    """Routes need what they need where they are played by hand; a packed study gives the same report."""
    folder = tmp_path / "study"
    assert best_routes.main([*small, "--out", str(folder)]) == 0
    text = (folder / "report.md").read_text()
    assert "nan" not in text
    assert {path.name.partition("-")[0] for path in (folder / "runs").glob("*.csv")} == {
        "search",
        "judged",
        "validated",
    }
    assert best_routes.main(["--pack", str(folder), "--out", str(tmp_path / "packed")]) == 0
    monkeypatch.setattr(Search, "measure", None)
    assert best_routes.main([*small, "--out", str(tmp_path / "packed")]) == 0
    assert (tmp_path / "packed" / "report.md").read_text() == text
    assert "2 units in" in capsys.readouterr().out
    assert best_routes.main([*small, "--seeds", "200-202", "--out", str(folder)]) == 2
    assert "was started with seeds [200, 201], not [200, 201, 202]" in capsys.readouterr().err


def test_searches_on_the_weights_of_the_trials_are_refused(tmp_path, capsys):
    assert best_routes.main(["--seeds", "209-210", "--out", str(tmp_path / "study")]) == 2
    assert "--seeds must leave out 210, on whose initial weights the routes are played" in capsys.readouterr().err
    assert not (tmp_path / "study").exists()


def test_a_route_is_played_as_it_says(small, dataset, tmp_path, monkeypatch):
    config = best_routes.Config(**THREE_NODES | {"policy": "route-agent", "threads": 2})
    unit = units.Judgement(split="disjoint", seed=210, episode=3)
    monkeypatch.setattr(units.Judgement, "routes", lambda unit, folder: [A, B])
    shares = []
    rows = unit.measure(config, dataset, tmp_path, shares.append)
    assert shares == [0.5, 1]
    environment = HomogeneousLearningEnv(units.dataclasses.replace(config, seed=210), dataset)
    player = Player(environment)
    for row, path in zip(rows, ((0, 1, 1, 1), (0, 2, 2, 2)), strict=True):
        rounds, cost, reached = player.result(3, path)
        assert (row["rounds"], row["communication_cost"], row["reached_goal"]) == (rounds, cost, reached)
