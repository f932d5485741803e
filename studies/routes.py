"""Searches routes of few rounds or low cost as a bound for policies: `python -m studies.routes --split disjoint`.

The search is evolutionary: it changes one of the best routes at random, and the result replaces the worst one if it is
better. A route is evaluated in several episodes. With `--episodes 1` the search knows the weights and orders of images
of that episode in advance. `main.py --policy route --route ...` evaluates a route on other initial weights.
"""

import argparse
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from rich.console import Console

from config import Config
from data import Dataset, is_stand_in, load_dataset
from runs.command_line import command, path_argument
from runs.flags import Parser
from runs.folder import lock, write_atomically
from runs.screen import STAND_IN_NOTICE, progress_bar
from settings.errors import UsageError
from settings.quiet_import import import_tensorflow_quietly

if TYPE_CHECKING:
    from studies.lessons import Player

SETTINGS = ["dataset", "split", "criterion", "episodes", "seed", "tries", "evaluation_samples"]
ROUTE_COLUMNS = [*SETTINGS, "episode", "rounds", "communication_cost", "reached_goal", "route"]
CRITERIA = ("rounds", "cost")
POPULATION = 12  # routes
ABANDON_RATIO = 1.25  # a route is abandoned once its objective is this many times that of the worst in the population


def objective(player: "Player", episode: int, route: tuple[int, ...], criterion: str) -> float:
    """Returns the value that the search minimises, by criterion: the rounds or the cost.

    Rounds end at the fraction of the last round at which a straight line between the last two accuracies crosses
    the goal. A route that misses the goal gets a penalty that grows with the distance to the goal.
    """
    _, accuracies, cost = player.after(episode, route)
    short = player.config.goal - max(accuracies)
    if short > 0:
        return (player.config.round_limit if criterion == "rounds" else 2 * cost + 1) * (1 + short)
    if criterion == "cost":
        return cost
    before, last = (0.0, *accuracies)[-2:]
    return len(accuracies) - (last - player.config.goal) / (last - before)


def evolve(
    player: "Player",
    episodes: list[int],
    criterion: str,
    tries: int,
    rng: np.random.Generator,
    on_progress: Callable[[], None] = lambda: None,
) -> tuple[int, ...]:
    """Returns the best route [round_limit] found by playing `tries` routes; calls `on_progress` after each."""
    config, population = player.config, []  # the best first: (objective in each episode, route)
    for number in range(tries):
        if number < POPULATION:
            route = along([random_stay(config, rng) for _ in range(config.round_limit)], config)
        else:
            first, second = (population[min(pair)][1] for pair in rng.integers(len(population), size=(2, 2)))
            used = max(player.result(episode, first)[0] for episode in episodes)
            route = changed(first, second, used, config, rng)
        worst = population[-1][0] if len(population) == POPULATION else [np.inf] * len(episodes)
        objectives = []
        for episode in episodes:
            objectives.append(objective(player, episode, route, criterion))
            if sum(objectives) > ABANDON_RATIO * sum(worst[: len(objectives)]):
                break
        else:
            if route not in [member for _, member in population]:
                population = sorted([*population, (objectives, route)], key=lambda member: sum(member[0]))[:POPULATION]
        on_progress()
    return population[0][1]


def random_stay(config: Config, rng: np.random.Generator) -> list[int]:
    """Draws a stay at a node: [node, rounds]."""
    return [int(rng.integers(config.nodes)), int(rng.geometric(0.3))]


def along(stays: list[list[int]], config: Config) -> tuple[int, ...]:
    """Returns the route [round_limit] that begins at the starter and follows the stays; the last one fills the rest."""
    route = [config.starter]
    for node, rounds in stays:
        route += [node] * rounds
    return tuple((route + [route[-1]] * config.round_limit)[: config.round_limit])


def changed(
    route: tuple[int, ...], other: tuple[int, ...], used: int, config: Config, rng: np.random.Generator
) -> tuple[int, ...]:
    """Returns a route with one random change within its first `used` rounds, or with the end of the `other` route."""
    stays = [[node, len(list(rounds))] for node, rounds in itertools.groupby(route[1 : max(used, 2)])]
    place = int(rng.integers(len(stays)))
    match int(rng.integers(6)):
        case 0:
            stays[place][1] = max(1, stays[place][1] + int(rng.choice([-2, -1, 1, 2])))
        case 1:
            stays[place][0] = int(rng.integers(config.nodes))
        case 2:
            stays.insert(int(rng.integers(len(stays) + 1)), random_stay(config, rng))
        case 3:
            del stays[place]
        case 4:
            stays.insert(place, stays.pop())
        case 5:
            stays = stays[: int(rng.integers(1, len(stays) + 1))]
            stays += [[node, 1] for node in other[1 + sum(rounds for _, rounds in stays) :]]
    return along(stays, config)


def search(config: Config, dataset: Dataset, options: argparse.Namespace) -> pd.DataFrame:
    """Runs the searches that the table of routes does not have yet; returns the whole table."""
    from environment import HomogeneousLearningEnv
    from studies.lessons import Player

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
            found = pd.DataFrame(rows, columns=ROUTE_COLUMNS)
            with lock(path.with_suffix(".lock")):
                table = read_routes(path)
                if not has_search(table, settings):  # the same search may have ended in another process
                    table = pd.concat([table, found]) if len(table) else found
                    write_atomically(path, table.to_csv(index=False).encode())
    return table


def has_search(table: pd.DataFrame, settings: tuple) -> bool:
    """Returns whether a table of routes has the search with these SETTINGS."""
    return bool((table[SETTINGS] == list(settings)).all(axis=1).any())


def read_routes(path: Path) -> pd.DataFrame:
    """Reads a table of routes, empty if there is no file; raises UsageError where the file is none."""
    if not path.exists():
        return pd.DataFrame(columns=ROUTE_COLUMNS)
    try:
        return pd.read_csv(path)[ROUTE_COLUMNS]
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
    hint = "run the same command again; it repeats this search and keeps those that ended"
    return command("studies.routes", lambda: _main(options), lambda: hint)


def _main(options: argparse.Namespace) -> int:
    """Searches with the options of a command line and prints the table."""
    if options.tries <= POPULATION or options.episodes < 1:
        raise UsageError(f"--tries must be above {POPULATION} and --episodes at least 1")
    config = Config(
        split=options.split,
        seed=options.seed,
        threads=1,
        evaluation_samples=options.evaluation_samples,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    import_tensorflow_quietly()
    from models import start_tensorflow

    start_tensorflow(config.threads)
    dataset = load_dataset(config)
    if is_stand_in(dataset.name):
        print(STAND_IN_NOTICE, file=sys.stderr)
    print(search(config, dataset, options).to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
