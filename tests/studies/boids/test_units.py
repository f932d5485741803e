"""Units of the boids: which there are, that their numbers repeat, and that an interrupted study goes on."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from settings.errors import UsageError
from studies.boids import __main__ as boids
from studies.boids import agents, units
from studies.boids.agents import AGENTS, SIZES, steering, towards_zero, weights_path
from studies.boids.networks import ZERO, force_model
from studies.boids.units import Film, Flight, Training, plan

TINY = dataclasses.replace(SIZES["quick"], boids=60, steps=20, training_steps=10, epochs=1, zero_epochs=3, every=5)


@pytest.fixture
def tiny(monkeypatch):
    """Leaves no force, one imitation, the authors' linear networks and the DQN, all of them small."""
    monkeypatch.setitem(agents.SIZES, "quick", TINY)
    monkeypatch.setattr(units, "OF_QUICK", ("no-force", "imitation-linear", "dqn", "zero-linear"))
    monkeypatch.setattr("models.start_tensorflow", lambda threads: None)
    monkeypatch.setattr("studies.boids.report.draw", lambda *_: None)  # but for the films
    return lambda out, *more: boids.main(["--quick", "--out", str(out), *more])


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob("runs/*.csv")}


def test_plan_trains_before_it_flies():
    planned = plan([0, 1], quick=False)
    trained = {name for name, agent in AGENTS.items() if not agent.steer and not agent.trained_as}
    assert {unit.agent for unit in planned if isinstance(unit, Training)} == trained
    assert sum(isinstance(unit, Training) for unit in planned) == 2 * len(trained)
    assert sum(isinstance(unit, Flight) for unit in planned) == 2 * len(AGENTS)
    assert {unit.seed for unit in planned if isinstance(unit, Film)} == {0}
    for number, unit in enumerate(planned):
        assert set(unit.needs()) <= set(planned[:number])
    assert {unit.size for unit in plan([0], quick=True)} == {"quick"}


def test_interrupted_study_goes_on_and_repeats(tiny, tmp_path, monkeypatch):
    """Stopped at the DQN, it keeps what it has; the second time and elsewhere it has the same numbers."""
    measure = Training.measure

    def interrupted(self, folder):
        if self.agent == "dqn":
            raise KeyboardInterrupt
        return measure(self, folder)

    monkeypatch.setattr(Training, "measure", interrupted)
    assert tiny(tmp_path / "one", "--seeds", "100") == 130
    before = contents(tmp_path / "one")
    assert set(before) == {
        f"{name}-quick-seed100.csv"
        for name in ("flight-no-force", "training-imitation-linear", "flight-imitation-linear")
    }
    monkeypatch.setattr(Training, "measure", measure)
    assert tiny(tmp_path / "one", "--seeds", "100") == 0
    assert tiny(tmp_path / "two", "--seeds", "100") == 0
    after = contents(tmp_path / "one")
    assert after == contents(tmp_path / "two")
    assert {name: after[name] for name in before} == before
    assert len(after) == 4 + 3 + 4 + 4
    for name in ("report.md", "per_seed.csv", "per_step.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert len(list((tmp_path / "one" / "figures").glob("film-*-quick-seed100.gif"))) == 4
    assert_packed_study_is_read(tiny, tmp_path)


def test_missing_weights_are_one_line(tiny, tmp_path, capsys):
    """As where a flight is to be measured in a packed study, which holds no weights."""
    assert tiny(tmp_path / "one", "--seeds", "100") == 0
    assert tiny(tmp_path / "packed", "--pack", str(tmp_path / "one")) == 0
    wind = "wind-dqn-quick-seed100"
    table = pd.read_csv(tmp_path / "packed" / "runs" / "wind.csv.gz")
    table[table["unit"] != wind].to_csv(tmp_path / "packed" / "runs" / "wind.csv.gz", index=False)
    capsys.readouterr()
    assert tiny(tmp_path / "packed", "--seeds", "100") == 2
    said = capsys.readouterr().err
    assert "dqn-seed100.npz is missing, as after packing; choose another --out" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"no weights"])
def test_damaged_weights_are_named(content, tmp_path):
    weights_path(tmp_path, "dqn", 100).parent.mkdir()
    weights_path(tmp_path, "dqn", 100).write_bytes(content)
    with pytest.raises(UsageError, match=r"dqn-seed100\.npz cannot be read"):
        steering("dqn", 100, tmp_path)


def assert_packed_study_is_read(tiny, tmp_path):
    assert tiny(tmp_path / "packed", "--pack", str(tmp_path / "one")) == 0
    packed = {path.name for path in (tmp_path / "packed" / "runs").iterdir()}
    assert packed == {f"{part}.csv.gz" for part in ("training", "flight", "wind", "film")}
    report = (tmp_path / "packed" / "report.md").read_bytes()
    assert tiny(tmp_path / "packed", "--seeds", "100") == 0
    assert (tmp_path / "packed" / "report.md").read_bytes() == report
    assert not contents(tmp_path / "packed")


def test_no_force_keeps_the_speed(tmp_path):
    rows = pd.DataFrame(Flight(agent="no-force", seed=100, size="quick").measure(tmp_path))
    assert rows["step"].tolist() == list(range(0, SIZES["quick"].steps + 1, 10))
    assert np.ptp(rows["speed"]) < 1e-12
    assert np.ptp(rows["polarisation"]) < 1e-12


def test_authors_objective_takes_one_step_a_boid():
    """The optimizer has counted 40 boids in 3 epochs; forces get smaller."""
    sizes = dataclasses.replace(TINY, boids=40, zero_epochs=3)
    weights, rows = towards_zero(AGENTS["zero-linear"], 100, sizes)
    model = force_model("linear", ZERO, 40)
    assert int(model.optimizer.iterations) == 3 * 40
    assert weights.shape == (30,)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert rows[-1]["loss"] < rows[0]["loss"]
