"""What cannot be run is refused in one line on stderr with exit code 2, and nothing is lost."""

import sys

import pytest
from helpers import refuse

BAD = [
    ("--episodes x", "invalid int value"),
    ("--episodes 1.5", "invalid int value"),
    ("--episodes 0", "--episodes must be at least 1"),
    ("--goal 1.5", "--goal must be at most 1"),
    ("--goal nan", "--goal must be a number"),
    ("--learning-rate -1", "--learning-rate must be above 0"),
    ("--learning-rate inf", "--learning-rate must be a number"),
    ("--seed -1", "--seed must be at least 0"),
    ("--split other", "--split must be one of"),
    ("--policy other", "--policy must be one of"),
    ("--dataset cifar", "--dataset must be one of"),
    ("--preset other", "invalid choice"),
    ("--unknown 3", "unrecognized arguments"),
    ("--episode 3", "unrecognized arguments"),  # no abbreviations
    ("extra", "unrecognized arguments"),
    ("--episodes", "expected one argument"),
    ("--nodes 5", "--pca-components must be at most --nodes"),
    ("--starter 10", "--starter must be below --nodes"),
    ("--nodes-per-round 11", "--nodes-per-round must be at most --nodes"),
    ("--minibatch 60000", "--minibatch must be at most --replay-size"),
    ("--agent-hidden-units 5,,5", "--agent-hidden-units must be widths"),
    ("--evaluate", "--evaluate needs --load-agent"),
    ("--resume", "need --run-dir"),
    ("--overwrite", "need --run-dir"),
    ("--resume --overwrite --run-dir x", "exclude each other"),
    ("--resume --run-dir nowhere", "holds no run"),
    ("--data-path nowhere.npz", "does not exist"),
    ("--dataset digits-stand-in --data-path nowhere.npz", "reads no file; leave out --data-path"),
    ("--evaluation half", "--evaluation must be one of"),
    ("--evaluation-samples -1", "--evaluation-samples must be at least 0"),
    ("--policy fedavg --drop-rate 0.1", "takes neither"),
    ("--first-episode 121", "--first-episode must be at most --episodes"),
    ("--policy route", "--route must be nodes below 10"),
    ("--route 0,10", "--route must be nodes below 10"),
    ("--route 3,1", "--route must begin with the starter"),
    ("--leaving 3", "--leaving must be nodes and episodes"),
    ("--leaving 0:2", "not the starter"),
    ("--leaving 10:2", "nodes below 10"),
    ("--drop-rate 1.5", "--drop-rate must be at most 1"),
    ("--home-leave-rate -1", "--home-leave-rate must be at least 0"),
    ("--learner other", "--learner must be one of"),
    ("--learner kde --learner-variant other", "--learner-variant must be one of stacked-shift"),
    ("--dirichlet-alpha 0", "--dirichlet-alpha must be above 0"),
]


@pytest.mark.parametrize(("arguments", "says"), BAD)
def test_bad_input_is_refused_in_one_line(arguments, says, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["main.py"])
    assert says in refuse(capfd, *arguments.split())
    assert not list(tmp_path.iterdir())


def test_folder_that_holds_a_run_is_refused(finished, tiny, capfd):
    before = {path: path.read_bytes() for path in finished.iterdir() if path.is_file()}
    assert "--resume or --overwrite" in refuse(capfd, *tiny, "--run-dir", finished)
    assert "--goal 0.2 (now 0.9)" in refuse(capfd, "--resume", "--run-dir", finished, "--goal", 0.9)
    assert "at least that" in refuse(capfd, "--resume", "--run-dir", finished, "--episodes", 3)
    assert before == {path: path.read_bytes() for path in finished.iterdir() if path.is_file()}


def test_an_agent_is_not_overwritten_by_the_run_that_loads_it(finished, tiny, capfd):
    agent = finished / "agent.npz"
    line = refuse(capfd, *tiny, "--evaluate", "--load-agent", agent, "--run-dir", finished, "--overwrite")
    assert f"--overwrite would delete {agent}; choose another --run-dir" in line
    assert agent.exists()


def test_folder_that_cannot_be_made(tiny, tmp_path, capfd):
    (tmp_path / "file").write_text("in the way")
    assert "Not a directory" in refuse(capfd, *tiny, "--run-dir", tmp_path / "file" / "run")


def test_contradicting_flags_are_refused(capfd):
    assert "leave one of them out" in refuse(capfd, "--evaluate", "--greedy-from", 5, "--load-agent", "x")
