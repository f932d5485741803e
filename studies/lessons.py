"""Trains route agents side by side on the same episodes.

What a round does follows from the seed, the episode and the nodes before. Rounds that several agents have in common are
therefore trained once for all of them. Each agent does exactly what it does in a run of its own.
"""

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from config import Config
from data import Dataset
from environment import HomogeneousLearningEnv
from policies.route_agent import RouteAgent
from policies.routes import as_text
from runs.folder import write_arrays
from settings.random_streams import generator
from studies.units import Rows, Unit


class Player:
    """Plays rounds in an environment and keeps the beginnings of episodes."""

    def __init__(self, environment: HomogeneousLearningEnv):
        self.environment, self.config = environment, environment.config
        self.played = {}  # what `after` returns, by its arguments

    def after(self, episode: int, path: tuple[int, ...]) -> tuple[tuple[dict, dict], float, bool, dict]:
        """Returns (snapshot, reward, whether the episode is over, info) after the last round at the nodes of `path`."""
        if (episode, path) not in self.played:
            if len(path) == 1:
                self.environment.reset(seed=self.config.seed, options={"episode": episode})
            else:
                self.environment.restore(self.after(episode, path[:-1])[0])
            _, reward, terminated, truncated, info = self.environment.step(path[-1])
            self.played[episode, path] = self.environment.snapshot(), reward, terminated or truncated, info
        return self.played[episode, path]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lessons(Unit):
    """All episodes of all agents for one seed and split. Subclasses name the agents."""

    agents: ClassVar[dict[str, type[RouteAgent]]]
    split: str

    def measure(self, config: Config, dataset: Dataset, folder: Path, tell: Callable[[float], None]) -> Rows:
        """Returns a row for each agent and episode; goes on after the last episode that is kept in the folder.

        `config` has the settings that all units share.
        """
        config = dataclasses.replace(config, seed=self.seed, split=self.split)
        environment = HomogeneousLearningEnv(config, dataset)
        agents = {name: kind(config, environment.distances) for name, kind in self.agents.items()}
        rows = self._restore(agents, folder)
        for episode in range(len(rows) // len(agents) + 1, config.episodes + 1):
            player = Player(environment)  # a new one, which keeps nothing of the episode before
            rows += [{"agent": name, **play(agent, player, episode)} for name, agent in agents.items()]
            self._keep(agents, rows, folder)
            tell(episode / config.episodes)
        return rows

    def write(self, rows: Rows, folder: Path):
        super().write(rows, folder)
        self._kept(folder).unlink(missing_ok=True)

    def _kept(self, folder: Path) -> Path:
        """Returns the file of the episodes so far."""
        return self.path(folder).with_suffix(".npz")

    def _keep(self, agents: dict[str, RouteAgent], rows: Rows, folder: Path):
        """Writes the agents and the rows of the episodes so far."""
        states = {f"{name}/{key}": array for name, agent in agents.items() for key, array in agent.state().items()}
        write_arrays(self._kept(folder), {"rows": pd.DataFrame(rows).to_csv(index=False), **states})

    def _restore(self, agents: dict[str, RouteAgent], folder: Path) -> Rows:
        """Restores the agents and returns the rows of the episodes so far, none where nothing is kept."""
        if not self._kept(folder).exists():
            return []
        with np.load(self._kept(folder)) as file:
            kept = dict(file)
        for name, agent in agents.items():
            prefix = f"{name}/"
            agent.restore({key.removeprefix(prefix): kept[key] for key in kept if key.startswith(prefix)})
        return pd.read_csv(io.StringIO(str(kept["rows"])), keep_default_na=False).to_dict("records")


def play(agent: RouteAgent, player: Player, episode: int) -> dict[str, float | str]:
    """Plays an episode as main.py does, but for observations, which a route agent does not need; returns its row.

    `best` is the best route that the agent knows after it.
    """
    config, path, done = player.config, (player.config.starter,), False
    rewards, costs = [], []
    while not done:
        _, reward, done, info = player.after(episode, path)
        rewards.append(reward)
        costs.append(info["distance"])
        if len(path) > 1:
            agent.remember(None, path[-1], reward, None, done, info)
        if not done:
            (node, *_), _ = agent.rank(None, info, generator(config.seed, "exploration", episode, len(path) + 1))
            path = (*path, node)
    agent.learn(generator(config.seed, "replay", episode), episode)
    row = {"episode": episode, "rounds": len(path), "episode_return": sum(rewards), "communication_cost": sum(costs)}
    row |= {"final_accuracy": info["accuracy"], "reached_goal": info["accuracy"] >= config.goal}
    return row | {"best": as_text(agent.best or ())}
