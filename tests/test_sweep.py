"""Sweeps of real runs on the tiny data set: what fails is reported, what is done is not done again."""

import contextlib
import io
import re
import shlex
import shutil
import signal
from pathlib import Path

import pandas as pd
import pytest
from helpers import finish, run, start, sweep_flags, wait_for
from rich.console import Console

import report
import sweep
from runs.comparison import equal
from runs.folder import lock
from runs.presets import CHANGES, PAPER, PRESETS
from sweeps.ray_workers import run_experiment


def test_no_more_runs_at_once_than_jobs(tiny, tmp_path, monkeypatch):
    """Workers without a program, all of whose runs fail."""
    planned = sweep.runs(*sweep.parse(sweep_flags(tiny, tmp_path, seeds="0-4", policies="random")))
    at_work, counts = set(), []

    class Workers:
        jobs = 9

        def start(self, run):
            at_work.add(run.name)
            counts.append(len(at_work))

        def ended(self, run):
            at_work.discard(run.name)
            return 1

        def stop(self, running):
            assert not running

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    assert sweep.sweep(planned, Workers(), 2, Console(quiet=True)) == planned
    assert counts == [1, 2, 1, 2, 1]


@pytest.fixture(scope="module")
def swept(tiny, tmp_path_factory):
    """A sweep of two policies in this process, of which all runs with an absurd learning rate fail."""
    out, printed, errors, codes = tmp_path_factory.mktemp("sweep"), io.StringIO(), io.StringIO(), {}

    class Workers:
        jobs = 2

        def start(self, run):
            codes[run.name] = run_experiment(run.arguments, str(run.log), str(Path.cwd()))

        def ended(self, run):
            return codes[run.name]

        def stop(self, running):
            assert not running

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "LocalWorkers", Workers)
        patch.setenv("COLUMNS", "200")
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
            code = sweep.main(sweep_flags(tiny, out, seeds="0", vary="learning-rate=0.001,1e30"))
    return out, code, printed.getvalue(), errors.getvalue()


def test_a_run_that_cannot_start_is_one_line(tiny, tmp_path, capfd):
    """Something is in the way of its log."""
    (tmp_path / "logs" / "random-disjoint-seed0.txt").mkdir(parents=True)
    flags = [*map(str, tiny), "--policies", "random", "--seeds", "0", "--out", str(tmp_path)]
    assert sweep.main(flags) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("sweep.py: error: ")
    assert "Is a directory" in line


def test_failed_runs_are_reported_while_the_others_finish(swept):
    out, code, output, errors = swept
    assert code == 1
    assert "2 of 4 runs failed" in errors
    for policy in ("dqn", "random"):
        finished = pd.read_csv(out / f"{policy}-disjoint-learning-rate0.001-seed0" / "episodes.csv")
        name, number = f"{policy}-disjoint-learning-rate0.001-seed0", len(finished)
        assert f"finished: {name}  rounds {finished['rounds'].mean():.1f} in the last {number}\n" in output
        assert re.search("^ *Means over seeds", output, re.MULTILINE)  # on a line of its own
        assert re.search(rf"^ *disjoint +{policy} +1 +{finished['rounds'].mean():.1f} ", output, re.MULTILINE)
        assert f"failed: {policy}-disjoint-learning-rate1e30-seed0 ended with exit code 2: main.py: error:" in output
        log = out / "logs" / f"{policy}-disjoint-learning-rate1e30-seed0.txt"
        assert str(log) in output
        assert "not finite" in log.read_text()


def test_what_another_sweep_finished_meanwhile_is_not_begun(swept, tiny, tmp_path):
    """Two runs are planned; while the first one runs, another sweep of the same folder does the second."""
    planned = sweep.runs(*sweep.parse(sweep_flags(tiny, tmp_path, seeds="0", vary="learning-rate=0.001")))
    started = []

    class Workers:
        def start(self, run):
            started.append(run.name)
            for name in (run.name, planned[-1].name):
                shutil.copytree(swept[0] / name, tmp_path / name)

        def ended(self, run):
            return 0

        def stop(self, running):
            pass

    assert sweep.sweep(planned, Workers(), 1, Console(quiet=True)) == []
    assert started == [planned[0].name]
    assert len(planned) == 2


def test_a_policy_that_does_not_learn_runs_the_last_episodes(swept):
    out = swept[0]
    episodes = pd.read_csv(out / "random-disjoint-learning-rate0.001-seed0" / "episodes.csv")
    assert episodes["episode"].tolist() == [2, 3]
    episodes = pd.read_csv(out / "dqn-disjoint-learning-rate0.001-seed0" / "episodes.csv")
    assert episodes["episode"].tolist() == [1, 2, 3]


def test_settings_of_the_agent_make_no_other_random_run(tiny, tmp_path, capsys):
    arguments = sweep_flags(tiny, tmp_path, seeds="0", vary="updates=1,2")
    assert sweep.main([*arguments, "--vary", "preset=paper,published-code", "--list"]) == 0
    names = [line.split("/")[-1].split()[0] for line in capsys.readouterr().out.splitlines()]
    assert [name for name in names if name.startswith("random")] == [
        "random-disjoint-presetpaper-seed0",
        "random-published-presetpublished-code-seed0",
    ]
    assert len(names) == 4 + 2


def test_a_preset_gives_split_and_episodes_where_nothing_else_does(tmp_path, capsys):
    flags = ["--policies", "random", "--seeds", "0", "--control-episodes", "2", "--out", str(tmp_path), "--list"]
    assert sweep.main([*flags, "--preset", "published-code"]) == 0
    assert sweep.main([*flags, "--preset", "quick"]) == 0
    assert sweep.main([*flags, "--preset", "published-code", "--splits", "disjoint", "--episodes", "9"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split("/")[-1].split()[0] for line in lines]
    assert names == ["random-published-seed0", "random-disjoint-seed0", "random-disjoint-seed0"]
    assert [line.split("--first-episode ")[1].split()[0] for line in lines] == ["119", "9", "8"]
    assert all("--threads 1 " in line for line in lines)


def test_controls_meet_the_last_episodes_of_the_longest_learner(tmp_path, capsys, monkeypatch):
    """The presets of the agent differ in length, too, but make no other random run."""
    flags = ["--policies", "dqn,random", "--seeds", "0", "--out", str(tmp_path), "--list"]
    changes = {"updates": 9, "episodes": 140}
    monkeypatch.setitem(CHANGES, "longer", changes)
    monkeypatch.setitem(PRESETS, "longer", PAPER | changes)
    assert sweep.main([*flags, "--vary", "preset=paper,longer"]) == 0
    assert sweep.main([*flags, "--preset", "improved", "--control-episodes", "30"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "--policy random" in line]
    assert [line.split("--first-episode ")[1].split()[0] for line in lines] == ["121", "111"]


def test_policies_of_a_seed_start_alike(swept):
    """In round 1 the starter trains in any case, so that the accuracies of an episode agree."""
    out = swept[0]
    dqn, random = (
        pd.read_csv(out / f"{name}-disjoint-learning-rate0.001-seed0/rounds.csv") for name in ("dqn", "random")
    )
    first = [table[table["round"] == 1].set_index("episode")["accuracy"] for table in (dqn, random)]
    assert first[0].loc[[2, 3]].equals(first[1])


def test_second_call_starts_no_run(swept, tiny, capsys, monkeypatch):
    out = swept[0]
    monkeypatch.setattr(sweep.LocalWorkers, "start", lambda self, run: pytest.fail(f"{run.name} was started"))
    arguments = sweep_flags(tiny, out, seeds="0", vary="learning-rate=0.001")
    assert sweep.main(arguments) == 0
    assert "2 runs" in capsys.readouterr().out
    assert sweep.main([*arguments, "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["finished", "finished"]
    assert sweep.main([*sweep_flags(tiny, out, seeds="0,5-6"), "--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["new"] * 6


def test_other_settings_in_the_same_folder_are_refused(swept, tiny, capsys):
    out = swept[0]
    assert sweep.main([*sweep_flags(tiny, out, seeds="0", vary="learning-rate=0.001"), "--discount", "0.5"]) == 2
    assert "other settings" in capsys.readouterr().err


def test_packed_runs_are_finished(swept, tiny, tmp_path, capsys):
    """`--pack` makes a folder without run folders, in which the same sweep has nothing to do."""
    names = [f"{policy}-disjoint-learning-rate0.001-seed0" for policy in ("dqn", "random")]
    for name in names:
        shutil.copytree(swept[0] / name, tmp_path / "sweep" / name)
    assert sweep.main(["--pack", str(tmp_path / "sweep"), "--out", str(tmp_path / "packed")]) == 0
    assert "its run folders stay" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "sweep").iterdir()} == set(names)
    flags = {"seeds": "0", "vary": "learning-rate=0.001", "policies": "dqn"}
    assert sweep.main([*sweep_flags(tiny, tmp_path / "packed", **flags), "--list"]) == 0
    assert capsys.readouterr().out.split()[0] == "finished"
    # A new folder of more episodes would be read in place of the packed run.
    assert sweep.main([*sweep_flags(tiny, tmp_path / "packed", **flags, episodes=4), "--list"]) == 2
    assert "is packed and cannot be continued; choose another --out" in capsys.readouterr().err
    assert sweep.main([*sweep_flags(tiny, tmp_path / "packed", **flags), "--discount", "0.5"]) == 2
    assert "other settings" in capsys.readouterr().err


@pytest.mark.slow
def test_listed_command_runs_the_experiment(tiny, tmp_path, capsys):
    assert sweep.main([*sweep_flags(tiny, tmp_path, policies="nearest", seeds="3"), "--list"]) == 0
    _, _, _, *arguments = capsys.readouterr().out.split()
    assert finish(start(*arguments))[0] == 0
    assert pd.read_csv(tmp_path / "nearest-disjoint-seed3" / "rounds.csv")["seed"].unique().tolist() == [3]


@pytest.mark.slow
def test_interrupted_sweep_goes_on(tiny, tmp_path):
    """SIGTERM, like Ctrl-C, lets the runs finish their round; the sweep then ends as if it had not been."""
    options, folder = {"policies": "dqn", "seeds": "0"}, tmp_path / "a" / "dqn-disjoint-seed0"
    process = start(*sweep_flags(tiny, tmp_path / "a", **options, episodes=4000), program="sweep.py")
    wait_for(folder, "checkpoint.npz", process)
    process.send_signal(signal.SIGTERM)
    code, _, errors = finish(process)
    assert code == 130
    assert errors == "sweep.py: interrupted; the same command goes on\n"
    assert "interrupted" in (tmp_path / "a" / "logs" / "dqn-disjoint-seed0.txt").read_text()
    episodes = len(pd.read_csv(folder / "episodes.csv")) + 1
    assert sweep.main(sweep_flags(tiny, tmp_path / "a", **options, episodes=episodes)) == 0
    run(*tiny, "--episodes", episodes, "--run-dir", tmp_path / "b")
    assert equal(folder, tmp_path / "b")


def test_values_with_commas_are_separated_by_semicolons(tmp_path, capsys):
    flags = ["--policies", "dqn", "--seeds", "0", "--out", str(tmp_path), "--list"]
    assert sweep.main([*flags, "--vary", "agent-hidden-units=500,200;64,64", "--vary", "leaving=3:50,7:80;3:50"]) == 0
    lines = capsys.readouterr().out.splitlines()
    values = [[shlex.split(line)[shlex.split(line).index(flag) + 1] for line in lines] for flag in LISTED]
    assert values == [["500,200", "500,200", "64,64", "64,64"], ["3:50,7:80", "3:50"] * 2]


LISTED = ("--agent-hidden-units", "--leaving")


def test_controls_do_not_begin_before_the_learner(tmp_path, capsys):
    flags = ["--policies", "dqn,random", "--seeds", "0", "--out", str(tmp_path), "--list"]
    assert sweep.main([*flags, "--episodes", "1010", "--first-episode", "1001"]) == 0
    lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    first = {max(int(words[at + 1]) for at, word in enumerate(words) if word == "--first-episode") for words in lines}
    assert first == {1001}


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_no_run_outlives_a_sweep(number, code, tiny, tmp_path, capsys):
    """Its terminal is closed, or it is killed; the same command then goes on, and no run has failed."""
    options, folder = {"policies": "dqn", "seeds": "0"}, tmp_path / "dqn-disjoint-seed0"
    process = start(*sweep_flags(tiny, tmp_path, **options, episodes=4000), program="sweep.py")
    wait_for(folder, "checkpoint.npz", process)
    process.send_signal(number)
    assert finish(process)[0] == code
    with lock(folder / ".lock"):  # waits until nobody works there any more
        logged = len(pd.read_csv(folder / "episodes.csv"))
    assert logged < 4000
    assert sweep.main(sweep_flags(tiny, tmp_path, **options, episodes=logged + 1)) == 0
    assert not capsys.readouterr().err
    assert len(pd.read_csv(folder / "episodes.csv")) == logged + 1


def test_report_of_a_sweep_of_one_seed(swept, capsys):
    """It says that one seed proves nothing, and leaves the failed runs out by name."""
    out = swept[0]
    assert report.main([str(out)]) == 0
    text = capsys.readouterr().out
    assert text.strip() == (out / "report.md").read_text().strip()
    assert "not testable with so few seeds" in text
    assert "random-disjoint-learning-rate1e30-seed0" in text
    assert {path.name for path in (out / "figures").iterdir()} >= {"policies.png", "learning.pdf"}
