"""A run's folder: what is replaced and what is not, who works in it, file systems that cannot do everything."""

import argparse
import errno
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
from helpers import PROJECT, refuse, run

from config import Config
from reporting import run_figures
from runs.folder import WRITTEN, clear, holds_run, lock, locked, new_folder, resume_hint, write_atomically
from settings.errors import UsageError

THEIRS = ("figures/drawing.svg", "tensorboard/events.out.tfevents.1.other", "thesis.tex", "figures/deep/nodes.png")
THEIRS += ("agent.npz.of-my-paper.tmp",)
LEFT = f"{7:032x}.tmp"  # the end of a name of a file that a process was writing when it was killed


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")


def test_overwrite_removes_what_the_run_wrote_and_nothing_else(tiny, tmp_path, unrendered):
    flags = (*tiny, "--policy", "random", "--run-dir", tmp_path, "--episodes")
    run(*flags, 2, "--tensorboard", "--figure-every", 0)
    before = set(tmp_path.rglob("*"))
    put(tmp_path, *THEIRS)
    put(tmp_path, f"rounds.csv.{LEFT}", f"figures/nodes.png.{LEFT}")
    run(*flags, 1, "--overwrite")
    assert len(pd.read_csv(tmp_path / "episodes.csv")) == 1
    assert all((tmp_path / name).read_text() == "mine" for name in THEIRS)
    gone = {path for path in before if not path.exists()} - {tmp_path / "node_models.csv"}  # which is of the figures
    assert {path.parent.name for path in gone} == {"figures", "tensorboard"}  # this time there are neither
    assert not list(tmp_path.rglob(f"*{LEFT}"))


@pytest.mark.parametrize("name", ["figures", "tensorboard"])
def test_a_file_in_the_place_of_a_folder_is_refused_before_anything_is_removed(name, tmp_path):
    put(tmp_path, "run.json", "episodes.csv", name)
    with pytest.raises(UsageError, match=f"{name} is no folder; move it away or choose another --run-dir"):
        clear(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_what_a_kill_leaves_of_a_removal_is_still_a_run(tmp_path, monkeypatch):
    put(tmp_path, *WRITTEN)
    (tmp_path / "run.json").write_text('{"config": {}, "dataset_sha256": ""}')
    unlink, counts = Path.unlink, iter(range(100))
    monkeypatch.setattr(Path, "unlink", lambda path, **flags: 1 / 0 if next(counts) == 9 else unlink(path, **flags))
    with pytest.raises(ZeroDivisionError):
        clear(tmp_path)
    assert len(list(tmp_path.iterdir())) < len(WRITTEN)
    assert holds_run(tmp_path)
    clear(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["rounds.csv", "agent.npz", "figures/nodes.png", "run.json"])
def test_files_of_somebody_else_are_not_replaced(name, tiny, tmp_path, capfd):
    put(tmp_path, name)
    for flag in ((), ("--overwrite",)):
        line = refuse(capfd, *tiny, "--run-dir", tmp_path, *flag)
        assert f"{tmp_path / name} is not of a run and would be replaced; choose another --run-dir" in line
    assert (tmp_path / name).read_text() == "mine"


def test_a_folder_without_a_run_may_hold_other_things(tiny, tmp_path):
    put(tmp_path, *THEIRS)
    run(*tiny, "--policy", "random", "--episodes", 1, "--run-dir", tmp_path, "--overwrite")
    assert all((tmp_path / name).read_text() == "mine" for name in THEIRS)


@pytest.mark.parametrize("path", ["", " ", "a\0b", "~nobody-has-this-name/x"])
def test_paths_that_are_none(path, tiny, capfd):
    assert "--run-dir" in refuse(capfd, *tiny, "--run-dir", path, "--overwrite")


def test_home_is_expanded(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    run(*tiny, "--policy", "random", "--episodes", 1, "--run-dir", "~/run")
    assert (tmp_path / "run" / "run.json").exists()


def test_a_run_that_ended_meanwhile_is_not_replaced(tiny, tmp_path, monkeypatch, capfd):
    """It ended after this command line was read, before the folder was locked."""
    run(*tiny, "--policy", "random", "--episodes", 1, "--run-dir", tmp_path)
    before = (tmp_path / "episodes.csv").read_bytes()
    monkeypatch.setattr("runs.options.check_options", lambda *options: None)
    assert "holds a run; add --resume or --overwrite" in refuse(capfd, *tiny, "--run-dir", tmp_path)
    assert (tmp_path / "episodes.csv").read_bytes() == before


EDITS = {
    "other line ends": lambda content: content.replace(b"\n", b"\r\n"),
    "byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "an empty row": lambda content: content.replace(b"\n", b"\n\n", 1),
    "another digit": lambda content: content.replace(b"0.", b"1.", 1),
    "a row more at the end": lambda content: content + content.splitlines(keepends=True)[-1],
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", ["episodes.csv", "rounds.csv"])
def test_edited_tables_are_refused_or_cut_before_anything_is_changed(name, edit, tiny, tmp_path, capfd, one_episode):
    for path in one_episode.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_bytes(EDITS[edit]((tmp_path / name).read_bytes()))
    before = {path: path.read_bytes() for path in tmp_path.glob("*.*") if path.name != ".lock"}
    if edit == "a row more at the end":  # as an interruption leaves it
        run("--resume", "--run-dir", tmp_path, "--episodes", 2)
        assert pd.read_csv(tmp_path / "episodes.csv")["episode"].tolist() == [1, 2]
        return
    line = refuse(capfd, "--resume", "--run-dir", tmp_path, "--episodes", 2)
    assert str(tmp_path / name) in line
    assert "put the original back" in line
    assert before == {path: path.read_bytes() for path in before}


@pytest.fixture(scope="module")
def one_episode(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    run(*tiny, "--policy", "random", "--episodes", 1, "--run-dir", folder)
    return folder


def test_runs_that_begin_in_the_same_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config, data = Config(seed=3), argparse.Namespace(name="x:y")
    folders = [new_folder(config, data) for _ in range(3)]
    assert len(set(folders)) == 3
    assert all(folder.is_dir() and "-dqn-x.y-seed3" in folder.name for folder in folders)


def test_a_locked_folder_names_who_has_it(tmp_path):
    script = (
        f"import sys; sys.path.insert(0, {str(PROJECT)!r})\nfrom runs.folder import locked\nfrom pathlib import Path\n"
    )
    script += f"with locked(Path({str(tmp_path)!r})): print('mine', flush=True), sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"mine\n"
    said = rf"\(process {process.pid} on {os.uname().nodename}\).* remove {tmp_path}/.lock$"
    with pytest.raises(UsageError, match=said), locked(tmp_path):
        pass
    process.kill()
    process.communicate()
    with locked(tmp_path):  # the dead one's lock is gone
        pass
    assert not (tmp_path / ".lock.holder").exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(number, tmp_path, monkeypatch):
    def fail(self, **options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("runs.folder.filelock.FileLock.acquire", fail)
    with (
        pytest.raises(UsageError, match=r"cannot be locked .* choose a folder on another file system"),
        locked(tmp_path),
    ):
        pass


def test_a_file_system_without_synchronisation(tmp_path, monkeypatch):
    """As some network and FUSE ones are; a real fault of the disk is still one."""

    def fail(number):
        def fsync(descriptor):
            raise OSError(number, os.strerror(number))

        return fsync

    monkeypatch.setattr(os, "fsync", fail(errno.EINVAL))
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    monkeypatch.setattr(os, "fsync", fail(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        write_atomically(tmp_path / "file", b"newer")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 1


def test_many_writers_of_one_file(tmp_path):
    """Each writes through a temporary file of its own, so that the file is always one of theirs, whole."""
    failed = []

    def write(letter):
        for _ in range(50):
            try:
                write_atomically(tmp_path / "file", letter * 10_000)
            except OSError as error:
                failed.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(set((tmp_path / "file").read_bytes())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_waiting_for_a_lock(tmp_path):
    taken = []
    with lock(tmp_path / "lock"):
        thread = threading.Thread(
            target=lambda: [taken.append(1) for _ in [0] for _ in [lock(tmp_path / "lock").__enter__()]]
        )
        thread.start()
        thread.join(0.3)
        assert not taken
    thread.join(60)
    assert taken


def test_a_run_outlives_its_figures(tiny, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(run_figures, "draw", lambda *_: 1 / 0)
    run(*tiny, "--policy", "random", "--episodes", 3, "--figure-every", 1, "--run-dir", tmp_path)
    output = capfd.readouterr().out
    said = "The figures could not be drawn (ZeroDivisionError: division by zero). Draw them later with: python plots.py"
    assert output.count(said) == 3
    assert len(pd.read_csv(tmp_path / "episodes.csv")) == 3


def test_the_hint_names_a_command_that_works(tmp_path):
    options = argparse.Namespace(run_dir=tmp_path / "my run", engine="ray", tensorboard=False, like=None)
    options.ray_address = options.ray_actors = None
    options.run_dir.mkdir()
    (options.run_dir / "run.json").write_text("{}")
    options.begun = options.resume = False
    assert resume_hint(options) == "start again"  # the run that is there is an older one, which --overwrite replaces
    options.begun = True
    assert shlex.split(resume_hint(options))[3:] == [
        *("python", "main.py", "--resume", "--run-dir", f"{options.run_dir}", "--engine", "ray")
    ]
    options.ray_address, options.ray_actors, options.tensorboard = "10.0.0.1:6379", 2, True
    assert shlex.split(resume_hint(options))[8:] == [
        "--engine",
        "ray",
        "--ray-address",
        "10.0.0.1:6379",
        "--ray-actors",
        "2",
        "--tensorboard",
    ]


def test_only_the_owner_of_the_lock_is_kept_out(tiny, tmp_path):
    """A lock file that a killed process left is no obstacle."""
    (tmp_path / ".lock").write_text("")
    run(*tiny, "--policy", "random", "--episodes", 1, "--run-dir", tmp_path)
