"""The examples run from a folder outside the project, as their docstrings say."""

import json
import shutil
import subprocess
import sys

import pytest
from helpers import PROJECT, finish, start

import report

OWN = ("--learner", "my_layers:Smoothed", "--dataset", "rings", "--data-path", "my_data.npz", "--threads", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    for path in (PROJECT / "examples").glob("*.py"):
        assert len(path.read_text().splitlines()) < 40
        shutil.copy(path, folder)
    subprocess.run([sys.executable, "my_data.py"], cwd=folder, check=True)
    return folder


@pytest.mark.slow
def test_examples_run_from_another_folder(folder):
    short = ("--policy", "my_rules:Wanderer", "--learner-variant", "wide", "--episodes", "1", "--round-limit", "3")
    code, _, errors = finish(start(*short, *OWN, "--run-dir", "run", cwd=folder))
    assert (code, errors) == (0, "")
    described = json.loads((folder / "run" / "run.json").read_text())
    assert described["dataset"].startswith("rings-")
    assert described["learns"] is False
    nodes = [line.split(",")[3] for line in (folder / "run" / "rounds.csv").read_text().splitlines()[1:]]
    assert nodes[0] == "0"
    assert len(set(nodes)) == len(nodes) == 3  # it never goes back at once


@pytest.mark.slow
def test_a_sweep_and_a_report_of_the_examples(folder):
    policies = ("--policies", "my_rules:Wanderer,random", "--seeds", "0", "--jobs", "2", "--out", "sweep")
    code, _, errors = finish(start(*policies, *OWN, "--episodes", "1", cwd=folder, program="sweep.py"))
    assert (code, errors) == (0, "")
    assert report.main([str(folder / "sweep")]) == 0
    assert "| disjoint | my_rules:Wanderer | 1 |" in (folder / "sweep" / "report.md").read_text()


def test_what_a_learner_of_ones_own_lacks_is_said(folder, monkeypatch):
    from learners import make_learner
    from settings.errors import UsageError

    monkeypatch.chdir(folder)
    assert make_learner("my_layers:Smoothed").variant == "narrow"
    with pytest.raises(UsageError, match="--learner-variant must be one of narrow, wide for --learner my_layers"):
        make_learner("my_layers:Smoothed", "huge")
    with pytest.raises(UsageError, match=r"my_rules:Wanderer must be a subclass of learners\.base\.Learner"):
        make_learner("my_rules:Wanderer")
