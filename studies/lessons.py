"""Trains route agents side by side on the same episodes.

What a round does follows from the seed, the episode and the nodes before. Rounds that several agents have in common are
therefore trained once for all of them. Each agent does exactly what it does in a run of its own.
"""

import dataclasses
import functools
import io
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from config import Config
from data import Dataset
from environment import HomogeneousLearningEnv, reward
from policies.route_agent import RouteAgent
from policies.routes import as_text
from runs.folder import write_arrays
from runs.packed import readable
from settings.random_streams import generator
from studies.units import Rows, Unit

CACHE_SIZE = 3000  # beginnings of routes whose models are kept, about half a megabyte each


class Player:
    """Plays rounds in an environment and caches the results of the beginnings of episodes."""

    def __init__(self, environment: HomogeneousLearningEnv):
        self.environment, self.config = environment, environment.config
        self.after = functools.lru_cache(CACHE_SIZE)(self.after)

    def after(self, episode: int, path: tuple[int, ...]) -> tuple[tuple[dict, dict], tuple[float, ...], float]:
        """Returns (snapshot, accuracies, cost) after rounds at the nodes of `path`, or after the one that reached the
        goal."""
        if not path:
            self.environment.reset(seed=self.config.seed, options={"episode": episode})
            return self.environment.snapshot(), (), 0.0
        snapshot, accuracies, cost = self.after(episode, path[:-1])
        if accuracies and accuracies[-1] >= self.config.goal:
            return snapshot, accuracies, cost
        self.environment.restore(snapshot)
        *_, info = self.environment.step(path[-1])
        return self.environment.snapshot(), (*accuracies, info["accuracy"]), cost + info["distance"]

    def result(self, episode: int, path: tuple[int, ...]) -> tuple[int, float, bool]:
        """Returns (rounds, cost, whether the goal was reached) of the nodes of a path."""
        _, accuracies, cost = self.after(episode, path)
        return len(accuracies), cost, accuracies[-1] >= self.config.goal


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
        """Restores the agents and returns the rows of the episodes so far, none where nothing is kept.

        Raises UsageError where the file is damaged or of other agents.
        """
        path = self._kept(folder)
        if not path.exists():
            return []
        with readable(path, "remove it to measure this unit again"):
            with np.load(path) as file:
                kept = dict(file)
            rows = pd.read_csv(io.StringIO(str(kept["rows"])), keep_default_na=False)
            if list(rows["agent"].unique()) != list(agents):
                raise ValueError("it is of other agents")
            for name, agent in agents.items():
                prefix = f"{name}/"
                agent.restore({key.removeprefix(prefix): kept[key] for key in kept if key.startswith(prefix)})
        return rows.to_dict("records")


def play(agent: RouteAgent, player: Player, episode: int) -> dict[str, float | str]:
    """Plays an episode as main.py does, but for observations, which a route agent does not need; returns its row.

    `best` is the best route that the agent knows after it.
    """
    config, distances = player.config, player.environment.distances
    path, info, total, done = (), {}, 0.0, False
    while not done:
        node = config.starter
        if path:
            (node, *_), _ = agent.rank(None, info, generator(config.seed, "exploration", episode, len(path) + 1))
        distance = distances[path[-1] if path else node, node]
        path = (*path, node)
        _, accuracies, _ = player.after(episode, path)
        done = accuracies[-1] >= config.goal or len(path) == config.round_limit
        info = {"round": len(path), "node": (node,), "previous_node": (config.starter, *path)[-2], "distance": distance}
        info |= {"accuracy": accuracies[-1], "previous_accuracy": (0.0, *accuracies)[-2]}
        gained = reward(accuracies[-1], distance, config)
        total += gained
        if len(path) > 1:
            agent.remember(None, node, gained, None, done, info)
    agent.learn(generator(config.seed, "replay", episode), episode)
    rounds, cost, reached = player.result(episode, path)
    row = {"episode": episode, "rounds": rounds, "episode_return": total, "communication_cost": cost}
    row |= {"final_accuracy": accuracies[-1], "reached_goal": reached}
    return row | {"best": as_text(agent.best or ())}
