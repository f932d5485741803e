"""Searches routes of few rounds or little cost, a yardstick for policies: `python -m studies.routes --split disjoint`.

Routes evolve: one of the best so far is changed at random, and takes the worst one's place where it is better. A route
is judged by several episodes at once; with `--episodes 1` the search is clairvoyant, for it knows that episode's
weights and orders of images. What a route is worth on other weights, `main.py --policy route --route ...` tells.
"""

import argparse
import functools
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from rich.console import Console

from config import Config
from data import STAND_IN, Dataset, load_dataset
from runs.command_line import command, path_argument
from runs.folder import lock, write_atomically
from runs.screen import STAND_IN_NOTICE, progress_bar
from settings.errors import UsageError
from settings.flags import Parser
from settings.quiet_import import import_tensorflow_quietly

if TYPE_CHECKING:
    from environment import HomogeneousLearningEnv

SETTINGS = ["dataset", "split", "criterion", "episodes", "seed", "tries", "evaluation_samples"]
COLUMNS = [*SETTINGS, "episode", "rounds", "communication_cost", "reached_goal", "route"]
CRITERIA = ("rounds", "cost")
FAMILY = 12  # routes that live at once
REMEMBERED = 3000  # beginnings of routes whose models are kept, about half a megabyte each
HOPELESS = 1.25  # a route this many times as bad as the worst of the family in its first episodes is not played on


class Player:
    """Plays routes in an environment, and remembers where their beginnings led."""

    def __init__(self, environment: "HomogeneousLearningEnv"):
        self.environment, self.config = environment, environment.config
        self.after = functools.lru_cache(REMEMBERED)(self.after)

    def after(self, episode: int, route: tuple[int, ...]) -> tuple[tuple[dict, dict], tuple[float, ...], float]:
        """Returns (snapshot, accuracies, cost) after the rounds of `route`, or after the one that reached the goal."""
        if not route:
            self.environment.reset(seed=self.config.seed, options={"episode": episode})
            return self.environment.snapshot(), (), 0.0
        snapshot, accuracies, cost = self.after(episode, route[:-1])
        if accuracies and accuracies[-1] >= self.config.goal:
            return snapshot, accuracies, cost
        self.environment.restore(snapshot)
        *_, info = self.environment.step(route[-1])
        return self.environment.snapshot(), (*accuracies, info["accuracy"]), cost + info["distance"]

    def result(self, episode: int, route: tuple[int, ...]) -> tuple[int, float, bool]:
        """Returns (rounds, cost, whether the goal was reached) of a route."""
        _, accuracies, cost = self.after(episode, route)
        return len(accuracies), cost, accuracies[-1] >= self.config.goal

    def badness(self, episode: int, route: tuple[int, ...], criterion: str) -> float:
        """Returns what the search makes small: rounds with the fraction at which a straight line from the last
        accuracy crosses the goal, or cost; and much more, the further from the goal, where it is not reached."""
        _, accuracies, cost = self.after(episode, route)
        short = self.config.goal - max(accuracies)
        if short > 0:
            return (self.config.round_limit if criterion == "rounds" else 2 * cost + 1) * (1 + short)
        if criterion == "cost":
            return cost
        before, last = (0.0, *accuracies)[-2:]
        return len(accuracies) - (last - self.config.goal) / (last - before)


def evolve(
    player: Player,
    episodes: list[int],
    criterion: str,
    tries: int,
    rng: np.random.Generator,
    on_progress: Callable[[], None] = lambda: None,
) -> tuple[int, ...]:
    """Returns the best route [round_limit] found by playing `tries` routes; `on_progress` is called after each."""
    config, family = player.config, []  # the family, the best first: (badness in each episode, route)
    for number in range(tries):
        if number < FAMILY:
            route = along([random_segment(config, rng) for _ in range(config.round_limit)], config)
        else:
            first, second = (family[min(pair)][1] for pair in rng.integers(len(family), size=(2, 2)))
            used = max(player.result(episode, first)[0] for episode in episodes)
            route = changed(first, second, used, config, rng)
        worst = family[-1][0] if len(family) == FAMILY else [np.inf] * len(episodes)
        badness = []
        for episode in episodes:
            badness.append(player.badness(episode, route, criterion))
            if sum(badness) > HOPELESS * sum(worst[: len(badness)]):
                break
        else:
            if route not in [member for _, member in family]:
                family = sorted([*family, (badness, route)], key=lambda member: sum(member[0]))[:FAMILY]
        on_progress()
    return family[0][1]


def random_segment(config: Config, rng: np.random.Generator) -> list[int]:
    """Draws a stay: [node, rounds]."""
    return [int(rng.integers(config.nodes)), int(rng.geometric(0.3))]


def along(segments: list[list[int]], config: Config) -> tuple[int, ...]:
    """Returns the route [round_limit] of some stays, the first round at the starter, the last stay without an end."""
    route = [config.starter]
    for node, rounds in segments:
        route += [node] * rounds
    return tuple((route + [route[-1]] * config.round_limit)[: config.round_limit])


def changed(
    route: tuple[int, ...], other: tuple[int, ...], used: int, config: Config, rng: np.random.Generator
) -> tuple[int, ...]:
    """Returns a route that differs a little within its first `used` rounds, or ends like the `other`."""
    stays = [[node, len(list(rounds))] for node, rounds in itertools.groupby(route[1 : max(used, 2)])]
    place = int(rng.integers(len(stays)))
    match int(rng.integers(6)):
        case 0:
            stays[place][1] = max(1, stays[place][1] + int(rng.choice([-2, -1, 1, 2])))
        case 1:
            stays[place][0] = int(rng.integers(config.nodes))
        case 2:
            stays.insert(int(rng.integers(len(stays) + 1)), random_segment(config, rng))
        case 3:
            del stays[place]
        case 4:
            stays.insert(place, stays.pop())
        case 5:
            stays = stays[: int(rng.integers(1, len(stays) + 1))]
            stays += [[node, 1] for node in other[1 + sum(rounds for _, rounds in stays) :]]
    return along(stays, config)


def search(config: Config, dataset: Dataset, options: argparse.Namespace) -> pd.DataFrame:
    """Adds to the table of routes found whatever search is not in it yet; returns it as a DataFrame."""
    from environment import HomogeneousLearningEnv

    player = Player(HomogeneousLearningEnv(config, dataset))
    path, episodes = options.out / f"floor-{config.split}.csv", list(range(1, options.episodes + 1))
    with progress_bar("searching", Console(stderr=True)) as progress:
        bar = progress.add_task("", total=len(CRITERIA) * options.tries)
        for criterion in CRITERIA:
            table = read_routes(path)  # another search may have added to it meanwhile
            settings = (dataset.name, config.split, criterion, len(episodes))
            settings += (config.seed, options.tries, config.evaluation_samples)
            if has_search(table, settings):
                progress.advance(bar, options.tries)
                continue
            rng = np.random.default_rng([config.seed, CRITERIA.index(criterion), len(episodes), 1])
            route = evolve(player, episodes, criterion, options.tries, rng, lambda: progress.advance(bar))
            text = ",".join(map(str, route))
            rows = [(*settings, episode, *player.result(episode, route), text) for episode in episodes]
            found = pd.DataFrame(rows, columns=COLUMNS)
            with lock(path.with_suffix(".lock")):
                table = read_routes(path)
                if not has_search(table, settings):  # the same search may have ended in another process
                    table = pd.concat([table, found]) if len(table) else found
                    write_atomically(path, table.to_csv(index=False).encode())
    return table


def has_search(table: pd.DataFrame, settings: tuple) -> bool:
    """Tells whether a table of routes found has those of the search with these SETTINGS."""
    return bool((table[SETTINGS] == list(settings)).all(axis=1).any())


def read_routes(path: Path) -> pd.DataFrame:
    """Reads a table of routes found as a DataFrame, empty before the first; raises UsageError where it is none."""
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS)
    try:
        return pd.read_csv(path)[COLUMNS]
    except (ValueError, KeyError) as error:
        raise UsageError(f"{path} is no table of routes ({error}); choose another --out") from error


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, or 2 where something has to be changed first."""
    parser = Parser(prog="studies.routes", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--split", default="disjoint", help="which images the nodes hold [disjoint]")
    parser.add_argument("--seed", type=int, default=200, help="seed of the initial weights [200]")
    parser.add_argument("--episodes", type=int, default=4, help="initial weights of that seed [4]")
    parser.add_argument("--tries", type=int, default=500, help="routes played in each search [500]")
    parser.add_argument("--evaluation-samples", type=int, default=2000, help="test images used, 0: all [2000]")
    parser.add_argument("--out", type=path_argument, required=True, help="folder for floor-<split>.csv")
    options = parser.parse_args(arguments)
    hint = "the same command begins this search anew, not those that ended"
    return command("studies.routes", lambda: _main(options), lambda: hint)


def _main(options: argparse.Namespace) -> int:
    """Searches what a command line asks for, and prints the table."""
    if options.tries <= FAMILY or options.episodes < 1:
        raise UsageError(f"--tries must be above {FAMILY} and --episodes at least 1")
    config = Config(
        split=options.split,
        seed=options.seed,
        threads=1,
        evaluation_samples=options.evaluation_samples,
        observation="round",  # nobody looks
    )
    options.out.mkdir(parents=True, exist_ok=True)
    import_tensorflow_quietly()
    from models import start_tensorflow

    start_tensorflow(config.threads)
    dataset = load_dataset(config)
    if dataset.name.startswith(STAND_IN):
        print(STAND_IN_NOTICE, file=sys.stderr)
    print(search(config, dataset, options).to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
