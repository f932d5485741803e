"""Routes, the nodes of an episode's rounds, and how they are changed at random."""

import itertools

import numpy as np

from config import Config


def random_segment(config: Config, rng: np.random.Generator) -> list[int]:
    """Draws a stay: [node, rounds]."""
    return [int(rng.integers(config.nodes)), int(rng.geometric(0.3))]


def random_route(config: Config, rng: np.random.Generator) -> tuple[int, ...]:
    """Draws a route [round_limit] of stays."""
    return along([random_segment(config, rng) for _ in range(config.round_limit)], config)


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
