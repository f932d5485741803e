"""SB3's DQN picks the nodes: `python -m examples.stable_baselines3_dqn --out FILE.csv`, in the project's folder."""

import argparse
import json
from pathlib import Path

import gymnasium
import pandas as pd
import torch._dynamo  # noqa: F401 - before TensorFlow, after which Triton, in PyTorch for CUDA, crashes
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import StopTrainingOnMaxEpisodes

from config import Config
from models import start_tensorflow


class Recorded(gymnasium.Wrapper):  # adds every round to `rows`
    def step(self, action: int) -> tuple:
        result = self.env.step(action)
        self.rows.append(result[4] | {"episode": self.unwrapped.episode, "reward": result[1]})
        return result


parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--out", type=Path, required=True, help="gets a row an episode; its seeds are not run again")
parser.add_argument("--seeds", type=int, nargs="+", default=[0])
parser.add_argument("--settings", type=json.loads, default={}, help='of the environment, like {"split": "published"}')
parser.add_argument("--dqn", type=json.loads, default={}, help='of the agent, like {"learning_starts": 100}')
asked = parser.parse_args()
start_tensorflow((config := Config(**asked.settings)).threads)
asked.out.parent.mkdir(parents=True, exist_ok=True)
for seed in sorted(set(asked.seeds) - set(pd.read_csv(asked.out)["seed"] if asked.out.exists() else ())):
    made = Recorded(gymnasium.make("environment:HomogeneousLearning-v0", config=Config(**asked.settings, seed=seed)))
    made.rows, agent = [], DQN("MlpPolicy", made, seed=seed, device="cpu", **asked.dqn)
    agent.learn(config.episodes * config.round_limit, StopTrainingOnMaxEpisodes(config.episodes))
    sums = {"rounds": ("round", "max"), "communication_cost": ("distance", "sum"), "episode_return": ("reward", "sum")}
    table = pd.DataFrame(made.rows).groupby("episode").agg(**sums, final_accuracy=("accuracy", "last"))
    table.assign(seed=seed).to_csv(asked.out, mode="a", header=not asked.out.exists())
