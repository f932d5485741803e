"""Printed commands work as typed from the present folder."""

import argparse
import shlex
from pathlib import Path

import pytest
from helpers import PROJECT, refuse

import sweep
from reporting import run_figures
from runs.command_line import command, command_of
from runs.folder import resume_hint


def programs(text):
    """Returns the programs that a printed command starts, from the present folder."""
    return [Path(word).resolve() for word in shlex.split(text) if word.endswith(".py")]


@pytest.mark.parametrize("folder", [".", "an other/inner"])
def test_commands_start_the_program_from_any_folder(folder, tmp_path, monkeypatch, capfd):
    (tmp_path / "an other" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / folder)
    (run := Path("run")).mkdir()
    (run / "run.json").touch()
    assert programs(command_of("main.py", "--goal", "0.5")) == [PROJECT / "main.py"]
    options = argparse.Namespace(run_dir=run, engine="local", tensorboard=False, like=None, begun=False, resume=True)
    assert programs(resume_hint(options)) == [PROJECT / "main.py"]
    assert programs(refuse(capfd, "--unknown").split("; see ")[1]) == [PROJECT / "main.py"]
    monkeypatch.setattr(run_figures, "draw", lambda *arguments: 1 / 0)
    assert programs(run_figures.try_to_draw(run).split("with: ")[1]) == [PROJECT / "plots.py"]
    assert sweep.main(["--seeds", "0", "--list"]) == 0
    assert programs(capfd.readouterr().out) == [PROJECT / "main.py"] * 2


def test_tensorflow_without_memory_is_one_line(capfd):
    class ResourceExhaustedError(Exception):
        """Of TensorFlow, which is not imported here."""

    def work():
        raise ResourceExhaustedError("OOM when allocating tensor")

    assert command("main.py", work, lambda: "start again") == 2
    assert capfd.readouterr().err == "main.py: error: not enough memory; close other programs, then start again\n"


def test_in_the_projects_folder_commands_are_short(monkeypatch):
    monkeypatch.chdir(PROJECT)
    assert command_of("report.py", "--docs") == "python report.py --docs"
