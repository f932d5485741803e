"""The command line of the driving study."""

import sys

import pandas as pd
import pytest
from PIL import Image

from studies.driving import __main__ as study
from studies.driving import drives, training


@pytest.fixture
def compare(monkeypatch):
    monkeypatch.setattr("models.start_tensorflow", lambda threads: None)  # of the tests' own process
    return lambda *arguments: study.main([str(argument) for argument in arguments])


def test_missing_package_is_one_line(compare, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "highway_env", None)
    assert compare("--out", tmp_path / "out") == 2
    said = "needs highway-env; install it with: pip install -r requirements-simulations.txt\n"
    assert capsys.readouterr().err == f"studies.driving: error: studies.driving {said}"
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_quick_study_is_measured_once(compare, tmp_path, monkeypatch, capsys, unrendered, eager):
    pytest.importorskip(
        "highway_env", reason="highway-env is not installed: pip install -r requirements-simulations.txt"
    )
    monkeypatch.setattr(drives, "QUICK_STEPS", 40)
    monkeypatch.setattr(training, "EPISODE_STEPS", 20)
    monkeypatch.setattr(drives, "NAMES", ("plain",))
    arguments = ("--quick", "--seeds", "0", "--out", tmp_path)
    assert compare(*arguments) == 0
    report = (tmp_path / "report.md").read_text()
    assert "This is the quick form" in report
    assert "plain against the DQN agent" in report
    files = {path: path.read_bytes() for path in tmp_path.rglob("*.csv")}
    assert len(files) == 2 + 1 + 3 + 1  # networks, DQN agent, bounds, and the table
    with Image.open(tmp_path / "figures" / "drive-racetrack-memory-plain.gif") as picture:
        assert picture.n_frames > 1
    capsys.readouterr()
    assert compare(*arguments) == 0
    assert "6 of them finished already" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in files} == files
    means = pd.read_csv(tmp_path / "drives.csv")
    assert (means.loc[means["agent"] == "expert", ["crashed", "off_road", "error"]] == 0).all(axis=None)
