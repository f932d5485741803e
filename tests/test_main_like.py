"""Runs with --like: the settings of a run, packed or not, in a new folder."""

import shutil

import pandas as pd
import pytest
from helpers import refuse, run

import main
import sweep
from runs.description import read_description


def test_a_run_is_run_again(tiny, tmp_path, capsys, monkeypatch):
    """From its folder, and in fewer episodes from its packed form, whose file of images is elsewhere by now."""
    first, again, packed = tmp_path / "runs" / "first", tmp_path / "again", tmp_path / "packed"
    data = shutil.copy(tiny[tiny.index("--data-path") + 1], tmp_path / "data.npz")
    run(*tiny, "--data-path", data, "--policy", "random", "--episodes", 2, "--run-dir", first)
    run("--like", first, "--run-dir", again)
    assert "equal those of" in capsys.readouterr().out
    assert read_description(again)["config"] == read_description(first)["config"]
    assert sweep.main(["--pack", str(first.parent), "--out", str(packed)]) == 0
    monkeypatch.setenv("HL_DATA", str(data.rename(tmp_path / "moved.npz")))
    run("--like", packed / "first", "--run-dir", tmp_path / "third", "--episodes", 1)
    assert "of 1 episodes, on the same kind of machine." in " ".join(capsys.readouterr().out.split())


def test_other_logs_on_the_same_kind_of_machine_are_an_error(finished, tmp_path, capsys):
    like = shutil.copytree(finished, tmp_path / "like")
    rounds = pd.read_csv(like / "rounds.csv", dtype=str, keep_default_na=False)
    rounds.loc[1, "loss"] = "2.5"
    rounds.to_csv(like / "rounds.csv", index=False)
    flags = ("--like", like, "--run-dir", tmp_path / "run", "--episodes", 1, "--figure-every", -1)
    assert main.main([str(flag) for flag in flags]) == 1
    assert "The logs differ from those of" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--goal", 0.5), "leave out --goal (allowed: --episodes, --data-path"),
        (("--preset", "paper"), "leave out --preset and --evaluate"),
        (("--run-dir", "{like}", "--overwrite"), "--run-dir must be another folder than that of --like"),
    ],
)
def test_what_does_not_go_with_it(finished, capfd, flags, said):
    flags = [str(flag).format(like=finished) for flag in flags]
    assert said in refuse(capfd, "--like", finished, *flags)


def test_a_run_without_an_episode_is_told(finished, tmp_path, capfd):
    """Before anything is run again."""
    like = shutil.copytree(finished, tmp_path / "like")
    header = (like / "episodes.csv").read_text().splitlines()[0]
    (like / "episodes.csv").write_text(f"{header}\n")
    assert "has no finished episode to compare with" in refuse(capfd, "--like", like, "--run-dir", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_without_a_run_is_told(tmp_path, capfd):
    assert "holds no run; check the path" in refuse(capfd, "--like", tmp_path)
