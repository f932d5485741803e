"""The real main on tiny settings: what it writes, that it repeats and resumes."""

import json
import os

import numpy as np
import pandas as pd
import pytest
from helpers import assert_rounds_fit, run, start

import main
from config import GROUPS, Config
from runs.comparison import equal
from runs.options import parse
from runs.presets import PRESETS

ROUNDS = [
    "seed",
    "episode",
    "round",
    "node",
    "previous_node",
    "distance",
    "accuracy",
    "reward",
    "epsilon",
    "greedy",
    "done",
    "train_seconds",
    "evaluate_seconds",
    "round_seconds",
]
EPISODES = [
    "seed",
    "episode",
    "rounds",
    "episode_return",
    "communication_cost",
    "final_accuracy",
    "reached_goal",
    "epsilon",
    "loss",
    "seconds",
]


def test_columns(finished, dataset):
    assert list(pd.read_csv(finished / "rounds.csv").columns[: len(ROUNDS)]) == ROUNDS
    assert list(pd.read_csv(finished / "episodes.csv").columns[: len(EPISODES)]) == EPISODES
    assert set(pd.read_csv(finished / "rounds.csv")["dataset"]) == {f"other-{dataset.sha256()[:8]}"}


def test_logged_values_of_nodes_are_those_of_greedy_choices(tiny, tmp_path):
    run(*tiny, "--epsilon", 0.5, "--goal", 1, "--run-dir", tmp_path)
    rounds = pd.read_csv(tmp_path / "rounds.csv")
    assert rounds["values"].notna().tolist() == rounds["greedy"].tolist()
    greedy = rounds[rounds["greedy"]]
    values = np.array([text.split() for text in greedy["values"]], float)
    assert values.shape == (len(greedy), 10)
    assert 2 < len(greedy) < 16
    assert values.argmax(1).tolist() == greedy["node"].tolist()


def test_logged_numbers_fit_together(finished):
    rounds, episodes = pd.read_csv(finished / "rounds.csv"), pd.read_csv(finished / "episodes.csv")
    assert_rounds_fit(rounds, goal=0.2)
    for episode, rows in rounds.groupby("episode"):
        row = episodes[episodes["episode"] == episode].iloc[0]
        assert rows["round"].tolist() == list(range(1, row["rounds"] + 1))
        assert rows["node"].iloc[0] == rows["previous_node"].iloc[0] == 0
        assert rows["previous_node"].tolist()[1:] == rows["node"].tolist()[:-1]
        assert row["episode_return"] == pytest.approx(rows["reward"].sum())
        assert row["communication_cost"] == pytest.approx(rows["distance"].sum())
        assert row["final_accuracy"] == rows["accuracy"].iloc[-1]
        assert row["reached_goal"] == (row["final_accuracy"] >= 0.2)
        assert row["reached_goal"] or row["rounds"] == 5
        assert (rows["accuracy"].iloc[:-1] < 0.2).all()
        assert rows["done"].tolist() == [False] * (len(rows) - 1) + [True]
        assert row["epsilon"] == pytest.approx(np.exp(-0.02 * (episode - 1)))
    stored = (episodes["rounds"] - 1).cumsum()
    assert (episodes["loss"].notna() == (stored >= 6)).all()  # learning begins with a full minibatch
    assert episodes["loss"].notna().any()


def test_description(finished, dataset):
    described = json.loads((finished / "run.json").read_text())
    assert described["config"]["goal"] == 0.2
    assert described["dataset_sha256"] == dataset.sha256()
    assert described["packages"]["tensorflow"].startswith("2.21")
    assert described["command_line"].startswith("python main.py --dataset fashion-mnist")
    assert described["start"] <= described["end"]
    assert {"seed", "processor", "threads", "git_commit", "python"} < set(described)


def test_label_counts_are_logged(finished, dataset):
    nodes = pd.read_csv(finished / "nodes.csv")
    counts = nodes[[f"label_{label}" for label in range(10)]].to_numpy()
    assert counts.sum() == 400
    assert np.diag(counts).tolist() == [32] * 10


def test_figures(finished):
    names = {path.name for path in (finished / "figures").iterdir()}
    expected = [
        "episode_return",
        "rounds_to_goal",
        "communication_cost",
        "accuracy_over_rounds",
        "nodes",
        "routes",
        "node_models",
    ]
    assert names == {f"{name}.{suffix}" for name in expected for suffix in ("png", "pdf")}


def test_node_models_are_made_for_figures_and_change_no_number(finished, tiny, tmp_path, unrendered):
    """After every episode or after the last; a run without figures does not make them."""
    run(*tiny, "--figure-every", 1, "--run-dir", tmp_path / "often")
    assert equal(finished, tmp_path / "often")
    models = [(folder / "node_models.csv").read_bytes() for folder in (finished, tmp_path / "often")]
    assert models[0] == models[1]
    assert models[0].count(b"\n") == 51
    run(*tiny, "--run-dir", tmp_path / "never")
    assert equal(finished, tmp_path / "never")
    assert not (tmp_path / "never" / "node_models.csv").exists()


def test_same_seed_in_another_process_gives_the_same_logs(finished, tiny, tmp_path):
    assert start(*tiny, "--run-dir", tmp_path / "again").wait() == 0
    assert equal(finished, tmp_path / "again")
    run(*tiny, "--run-dir", tmp_path / "other", "--seed", 1)
    assert not equal(finished, tmp_path / "other")


def test_more_episodes_continue_a_finished_run(finished, tiny, tmp_path):
    folder = tmp_path / "longer"
    run(*tiny, "--run-dir", folder, "--episodes", 2)
    run("--resume", "--run-dir", folder, "--episodes", 4)
    assert equal(finished, folder)


def test_running_twice_just_works(tiny, dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        run(*tiny, "--policy", "random", "--episodes", 1)
    names = sorted(path.name for path in (tmp_path / "results" / "runs").iterdir())
    assert len(names) == 2
    assert all(f"-random-other-{dataset.sha256()[:8]}-seed0" in name for name in names)


def test_standalone_stays_at_the_starter(tiny, tmp_path):
    run(*tiny, "--policy", "standalone", "--starter", 4, "--goal", 1, "--episodes", 2, "--run-dir", tmp_path)
    rounds = pd.read_csv(tmp_path / "rounds.csv")
    assert set(rounds["node"]) == set(rounds["previous_node"]) == {4}
    assert not rounds["distance"].any()
    assert len(rounds) == 10


def test_several_nodes_a_round(tiny, tmp_path):
    run(*tiny, "--nodes-per-round", 3, "--episodes", 3, "--goal", 1, "--run-dir", tmp_path)
    rounds = pd.read_csv(tmp_path / "rounds.csv", dtype={"node": str})
    assert rounds["node"].iloc[0] == "0"
    assert {len(node.split("+")) for node in rounds["node"][rounds["round"] > 1]} == {3}


@pytest.mark.slow
def test_without_mnist_and_network_a_stand_in_is_used(tmp_path):
    """A dead proxy stands for the missing network, an empty folder for Keras' cache."""
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {**os.environ, **nowhere, "KERAS_HOME": str(tmp_path / "keras")}
    environment.pop("HL_DATA", None)
    flags = ["--preset", "quick", "--episodes", "1", "--round-limit", "2", "--figure-every", "0", "--greedy-from", "7"]
    process = start(*flags, cwd=tmp_path, env=environment)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "NOT MNIST" in output
    assert "prove nothing" in output
    assert "becomes greedy only from episode 7 on" in output
    (folder,) = (tmp_path / "results" / "runs").iterdir()
    assert "digits-stand-in" in folder.name
    assert json.loads((folder / "run.json").read_text())["dataset"] == "digits-stand-in"
    for name in ("rounds.csv", "episodes.csv", "nodes.csv", "node_models.csv"):
        assert set(pd.read_csv(folder / name)["dataset"]) == {"digits-stand-in"}


def shown(capsys, *arguments):
    with pytest.raises(SystemExit, match=r"^0$"):
        main.main(list(arguments))
    return capsys.readouterr().out


def test_help_is_short(capsys, monkeypatch):
    """A screen full: what is used most and each preset, in a line each, and where the rest is."""
    monkeypatch.setenv("COLUMNS", "80")
    text = shown(capsys, "--help")
    lines = text.splitlines()
    assert len(lines) < 40
    assert max(map(len, lines)) <= 80
    assert "python main.py --help-all" in text
    for name in (*PRESETS, "--preset", "--policy", "--episodes", "--seed", "--goal"):
        assert len([line for line in lines if line.strip().startswith(f"{name} ")]) == 1
    assert "--adam-beta-1" not in text


def test_every_setting_is_a_flag_and_every_preset_is_valid(capsys):
    text = shown(capsys, "--help-all")
    for group in GROUPS:
        assert f"\n{group.__doc__.rstrip('.')}:\n" in text
    for name in Config.__dataclass_fields__:
        assert f"--{name.replace('_', '-')} " in text
    for name in ("--evaluate", "--overwrite", "--tensorboard", "--ray-actors"):
        assert f"  {name} " in text
    for name, changes in PRESETS.items():
        assert name in text
        Config(**changes)
    config, _ = parse(["--preset", "published-code", "--goal", "0.7", "--episodes", "3"])
    assert (config.split, config.goal, config.episodes, config.round_limit) == ("published", 0.7, 3, 36)


def test_defaults_are_the_authors():
    """The constants of the specification, typed in again."""
    config = Config()
    assert (config.nodes, config.samples_per_node, config.main_class_share) == (10, 500, 0.8)
    assert (config.goal, config.round_limit, config.starter, config.reward_base) == (0.80, 36, 0, 32)
    assert (config.batch_size, config.local_epochs, config.learning_rate) == (32, 1, 1e-3)
    assert (config.adam_beta_1, config.adam_beta_2, config.adam_epsilon) == (0.9, 0.999, 1e-7)
    assert (config.discount, config.replay_size, config.minibatch, config.agent_batch_size) == (0.9, 50_000, 128, 16)
    assert (config.agent_hidden_units, config.agent_learning_rate) == ((500, 200), 1e-3)
    assert (config.episodes, config.epsilon, config.epsilon_decay) == (120, 1, 0.02)
    assert (config.split, config.policy, config.dataset, config.pca_components) == ("disjoint", "dqn", "mnist", 10)
