"""Faults, provoked for real: one line on stderr, the right exit code, nothing lost."""

import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from helpers import PROJECT, refuse, run, start, wait_for

from runs.comparison import equal

MAIN = str(PROJECT / "main.py")


def in_shell(script, *arguments):
    """Runs a shell script whose "$@" is a command line of main.py; returns its exit code and stderr."""
    command = ["sh", "-c", script, "sh", sys.executable, MAIN, *map(str, arguments)]
    finished = subprocess.run(command, text=True, capture_output=True)
    return finished.returncode, finished.stderr


def may_mount():
    return (
        shutil.which("unshare")
        and not subprocess.run(
            ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True
        ).returncode
    )


mounts = pytest.mark.skipif(not may_mount(), reason="this system does not let its users mount a tmpfs (unshare -rm)")


@pytest.mark.slow
def test_ctrl_c_finishes_the_round(tiny, tmp_path):
    process = start(*tiny, "--episodes", 1000, "--run-dir", tmp_path / "run")
    wait_for(tmp_path / "run", "checkpoint.npz", process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors == f"main.py: interrupted; go on with: python main.py --resume --run-dir {tmp_path / 'run'}\n"
    text = (tmp_path / "run" / "rounds.csv").read_text()
    assert text.endswith("\n")
    assert len({line.count(",") for line in text.splitlines()}) == 1
    rounds = pd.read_csv(tmp_path / "run" / "rounds.csv")
    assert (rounds["round_seconds"] >= rounds["train_seconds"] + rounds["evaluate_seconds"] - 2e-4).all()


@pytest.mark.slow
def test_killed_run_resumes_to_the_same_logs(finished, tiny, tmp_path):
    folder = tmp_path / "killed"
    process = start(*tiny, "--run-dir", folder)
    wait_for(folder, "checkpoint.npz", process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with open(folder / "rounds.csv", "a") as file:
        file.write("0,99,1,cut sho")  # what a kill in the middle of a line leaves
    run("--resume", "--run-dir", folder)
    assert equal(finished, folder)
    assert len(json.loads((folder / "run.json").read_text())["resumed"]) == 1


@pytest.mark.slow
def test_limit_on_file_sizes(tiny, tmp_path):
    """A limit of 64 KiB a file, as of a quota; the run goes on from its checkpoint once it is lifted."""
    folder = tmp_path / "run"
    code, errors = in_shell('ulimit -f 128; exec "$@"', *tiny, "--episodes", 100, "--run-dir", folder)
    assert code == 2
    assert errors.startswith("main.py: error: [Errno 27] File too large")
    assert errors.count("\n") == 1
    assert f"--resume --run-dir {folder}" in errors
    with np.load(folder / "checkpoint.npz") as checkpoint:
        episodes = int(checkpoint["episode"])
    run("--resume", "--run-dir", folder, "--episodes", episodes + 1)
    assert len(pd.read_csv(folder / "episodes.csv")) == episodes + 1


@pytest.mark.slow
@mounts
def test_full_disk(tiny, tmp_path):
    """Episodes until a tmpfs of 160 KiB is full; a copy of what it holds then resumes as if nothing had happened."""
    flags = [*tiny, "--episodes", 400]
    (tmp_path / "disk").mkdir()
    script = f'mount -t tmpfs -o size=160k none {tmp_path}/disk && "$@"; code=$?'
    script += f"; cp -r {tmp_path}/disk/run {tmp_path}/copy; exit $code"
    command = ["unshare", "-rm", "sh", "-c", script, "sh", sys.executable, MAIN, *map(str, flags)]
    ended = subprocess.run([*command, "--run-dir", tmp_path / "disk" / "run"], text=True, capture_output=True)
    assert ended.returncode == 2
    assert "No space left on device" in ended.stderr
    assert ended.stderr.startswith("main.py: error: ")
    assert ended.stderr.count("\n") == 1
    assert not list((tmp_path / "copy").glob("*.tmp"))
    with np.load(tmp_path / "copy" / "checkpoint.npz") as checkpoint:
        episodes = int(checkpoint["episode"])
    run("--resume", "--run-dir", tmp_path / "copy", "--episodes", episodes + 1)
    run(*flags, "--run-dir", tmp_path / "whole", "--episodes", episodes + 1)
    assert equal(tmp_path / "copy", tmp_path / "whole")


@pytest.mark.slow
@mounts
def test_read_only_folder(tiny, tmp_path):
    script = f'mount -t tmpfs -o ro none {tmp_path} && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", sys.executable, MAIN, *map(str, tiny[4:])]
    flags = ["--dataset", "digits-stand-in", "--run-dir", tmp_path / "run"]
    ended = subprocess.run([*command, *flags], text=True, capture_output=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("main.py: error: [Errno 30] Read-only file system")
    assert ended.stderr.count("\n") == 1


@pytest.mark.slow
def test_second_process_on_a_folder_is_refused(tiny, tmp_path, capfd):
    process = start(*tiny, "--episodes", 1000, "--run-dir", tmp_path)
    wait_for(tmp_path, "checkpoint.npz", process)
    assert "another process is running in" in refuse(capfd, "--resume", "--run-dir", tmp_path)
    assert "another process is running in" in refuse(capfd, *tiny, "--overwrite", "--run-dir", tmp_path)
    assert process.poll() is None
    process.kill()
    process.communicate()
    run("--resume", "--run-dir", tmp_path, "--episodes", len(pd.read_csv(tmp_path / "episodes.csv")))


@pytest.mark.parametrize("policy", ["random", "centralized", "gossip-ring"])
def test_weights_that_are_not_finite_end_the_run(policy, tiny, tmp_path, capfd):
    """The episode is marked and the round logged; the message names what it can be computed again from."""
    flags = [*tiny, "--learning-rate", 1e20, "--goal", 1, "--policy", policy, "--seed", 3]
    line = refuse(capfd, *flags, "--run-dir", tmp_path)
    assert "seed 3, episode 1, round 1: training at node 0 gave weights that are not finite" in line
    assert "start again with a lower --learning-rate" in line
    assert pd.read_csv(tmp_path / "episodes.csv")["ended"].tolist() == ["not finite"]
    assert pd.read_csv(tmp_path / "rounds.csv")["done"].tolist() == [True]


def test_agent_that_is_not_finite_ends_the_run(tiny, tmp_path, capfd):
    flags = [*tiny, "--agent-learning-rate", 1e30, "--episodes", 20]
    assert "lower --agent-learning-rate" in refuse(capfd, *flags, "--run-dir", tmp_path)
