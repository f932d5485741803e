"""The tables of the boids on numbers that were worked out by hand."""

import shutil

import numpy as np
import pandas as pd
import pytest
from helpers import PROJECT

from studies.boids.figures import STORED, all_paths, shapes
from studies.boids.report import JUDGED, against_stored, means, verdicts, write_report
from studies.boids.world import Flock
from studies.simulations.tables import comparisons


def test_means_are_over_the_last_hundred_steps():
    steps = np.arange(0, 601, 10)
    rows = pd.DataFrame({"agent": "dqn", "seed": 3, "step": steps, "polarisation": steps, "nearest": 1.0})
    rows = rows.assign(collisions=np.where(steps > 500, 2, 9), flocks=steps == 600, speed=4)
    table = means(rows, pd.DataFrame({"agent": ["dqn", "dqn"], "seed": [4, 3], "wind": [1.0, 7.0]}))
    assert table["polarisation"].tolist() == [np.mean(range(510, 601, 10))]
    assert table[["nearest", "collisions", "flocks", "speed", "wind"]].iloc[0].tolist() == [1, 2, 0.1, 4, 7]


def test_log_is_compared_with_the_stored_one():
    """Losses of 4 and 16 times the stored one have the geometric mean of 8 times."""
    rows = pd.DataFrame(
        [
            {"seed": seed, "epoch": epoch, "loss": factor * loss}
            for seed, factor in ((0, 4), (1, 16))
            for epoch, loss in STORED.items()
        ]
    )
    table = against_stored(rows)
    assert table["epoch"].tolist() == [1, 2, 3, 4, 50, 100, 150, 200, 250, 300, 350, 400]
    assert set(table["ours / stored"]) == {"8.00"}
    assert set(table["stored within our seeds"]) == {"no"}
    assert table["lowest"].tolist()[-1] == f"{4 * 0.228:.3f}"
    assert set(against_stored(rows.assign(loss=rows["loss"] / 8))["stored within our seeds"]) == {"yes"}


def test_verdicts_have_one_row_a_pair():
    table = pd.DataFrame(
        [
            {"agent": name, "seed": seed, "polarisation": order + seed / 100, "nearest": 20.0 + seed}
            | {"collisions": 1.0 + order, "flocks": 10 * order, "wind": 0.0}
            for name, order in (("b", 0.9), ("a", 0.4), ("c", 0.4))
            for seed in (0, 1, 2)
        ]
    )
    rows = verdicts(comparisons(table, [("b", "a"), ("a", "c")], JUDGED))
    assert rows[["agent", "against"]].to_numpy().tolist() == [["b", "a"], ["a", "c"]]
    assert rows["polarisation"].tolist()[0] == "better: +0.500 (+0.500 to +0.500)"
    assert rows["flocks"].tolist()[0] == "worse: +5.0 (+5.0 to +5.0)"
    assert all(cell.startswith("no difference shown") for cell in rows.iloc[1, 3:])


@pytest.mark.parametrize(("velocity", "tip"), [((3, 0), (110, 100)), ((0, -1), (100, 90)), ((-2, 0), (90, 100))])
def test_arrow_heads_point_to_where_boids_fly(velocity, tip):
    corners = shapes(Flock(np.array([[(100.0, 100.0)]]), np.array([[velocity]], float)))
    assert corners.shape == (1, 4, 2)
    assert corners[0, 0].tolist() == pytest.approx(tip)


def test_paths_are_those_of_the_lowest_seed():
    """Films of two seeds in one folder, as two commands with other seeds leave them."""
    rows = [(seed, 5 * step, 10.0 * seed + step) for seed in (7, 3) for step in range(3)]
    paths = pd.DataFrame(rows, columns=["seed", "step", "x"]).assign(agent="reynolds", boid=0, y=20.0)
    axes = all_paths(paths).axes[0]
    assert [line.get_xdata().tolist() for line in axes.lines] == [[30.0, 31.0, 32.0], [32.0]]


def test_published_report_is_that_of_the_measurements(tmp_path, monkeypatch):
    monkeypatch.setattr("studies.boids.report.draw", lambda *_: None)
    published = PROJECT / "results" / "simulations" / "boids"
    shutil.copytree(published, tmp_path / "boids", ignore=shutil.ignore_patterns("figures"))
    for name in ("report.md", "per_seed.csv", "per_step.csv"):
        (tmp_path / "boids" / name).unlink()
    write_report(tmp_path / "boids")
    for name in ("report.md", "per_seed.csv"):
        assert (tmp_path / "boids" / name).read_bytes() == (published / name).read_bytes()
    films = list((published / "figures").glob("*.gif"))
    assert films
    assert max(path.stat().st_size for path in films) < 2_000_000
