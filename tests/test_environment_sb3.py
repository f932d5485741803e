"""Stable-Baselines3 drives the environment, where it is installed."""

import dataclasses
import importlib.util
import json
import subprocess
import sys

import gymnasium
import pandas as pd
import pytest
from helpers import PROJECT

pytestmark = pytest.mark.slow
ID = "environment:HomogeneousLearning-v0"
SMALL = {"samples_per_node": 40, "evaluation_batch": 300, "round_limit": 5, "goal": 0.99}
pytest.importorskip("stable_baselines3", reason="SB3 is not installed: pip install -r requirements-sb3.txt")
# The tests' process has loaded TensorFlow before PyTorch.
without_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is not None, reason="Triton, in PyTorch for CUDA, crashes after TensorFlow"
)


@without_triton
@pytest.mark.filterwarnings("error::UserWarning")
def test_it_accepts_the_environment(fashion):
    from stable_baselines3.common.env_checker import check_env

    check_env(gymnasium.make(ID, config=dataclasses.replace(fashion[0], **SMALL), render_mode="rgb_array"))


@without_triton
def test_its_dqn_learns_for_200_steps(fashion):
    from stable_baselines3 import DQN

    environment = gymnasium.make(ID, config=dataclasses.replace(fashion[0], **SMALL))
    agent = DQN("MlpPolicy", environment, seed=3, learning_starts=20, device="cpu")
    before = agent.q_net.state_dict()["q_net.0.weight"].clone()
    agent.learn(200)
    assert agent.num_timesteps == 200
    assert environment.unwrapped.seed == 3
    assert environment.unwrapped.episode == 200 // 5 + 1  # five rounds each, and the next one has begun
    assert (agent.q_net.state_dict()["q_net.0.weight"] != before).any()


def test_the_example_goes_on_by_seeds(fashion, tmp_path):
    settings = SMALL | {"dataset": "fashion-mnist", "data_path": fashion[0].data_path, "episodes": 2, "threads": 1}
    out = tmp_path / "new" / "rows.csv"
    command = [sys.executable, "-m", "examples.stable_baselines3_dqn", "--out", str(out)]
    command += ["--settings", json.dumps(settings), "--dqn", '{"learning_starts": 4}']
    subprocess.run([*command, "--seeds", "1"], cwd=PROJECT, check=True, capture_output=True)
    first = out.read_text()
    subprocess.run([*command, "--seeds", "0", "1"], cwd=PROJECT, check=True, capture_output=True)
    assert out.read_text().startswith(first)
    rows = pd.read_csv(out)
    assert rows[["seed", "episode", "rounds"]].to_numpy().tolist() == [[1, 1, 5], [1, 2, 5], [0, 1, 5], [0, 2, 5]]
    gains = rows["episode_return"] + rows["communication_cost"] + rows["rounds"]  # the rewards' terms of the accuracy
    assert (gains > 5 * 32**-0.99).all()
    assert (gains <= 5 * 32**0.01).all()
