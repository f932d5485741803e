"""What happens to the terminal: closed pipes, hang-ups, streams that cannot take every character."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest
from helpers import PROJECT, run, start, wait_for

import main
from runs import terminal
from runs.command_line import command
from runs.terminal import Output, guarded_output, stop_signals


@pytest.mark.slow
def test_training_goes_on_when_the_pipe_is_closed(tiny, tmp_path):
    process = start(*tiny, "--episodes", 6, "--run-dir", tmp_path)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait() == 0
    assert process.stderr.read() == ""
    assert len(pd.read_csv(tmp_path / "episodes.csv")) == 6


def test_a_list_may_be_cut_off(tmp_path):
    process = start("--list", "--seeds", "0-400", "--out", tmp_path, program="sweep.py")
    assert process.stdout.readline().startswith("new")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 0


@pytest.mark.slow
@pytest.mark.parametrize("streams", ["1>&-", "2>&-", "1>&- 2>&-", "0<&-", "> /dev/full 2>&1"])
def test_closed_and_full_streams(streams, tiny, tmp_path):
    """A closed stdout must not lend its number to the log that is opened next."""
    command = [sys.executable, str(PROJECT / "main.py"), *tiny, "--episodes", "1", "--run-dir", str(tmp_path / "run")]
    assert subprocess.run(["sh", "-c", f'"$@" {streams}', "sh", *command], capture_output=True).returncode == 0
    assert len(pd.read_csv(tmp_path / "run" / "episodes.csv")) == 1
    assert (tmp_path / "run" / "rounds.csv").read_text().startswith("seed,episode,round,")


def test_output_replaces_what_the_stream_cannot_say():
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    assert Output(stream).write("pépin █ end") == 11
    stream.seek(0)
    assert stream.read() == "p?pin ? end"


def test_output_without_a_stream(monkeypatch):
    """As in a process without a console."""
    monkeypatch.setattr(sys, "stdout", None)
    with guarded_output():
        print("said to nobody")
    assert sys.stdout is None


@pytest.mark.slow
def test_an_ascii_terminal_is_enough(tiny, tmp_path):
    folder = tmp_path / "Übung [/b]"
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    process = start(*tiny, "--episodes", 1, "--run-dir", folder, env=environment)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert f"logged in {tmp_path}/?bung [/b]" in output
    assert f"Figures and CSV files: {tmp_path}/?bung [/b]" in output


@pytest.mark.slow
def test_a_dumb_terminal_gets_a_line_an_episode(tiny, tmp_path):
    leader, follower = os.openpty()
    process = start(*tiny, "--run-dir", tmp_path, env=os.environ | {"TERM": "dumb", "COLUMNS": "200"}, stdout=follower)
    os.close(follower)
    output = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while chunk := os.read(leader, 4096):
            output += chunk
    assert process.wait() == 0
    os.close(leader)
    assert all(f"episode {number}/4  rounds".encode() in output for number in (1, 2, 3, 4))
    assert b"\x1b[" not in output


@pytest.mark.slow
def test_a_hang_up_ends_the_round_like_a_termination(tiny, tmp_path):
    process = start(*tiny, "--episodes", 1000, "--run-dir", tmp_path)
    wait_for(tmp_path, "checkpoint.npz", process)
    process.send_signal(signal.SIGHUP)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors.startswith("main.py: interrupted; go on with: python main.py --resume")


def swallow(number):
    """Does what some libraries do where a signal reaches them."""
    try:
        os.kill(os.getpid(), number)
        time.sleep(5)
    except:  # noqa: E722
        raise TypeError("no maximum value") from None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_that_a_library_turns_into_an_error_is_one(number, capsys):
    assert command("x.py", lambda: swallow(number), lambda: "go on") == 130
    assert capsys.readouterr().err == "x.py: interrupted; go on\n"
    with pytest.raises(TypeError):
        command("x.py", lambda: {}[[]], lambda: "go on")  # which nobody interrupted


def test_a_second_interruption_that_a_library_turns_into_an_error_is_one(tiny, tmp_path, monkeypatch, capsys):
    def learn(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        swallow(signal.SIGTERM)

    monkeypatch.setattr("node.DQNAgent.learn", learn)
    assert main.main([*map(str, tiny), "--run-dir", str(tmp_path / "run")]) == 130
    said = f"main.py: interrupted; go on with: python main.py --resume --run-dir {tmp_path / 'run'}\n"
    assert capsys.readouterr().err == said


def test_nohup_stays_deaf_to_a_hang_up(monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_run_of_a_sweep_that_was_killed_stops(tiny, tmp_path, monkeypatch, capfd):
    assert not terminal.orphaned()
    monkeypatch.setenv(terminal.SWEEP, str(os.getppid()))
    assert not terminal.orphaned()
    monkeypatch.setenv(terminal.SWEEP, str(os.getppid() + 1))  # which is no parent of this process
    assert main.main([*map(str, tiny), "--run-dir", str(tmp_path)]) == 130
    assert "interrupted" in capfd.readouterr().err
    assert len(pd.read_csv(tmp_path / "rounds.csv")) == 1  # the round was finished
    monkeypatch.delenv(terminal.SWEEP)
    run("--resume", "--run-dir", tmp_path)


def test_one_process_takes_several_runs_and_threads(tiny, tmp_path, capfd):
    """Another number of threads is refused in one line; a thread other than the main one may run too."""
    assert main.main([*map(str, tiny), "--threads", "1", "--run-dir", str(tmp_path / "one")]) == 2
    line = capfd.readouterr().err
    assert "give --threads 2, or start a new process" in line
    assert line.count("\n") == 1
    codes = []
    flags = [*map(str, tiny), "--episodes", "1", "--run-dir", str(tmp_path / "two")]
    thread = threading.Thread(target=lambda: codes.append(main.main(flags)))
    thread.start()
    thread.join()
    assert codes == [0]
