"""Provides random generators: one for each purpose, seed, episode, round and node."""

import numpy as np

# Every random draw has its purpose; the numbers are part of what a seed means and never change.
PURPOSES = {
    "partition": 1,
    "weights": 2,
    "order": 3,
    "agent weights": 4,
    "exploration": 5,
    "replay": 6,
    "stand-in": 7,
    "failure": 8,
    "draws": 9,
    "permutation": 10,
    "driving": 11,
    "deal": 12,
    "boids": 13,
    "distances": 14,
}
LAST_UNCOUNTED = 10


def generator(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """Returns the random generator of a purpose; `counters` are episode, round and node, as far as they apply.

    No generator outlives its use, so a resumed run needs no generator state.
    """
    # Deviation D5: the authors' code seeds NumPy alone, so that its runs do not repeat.
    number = PURPOSES[purpose]
    # NumPy takes (5,) and (5, 0) for the same key. Purposes added later have the number of their counters in it.
    counted = [len(counters)] if number > LAST_UNCOUNTED else []
    return np.random.default_rng([seed, number, *counted, *counters])


def layer_seed(seed: int, purpose: str, *counters: int) -> np.ndarray:
    """Draws the seed [2] uint32 of layers that draw at random, the state of a keras.random.SeedGenerator."""
    return generator(seed, purpose, *counters).integers(2**32, size=2, dtype=np.uint32)
