"""Computes Reynolds' three forces, and the numbers from which networks compute theirs.

The forces are the steering of Reynolds (Steering Behaviors for Autonomous Characters, 1999): towards the wanted
direction at the highest speed, less the own velocity, no longer than STRONGEST. The authors have no such forces.
"""

from collections.abc import Callable

import numpy as np

from studies.boids.measures import directions
from studies.boids.world import FASTEST, RADIUS, View, limited

STRONGEST = 0.1  # px a step ** 2
WEIGHTS = (1.0, 1.0, 1.5)  # of alignment, cohesion and separation
ALIGNMENT, COHESION, SEPARATION = range(3)
TYPICAL_AWAY = 0.1  # 1 / px, of the sum that separation sees
RADIUS_OF = [0, 0, 1]  # which of a view's two radii each force has: neighbours within RADIUS, or within NEAR


def seen_by_force(view: View) -> np.ndarray:
    """Returns whether each force has a neighbour to act on, [worlds, boids, 3] bool; it is zero without one."""
    return view.seen[..., RADIUS_OF]


def reynolds_forces(view: View) -> np.ndarray:
    """Returns the weighted forces [worlds, boids, 3, 2] px a step ** 2, zero where there is no neighbour."""
    wanted = np.stack([view.mean_velocity, view.mean_centre - view.centre, view.away], axis=-2)
    forces = limited(FASTEST * directions(wanted) - view.velocity[..., np.newaxis, :], STRONGEST)
    return forces * np.array(WEIGHTS)[:, np.newaxis] * seen_by_force(view)[..., np.newaxis]


def reynolds(view: View) -> np.ndarray:
    """Returns the accelerations [worlds, boids, 2] by Reynolds' rules."""
    return reynolds_forces(view).sum(axis=-2)


def no_force(view: View) -> np.ndarray:
    """Returns accelerations of zero."""
    return np.zeros_like(view.velocity)


def raw_inputs(view: View) -> np.ndarray:
    """Returns what the authors' networks see, [worlds, boids, 12]: four numbers a force, in px and px a step.

    Alignment: own velocity, mean velocity. Cohesion: own centre, mean centre. Separation: own velocity, sum of the ways
    away.
    """
    parts = view.velocity, view.mean_velocity, view.centre, view.mean_centre, view.velocity, view.away
    return np.concatenate(parts, axis=-1)


def relative_inputs(view: View) -> np.ndarray:
    """Returns what our networks see, [worlds, boids, 12]: the own velocity and where to, for each force, scaled.

    Cohesion sees the way to the mean centre in place of two positions, and the own velocity, which its force needs.
    """
    velocity, way = view.velocity / FASTEST, (view.mean_centre - view.centre) / RADIUS * view.seen[..., :1]
    parts = velocity, view.mean_velocity / FASTEST, velocity, way, velocity, view.away / TYPICAL_AWAY
    return np.concatenate(parts, axis=-1)


def with_seen(inputs: Callable[[View], np.ndarray], view: View) -> np.ndarray:
    """Returns a row of `inputs` for every boid, and whether each force acts, [worlds * boids, 15] float32."""
    numbers = np.concatenate([inputs(view), seen_by_force(view)], axis=-1)
    return numbers.reshape(-1, numbers.shape[-1]).astype(np.float32)
