"""Measures how well boids flock."""

from collections.abc import Iterable

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from studies.boids.world import RADIUS, SIZE, Flock, Steer, offsets, perceive, squared_distances
from studies.simulations.tables import Measure

CONTACT = 5.0  # px: two boids nearer than this collide
MEASURES = (
    Measure("polarisation", "polarisation", ".3f"),
    Measure("nearest", "px to the nearest", ".1f", more_is_better=False),
    Measure("collisions", "collisions", ".2f", more_is_better=False),
    Measure("flocks", "flocks", ".1f", more_is_better=False),
    Measure("speed", "speed, px a step", ".2f"),
)
WIND = Measure("wind", "wind, % of the force", ".1f", more_is_better=False)


def directions(velocities: np.ndarray) -> np.ndarray:
    """Returns the unit vectors of velocities [..., 2]; 0 of a boid that rests."""
    speeds = np.linalg.norm(velocities, axis=-1, keepdims=True)
    return velocities / np.where(speeds > 0, speeds, 1)


def measure(flock: Flock) -> dict[str, np.ndarray]:
    """Returns the measures of each world, each [worlds].

    polarisation: length of the mean direction, 0 to 1. nearest: mean distance to the nearest boid, px. collisions:
    pairs nearer than CONTACT. flocks: groups in which each boid is nearer than RADIUS to another one, a boid alone
    being one too. speed: mean, px a step. Distances are plain ones.
    """
    squares = squared_distances(offsets(flock.positions))
    return {
        "polarisation": np.linalg.norm(directions(flock.velocities).mean(axis=1), axis=-1),
        "nearest": np.sqrt(squares.min(axis=-1)).mean(axis=-1),
        "collisions": (squares < CONTACT**2).sum(axis=(-2, -1)) / 2,
        "flocks": np.array([connected_components(csr_array(world < RADIUS**2), False)[0] for world in squares]),
        "speed": np.linalg.norm(flock.velocities, axis=-1).mean(axis=-1),
    }


def wind(flocks: Iterable[Flock], steer: Steer) -> float:
    """Returns the part of an agent's forces that pushes all boids the same way, in per cent of the forces' length.

    It is in the mean of the forces in a world and in the same world turned by half a turn, in which the forces of an
    agent that has no direction of its own are the opposite ones. A wind polarises boids that do not flock.
    """
    total, length = np.zeros(2), 0.0
    for flock in flocks:
        for one in (flock, Flock(SIZE - flock.positions, -flock.velocities)):
            forces = steer(perceive(one))
            total += forces.sum(axis=(0, 1))
            length += np.linalg.norm(forces, axis=-1).sum()
    return 100 * np.linalg.norm(total) / length if length else 0.0
