"""Searches routes of few rounds or of little cost, as a floor for every policy: `python search.py --split disjoint`.

A beam search: of all routes that prolong the best ones by a round, the best are kept. A route is judged by several
episodes at once; with one episode the search is clairvoyant, for it knows that episode's weights and orders of images.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from config import Config, Parser, UsageError
from run_folder import write_atomically
from screen import import_tensorflow_quietly

COLUMNS = ["split", "criterion", "search", "seed", "episode", "rounds", "communication_cost", "route"]
# What a unit of distance is worth in accuracy: nothing in the search for few rounds.
PRICES = {"rounds": 0.0, "cost": 0.5}


def beam_search(environment, episodes, width, price):
    """Returns (route, rounds, costs) of the best route found that reaches the goal in all `episodes`.

    `rounds` and `costs` hold one number an episode. The best has the fewest rounds until the last episode is there, or
    with a `price` the least mean cost. Returns (None, None, None) where none reached the goal within the round limit.
    """
    config, start = environment.config, []
    for episode in episodes:
        environment.reset(seed=config.seed, options={"episode": episode})
        start.append(
            (environment.snapshot(), 0.0, None)
        )  # where it is, cost so far, round in which the goal was reached
    beam, ended = [((), start)], []
    for round in range(1, config.round_limit + 1):
        candidates = []
        for (route, states), node in itertools.product(beam, range(config.nodes) if round > 1 else [config.starter]):
            states = [_prolong(environment, state, node) for state in states]
            done = all(reached for _, _, reached in states)
            (ended if done else candidates).append(((*route, node), states))
        if (ended and not price) or not candidates:
            break
        least = min((_mean(states, 1) for _, states in ended), default=np.inf)
        candidates = [(route, states) for route, states in candidates if _mean(states, 1) < least]
        beam = sorted(candidates, key=lambda candidate: -_promise(candidate[1], price))[:width]
    if not ended:
        return None, None, None
    route, states = min(ended, key=lambda end: (_mean(end[1], 1 if price else 2), _mean(end[1], 2 if price else 1)))
    return route, [reached for _, _, reached in states], [cost for _, cost, _ in states]


def _prolong(environment, state, node):
    """Returns an episode's state after one more round at `node`; one that reached the goal stays as it is."""
    snapshot, cost, reached = state
    if reached:
        return state
    environment.restore(snapshot)
    _, _, terminated, _, info = environment.step(node)
    return environment.snapshot(), cost + info["distance"], info["round"] if terminated else None


def _promise(states, price):
    """Returns by what the beam's routes are compared: mean accuracy less the priced cost."""
    return np.mean([snapshot[0]["accuracy"] for snapshot, _, _ in states]) - price * _mean(states, 1)


def _mean(states, part):
    return float(np.mean([state[part] for state in states]))


def search(options):
    """Returns a DataFrame with a row a search and episode: what it needed, and by which route."""
    from data import load_dataset
    from environment import HomogeneousLearningEnv
    from models import start_tensorflow

    config = Config(split=options.split, seed=options.seed, threads=1, evaluation_samples=options.evaluation_samples)
    start_tensorflow(config.threads)
    environment = HomogeneousLearningEnv(config, load_dataset(config))
    episodes = list(range(1, options.episodes + 1))
    searches = [("clairvoyant", [episode]) for episode in episodes] + [("common", episodes)]
    rows, console = [], Console(stderr=True)
    for criterion, (kind, group) in track(list(itertools.product(PRICES, searches)), "searching", console=console):
        route, rounds, costs = beam_search(environment, group, options.width, PRICES[criterion])
        for place, episode in enumerate(group):
            found = (np.nan, np.nan, "") if route is None else (rounds[place], costs[place], ",".join(map(str, route)))
            rows.append((options.split, criterion, kind, options.seed, episode, *found))
    return pd.DataFrame(rows, columns=COLUMNS)


def main(arguments=None):
    """Runs a command line; returns 0, or 2 where something has to be changed first."""
    parser = Parser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--split", default="disjoint", help="which images the nodes hold [disjoint]")
    parser.add_argument("--seed", type=int, default=200, help="seed of the initial weights [200]")
    parser.add_argument("--episodes", type=int, default=3, help="initial weights of that seed [3]")
    parser.add_argument("--width", type=int, default=8, help="routes kept [8]")
    parser.add_argument("--evaluation-samples", type=int, default=2000, help="test images used, 0: all [2000]")
    parser.add_argument("--out", type=Path, required=True, help="folder for floor-<split>.csv")
    options = parser.parse_args(arguments)
    import_tensorflow_quietly()
    try:
        if min(options.width, options.episodes) < 1:
            raise UsageError("--width and --episodes must be at least 1")
        table = search(options)
        options.out.mkdir(parents=True, exist_ok=True)
        write_atomically(options.out / f"floor-{options.split}.csv", table.to_csv(index=False).encode())
    except (UsageError, OSError) as error:
        print(f"search.py: error: {error}", file=sys.stderr)
        return 2
    print(table.to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
