"""What a run resumes from, and what it does not resume from."""

import hashlib
import json
import shutil

import numpy as np
import pandas as pd
from helpers import drop_column, refuse, run

from runs.comparison import equal, read


def test_a_loaded_agent_is_not_needed_again(finished, tiny, tmp_path, capfd):
    """A resumed run has it in its checkpoint, wherever the file has gone."""
    flags = ["--load-agent", tmp_path / "agent.npz", "--run-dir", tmp_path / "run", "--episodes"]
    shutil.copy(finished / "agent.npz", tmp_path / "agent.npz")
    run(*tiny, *flags, 1)
    (tmp_path / "agent.npz").unlink()
    run("--resume", *flags[2:], 2)
    (tmp_path / "run" / "checkpoint.npz").unlink()
    assert "--load-agent" in refuse(capfd, *tiny, *flags, 2, "--overwrite")


def test_damaged_run_is_not_resumed(tiny, tmp_path, capfd):
    run(*tiny, "--run-dir", tmp_path, "--episodes", 2)
    rounds, whole = (tmp_path / "rounds.csv").read_bytes(), (tmp_path / "checkpoint.npz").read_bytes()
    (tmp_path / "checkpoint.npz").write_bytes(whole[: len(whole) // 2])
    assert "is damaged" in refuse(capfd, "--resume", "--run-dir", tmp_path)
    (tmp_path / "checkpoint.npz").unlink()
    assert "no checkpoint.npz" in refuse(capfd, "--resume", "--run-dir", tmp_path)
    (tmp_path / "checkpoint.npz").write_bytes(whole)
    (tmp_path / "rounds.csv").write_bytes(rounds[:-10])
    assert "shorter than at the checkpoint" in refuse(capfd, "--resume", "--run-dir", tmp_path)
    (tmp_path / "rounds.csv").write_bytes(rounds.replace(b"goal", b"aims", 1))
    assert "has other columns" in refuse(capfd, "--resume", "--run-dir", tmp_path)
    assert json.loads((tmp_path / "run.json").read_text())["end"]  # a run that is not resumed stays finished
    (tmp_path / "run.json").write_text("{")
    assert "damaged or of another version" in refuse(capfd, "--resume", "--run-dir", tmp_path)


def test_a_run_that_began_before_a_column_came_goes_on_without_it(finished, tiny, tmp_path):
    run(*tiny, "--run-dir", tmp_path, "--episodes", 2)
    path = tmp_path / "rounds.csv"
    drop_column(path, "values")
    with np.load(tmp_path / "checkpoint.npz") as arrays:
        arrays = dict(arrays)
    tables = json.loads(str(arrays["tables"]))
    tables["rounds.csv"] = len(path.read_bytes()), hashlib.sha256(path.read_bytes()).hexdigest()
    np.savez(tmp_path / "checkpoint.npz", **arrays | {"tables": json.dumps(tables)})
    for episodes in (3, 4):
        run("--resume", "--run-dir", tmp_path, "--episodes", episodes)
    whole, resumed = (read(folder)["rounds.csv"] for folder in (finished, tmp_path))
    pd.testing.assert_frame_equal(resumed, whole.drop(columns="values"))


def test_foreign_checkpoint_is_refused(finished, tiny, tmp_path, capfd):
    """Of a run with other settings, or an .npz file of something else, or one that holds a pickled object."""
    run(*tiny, "--run-dir", tmp_path, "--episodes", 1, "--discount", 0.5)
    before = (tmp_path / "episodes.csv").read_bytes()
    shutil.copy(finished / "checkpoint.npz", tmp_path)
    assert "of a run with other settings" in refuse(capfd, "--resume", "--run-dir", tmp_path)
    np.savez(tmp_path / "checkpoint.npz", images=np.zeros(3))
    assert "is damaged" in refuse(capfd, "--resume", "--run-dir", tmp_path)
    np.savez(tmp_path / "checkpoint.npz", episode=np.array({"a": 1}, dtype=object))
    assert "is damaged" in refuse(capfd, "--resume", "--run-dir", tmp_path)
    assert (tmp_path / "episodes.csv").read_bytes() == before


def test_a_setting_counts_by_its_value_and_not_as_it_is_written(tiny, tmp_path, capfd):
    """Another default, or 3 for 3.0, is no other setting."""
    run(*tiny, "--run-dir", tmp_path, "--episodes", 1, "--reward-base", 3)
    with np.load(tmp_path / "checkpoint.npz") as arrays:
        arrays = dict(arrays)
    settings = json.loads(str(arrays["settings"]))
    assert settings["reward_base"] == 3
    settings["reward_base"] = 3
    del settings["greedy_from"]  # as if it were new since
    np.savez(tmp_path / "checkpoint.npz", **arrays | {"settings": json.dumps(settings)})
    run("--resume", "--run-dir", tmp_path, "--episodes", 2)
    settings["reward_base"] = 4
    np.savez(tmp_path / "checkpoint.npz", **arrays | {"settings": json.dumps(settings)})
    assert "other settings" in refuse(capfd, "--resume", "--run-dir", tmp_path)


def test_checkpoint_holds_all_that_was_learned(finished):
    with np.load(finished / "checkpoint.npz") as arrays:
        names = {name.removeprefix("policy_") for name in arrays}
        assert {"weights", "optimizer_state", "epsilon", "settings", "episode", "tables"} <= names
        rounds = pd.read_csv(finished / "rounds.csv")
        assert len(arrays["policy_replay_reward"]) == (rounds["round"] > 1).sum()
        moves, done = rounds[rounds["round"] > 1], arrays["policy_replay_done"]
        assert arrays["policy_replay_action"].tolist() == moves["node"].tolist()
        assert done.tolist() == moves["done"].tolist()
        np.testing.assert_allclose(arrays["policy_replay_reward"], moves["reward"], rtol=1e-12)
        seen, after = arrays["policy_replay_observation"], arrays["policy_replay_next_observation"]
        np.testing.assert_array_equal(after[:-1][~done[:-1]], seen[1:][~done[:-1]])


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(finished, tiny, tmp_path):
    run(*tiny, "--run-dir", tmp_path, "--episodes", 1)
    (tmp_path / "checkpoint.npz").unlink()
    run("--resume", "--run-dir", tmp_path, "--episodes", 4)
    assert equal(finished, tmp_path)
