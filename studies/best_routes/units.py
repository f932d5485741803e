"""The units of the study: long searches, and the routes they found on initial weights that no search has seen."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from config import Config
from data import Dataset
from environment import HomogeneousLearningEnv
from policies.route_agent import RouteAgent
from policies.routes import from_text
from studies.lessons import Lessons, Player, play
from studies.units import Rows, Unit, read_part

MILESTONES = 3  # the best routes after each third of a search are compared
MOST = 12  # routes of a search that are played in addition to those of its milestones


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search(Lessons):
    """A search: the route agent, which learns for many episodes."""

    part: ClassVar[str] = "search"
    agents: ClassVar[dict[str, type[RouteAgent]]] = {"route-agent": RouteAgent}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial(Unit):
    """All routes of a split on the initial weights of one episode."""

    split: str
    episode: int

    def measure(self, config: Config, dataset: Dataset, folder: Path, tell: Callable[[float], None]) -> Rows:
        """Returns a row for each route."""
        config = dataclasses.replace(config, seed=self.seed, split=self.split, greedy_from=1)  # nothing is learned
        environment = HomogeneousLearningEnv(config, dataset)
        player, agent = Player(environment), RouteAgent(config, environment.distances)
        routes, rows = self.routes(folder), []
        for number, route in enumerate(routes, 1):
            agent.best = agent.planned = from_text(route)
            row = play(agent, player, self.episode)
            rows.append({"route": route} | {name: row[name] for name in row if name not in ("episode", "best")})
            tell(number / len(routes))
        return rows

    def routes(self, folder: Path) -> list[str]:
        """Returns the routes to play."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judgement(Trial):
    """The latest best routes of all searches, on weights by which the best one of each is chosen."""

    part: ClassVar[str] = "judged"

    def routes(self, folder: Path) -> list[str]:
        return sorted({route for search in searches(folder, self.split).values() for route in candidates(search)})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Validation(Trial):
    """The best route of each search, on other weights."""

    part: ClassVar[str] = "validated"

    def routes(self, folder: Path) -> list[str]:
        return sorted(set(chosen(folder, self.split).values()))


def milestones(search: pd.DataFrame) -> dict[int, str]:
    """Returns the best known route after each third of the episodes of a search, by episode; none before the first."""
    episodes = search["episode"].max() * np.arange(1, MILESTONES + 1) // MILESTONES
    return search.set_index("episode")["best"][episodes].dropna().to_dict()


def candidates(search: pd.DataFrame) -> list[str]:
    """Returns the MOST latest best routes of a search and those of its milestones."""
    latest = dict.fromkeys(search.sort_values("episode", ascending=False)["best"].dropna())
    return list(dict.fromkeys([*list(latest)[:MOST], *milestones(search).values()]))


def searches(folder: Path, split: str) -> dict[int, pd.DataFrame]:
    """Returns the episodes of each search in a split, by its seed."""
    found = read_part(folder, "search")
    return dict(iter(found[found["split"] == split].groupby("seed")))


def chosen(folder: Path, split: str) -> dict[int, str]:
    """Returns the candidate of each search in a split that needs the fewest rounds on average, by the search's seed."""
    judged = read_part(folder, "judged")
    rounds = judged[judged["split"] == split].groupby("route")["rounds"].mean()
    return {seed: rounds[candidates(search)].idxmin() for seed, search in searches(folder, split).items()}
