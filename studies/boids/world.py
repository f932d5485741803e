"""Moves boids by the rules of D2BL's simulation, vectorised over worlds and boids.

The authors' boids update one after another, each seeing the moves of those before it. Here all update at once unless
`Rules.one_by_one` says otherwise. Their distances are plain ones, although the world wraps around.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator

import numpy as np

SIZE = np.array([1200.0, 800.0])  # px, width and height (authors)
RADIUS, NEAR = 50.0, 25.0  # px: neighbours for alignment and cohesion, and for separation (authors)
FASTEST = 4.0  # px a step (authors)
SMALLEST_DISTANCE = 1e-4  # px, in place of 0 (authors)


@dataclasses.dataclass(frozen=True)
class Rules:
    """How boids move: all at once (ours) or one by one (authors), with plain distances (authors) or a torus' (ours)."""

    one_by_one: bool = False
    torus: bool = False


OURS = Rules()


@dataclasses.dataclass(frozen=True)
class Flock:
    """Positions and velocities [worlds, boids, 2] in px and px a step; positions are whole numbers."""

    positions: np.ndarray
    velocities: np.ndarray


@dataclasses.dataclass(frozen=True)
class View:
    """What boids perceive, each [worlds, boids, 2]; without neighbours the last four are 0.

    `centre` and `velocity` are a boid's own, `mean_centre` and `mean_velocity` those of its neighbours within RADIUS,
    `away` is the sum of (own centre - neighbour's) / distance ** 2 over those within NEAR. `seen` [worlds, boids, 2]
    bool tells whether there is a neighbour within RADIUS, and within NEAR. On a torus `mean_centre` is on the same
    side as the boid, and may lie outside the world.
    """

    centre: np.ndarray
    velocity: np.ndarray
    mean_centre: np.ndarray
    mean_velocity: np.ndarray
    away: np.ndarray
    seen: np.ndarray


Steer = Callable[[View], np.ndarray]  # returns accelerations [worlds, boids, 2], px a step ** 2


def start(rng: np.random.Generator, worlds: int, boids: int) -> Flock:
    """Draws first positions, whole numbers within the world, and velocities uniform in -1 to 1 (authors)."""
    positions = rng.integers(0, SIZE.astype(int), (worlds, boids, 2), endpoint=True).astype(float)
    return Flock(positions, rng.uniform(-1, 1, (worlds, boids, 2)))


def offsets(positions: np.ndarray, torus: bool = False, of: slice = slice(None)) -> np.ndarray:
    """Returns the ways from each boid in `of` to each boid, [2, worlds, k, boids] px."""
    coordinates = np.moveaxis(positions, -1, 0)
    ways = coordinates[:, :, np.newaxis, :] - coordinates[:, :, of, np.newaxis]
    if torus:
        size = SIZE[:, np.newaxis, np.newaxis, np.newaxis]
        ways -= size * np.rint(ways / size)
    return ways


def squared_distances(ways: np.ndarray, of: slice = slice(None)) -> np.ndarray:
    """Returns the squared lengths [worlds, k, boids] of ways [2, worlds, k, boids], infinite to a boid itself."""
    squares = ways[0] ** 2 + ways[1] ** 2
    number = squares.shape[-1]
    themselves = np.arange(number)[of]
    squares[:, np.arange(len(themselves)), themselves] = np.inf
    return squares


def perceive(flock: Flock, torus: bool = False, of: slice = slice(None)) -> View:
    """Returns what the boids in `of` perceive; neighbours are nearer than the radius."""
    ways = offsets(flock.positions, torus, of)
    squares = squared_distances(ways, of)
    worlds, rows, others = pairs = np.nonzero(squares < RADIUS**2)
    shape = squares.shape[:2]
    boids, squares = worlds * shape[1] + rows, squares[pairs]

    def summed(values: np.ndarray) -> np.ndarray:
        """Adds values [pairs] up to [worlds, k] over a boid's neighbours."""
        return np.bincount(boids, values, math.prod(shape)).reshape(shape)

    close, of_pairs = squares < NEAR**2, (ways[0][pairs], ways[1][pairs])
    weights = np.where(close, -1 / np.maximum(squares, SMALLEST_DISTANCE**2), 0)
    velocities = flock.velocities[worlds, others]
    counts = summed(np.ones(len(boids)))
    divisors = np.maximum(counts, 1)[..., np.newaxis]
    centre, seen = flock.positions[:, of], np.stack([counts, summed(close)], axis=-1) > 0
    mean_way = np.stack([summed(way) for way in of_pairs], axis=-1) / divisors
    return View(
        centre,
        flock.velocities[:, of],
        (centre + mean_way) * seen[..., :1],
        np.stack([summed(velocities[:, axis]) for axis in (0, 1)], axis=-1) / divisors,
        np.stack([summed(way * weights) for way in of_pairs], axis=-1),
        seen,
    )


def limited(vectors: np.ndarray, longest: float) -> np.ndarray:
    """Returns vectors [..., 2], the longer ones shortened to the length `longest`."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors * (longest / np.maximum(lengths, longest))


def moved(positions: np.ndarray, velocities: np.ndarray) -> np.ndarray:
    """Returns where boids [..., 2] are a step later: rounded to whole px, and at the opposite border if they left.

    Pygame's rectangles hold whole numbers, so a boid does not move along an axis by less than half a px (authors).
    """
    positions = np.rint(positions + velocities)
    return np.where(positions > SIZE, 0, np.where(positions < 0, SIZE, positions))


def accelerated(flock: Flock, forces: np.ndarray) -> Flock:
    """Returns the flock one step later, after forces [worlds, boids, 2]."""
    velocities = limited(flock.velocities + forces, FASTEST)
    return Flock(moved(flock.positions, velocities), velocities)


def step(flock: Flock, steer: Steer, rules: Rules = OURS) -> Flock:
    """Returns the flock one step later."""
    if not rules.one_by_one:
        return accelerated(flock, steer(perceive(flock, rules.torus)))
    flock = Flock(flock.positions.copy(), flock.velocities.copy())
    for boid in range(flock.positions.shape[1]):
        of = slice(boid, boid + 1)
        force = steer(perceive(flock, rules.torus, of))
        flock.velocities[:, of] = limited(flock.velocities[:, of] + force, FASTEST)
        flock.positions[:, of] = moved(flock.positions[:, of], flock.velocities[:, of])
    return flock


def fly(flock: Flock, steer: Steer, steps: int, rules: Rules = OURS) -> Iterator[Flock]:
    """Yields the flock at its start and after every one of `steps` steps."""
    yield flock
    for _ in range(steps):
        flock = step(flock, steer, rules)
        yield flock
