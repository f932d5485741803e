"""Draws and changes routes of stays, and follows them."""

from collections.abc import Sequence

import numpy as np

Route = tuple[tuple[int, int], ...]  # its stays (node, rounds); the first is at the starter
MOST_STAYS, LONGEST, MEAN = 6, 20, 8  # stays of a route; rounds of a stay, and their mean where they are drawn
STAYS, LONGEST_START = 4, 6  # of a random route: its stays, and the rounds at the starter
NEAR = 0.1  # a stay that makes no progress ends where the accuracy is at most this below the goal


def random_route(starter: int, nodes: Sequence[int], first: int | None, rng: np.random.Generator) -> Route:
    """Draws a route of up to STAYS different nodes; the one after the starter's is at `first`, None: at any node."""
    others = sorted(rng.permutation(nodes).tolist(), key=lambda node: node != first)
    start = (starter, int(rng.integers(1, LONGEST_START + 1)))
    return start, *((node, random_rounds(rng)) for node in others[: STAYS - 1])


def random_rounds(rng: np.random.Generator) -> int:
    """Draws the rounds of a stay."""
    return min(LONGEST, int(rng.geometric(1 / MEAN)))


def changed(route: Route, nodes: Sequence[int], rng: np.random.Generator) -> Route:
    """Returns a route with one or more random changes; the first stay remains at the starter.

    A change makes a stay up to four rounds longer or shorter, moves it to another node, adds, removes or swaps stays.
    Stays that follow each other at one node become one; what is over MOST_STAYS and LONGEST is cut.
    """
    stays = list(route)
    for _ in range(1 + rng.poisson(0.5)):
        place, kind = int(rng.integers(len(stays))), rng.random()
        node, rounds = stays[place]
        if kind < 0.4:
            stays[place] = (node, max(1, rounds + int(rng.choice([-4, -3, -2, -1, 1, 2, 3, 4]))))
        elif kind < 0.7 and place:
            stays[place] = (int(rng.choice([route[0][0], *nodes])), rounds)
        elif kind < 0.8:
            stays.insert(place + 1, (int(rng.choice([route[0][0], *nodes])), random_rounds(rng)))
        elif kind < 0.9 and place and len(stays) > 2:
            del stays[place]
        elif place:
            other = int(rng.integers(1, len(stays)))
            stays[place], stays[other] = stays[other], stays[place]
    return joined(stays)


def joined(stays: Sequence[tuple[int, int]]) -> Route:
    """Returns the route of these stays, those that follow each other at one node as one, within the limits."""
    route = []
    for node, rounds in stays:
        if route and route[-1][0] == node:
            rounds += route.pop()[1]
        route.append((node, min(LONGEST, rounds)))
    return tuple(route[:MOST_STAYS])


def to_arrays(routes: Sequence[Route]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the nodes [routes, MOST_STAYS] and the rounds [routes, MOST_STAYS] of routes, 0 after the last stay."""
    nodes, rounds = np.zeros((2, len(routes), MOST_STAYS), int)
    for row, route in enumerate(routes):
        nodes[row, : len(route)], rounds[row, : len(route)] = np.array(route).T
    return nodes, rounds


def as_text(route: Route) -> str:
    """Returns a route as text, such as "0x1 5x10": one round at node 0, then ten at node 5."""
    return " ".join(f"{node}x{rounds}" for node, rounds in route)


def from_text(text: str) -> Route:
    """Returns the route of a text of `as_text`."""
    return tuple(tuple(map(int, stay.split("x"))) for stay in text.split())


def from_arrays(nodes: np.ndarray, rounds: np.ndarray) -> list[Route]:
    """Returns the routes of the arrays of `to_arrays`."""
    pairs = zip(nodes.tolist(), rounds.tolist(), strict=True)
    return [tuple(stay for stay in zip(*row, strict=True) if stay[1]) for row in pairs]


class Follower:
    """Follows a route in an episode: a stay ends with its rounds, or near the goal after a round without progress.

    A round is without progress if the model stayed and is no better than before in the episode.
    """

    def __init__(self, route: Route, end: float):
        """Stays end early from the accuracy `end` on."""
        self.route, self.end, self.best = route, end, 0.0
        self.place, self.left = 0, route[0][1] - 1  # the present stay, and its rounds to come; one has passed

    def next(self, stayed: bool, accuracy: float) -> int:
        """Returns the node of the next round; the model `stayed` in the last one or moved, and has this accuracy."""
        if self.left <= 0 or (stayed and self.end <= accuracy <= self.best):
            self.place = self.place + 1 if self.place + 1 < len(self.route) else min(1, self.place)
            self.left = self.route[self.place][1]
        self.best = max(self.best, accuracy)
        self.left -= 1
        return self.route[self.place][0]
