"""Runs with --like: the settings of a run, packed or not, in a new folder."""

import shutil

import pytest
from helpers import refuse, run

import sweep
from runs.description import read_description


def test_a_run_is_run_again(tiny, tmp_path, capsys, monkeypatch):
    """From its folder, and in fewer episodes from its packed form, whose file of images is elsewhere by now."""
    first, again, packed = tmp_path / "runs" / "first", tmp_path / "again", tmp_path / "packed"
    run(*tiny, "--policy", "random", "--episodes", 2, "--run-dir", first)
    run("--like", first, "--run-dir", again)
    assert "equal those of" in capsys.readouterr().out
    assert read_description(again)["config"] == read_description(first)["config"]
    assert sweep.main(["--pack", str(first.parent), "--out", str(packed)]) == 0
    data = tmp_path / "moved.npz"
    shutil.copy(tiny[tiny.index("--data-path") + 1], data)
    run("--like", packed / "first", "--run-dir", tmp_path / "third", "--episodes", 1, "--data-path", data)
    assert "of 1 episodes, on the same kind of machine." in " ".join(capsys.readouterr().out.split())


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
