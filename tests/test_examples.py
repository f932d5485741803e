"""The examples run from a folder outside the project, as their docstrings say."""

import json
import shlex
import shutil
import subprocess
import sys

import nbformat
import pandas as pd
import pytest
from helpers import PROJECT, finish, start
from nbclient import NotebookClient

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
def test_the_notebook_runs(tiny, tmp_path):
    """With a tiny run; all cells, and what they show."""
    (tmp_path / "examples").mkdir()
    for path in PROJECT.iterdir():
        if path.name != "examples":
            (tmp_path / path.name).symlink_to(path)
    notebook = nbformat.read(PROJECT / "examples" / "quickstart.ipynb", as_version=4)
    (settings,) = (cell for cell in notebook.cells if "FLAGS = " in cell.source)
    settings.source = settings.source.replace("--preset quick", shlex.join(tiny))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path / "examples"}}).execute()
    assert len(pd.read_csv(tmp_path / "examples" / "quickstart" / "run" / "episodes.csv")) == 4
    shown = [output.data for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    assert sum("image/png" in data for data in shown) == 3
    assert sum("image/gif" in data for data in shown) == 1
    assert sum("text/html" in data for data in shown) == 2  # tables


def test_the_notebook_is_committed_without_outputs():
    notebook = nbformat.read(PROJECT / "examples" / "quickstart.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)


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
