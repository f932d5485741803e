"""Provides the published means by seed as populations from which experiments are drawn.

The agent's and the random policy's mean of a seed form a pair: episodes of the same number start from the same initial
weights.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from rich.console import Console

from reporting.tables import CLAIMS, agent_pairs
from runs.screen import progress_bar
from settings.names import PROJECT

RESULTS = PROJECT / "results"
SEEDS = (5, 10)  # of an experiment


def populations(study: str = "claims") -> Iterator[tuple[str, float, dict, np.ndarray, np.ndarray]]:
    """Yields (claim, claimed change, settings, an agent's means [seeds], the random policy's [seeds]) of a study."""
    table = pd.read_csv(RESULTS / study / "per_seed.csv")
    for claim, column, claimed in CLAIMS:
        for where, ours, theirs in agent_pairs(table):
            yield claim, claimed, where, ours[column].to_numpy(), theirs[column].to_numpy()


def draws(pair: tuple, seeds: int, number: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields `number` experiments of so many seeds, drawn with replacement from a pair of arrays."""
    for _ in range(number):
        chosen = rng.integers(0, len(pair[0]), seeds)
        yield pair[0][chosen], pair[1][chosen]


def with_progress(rows: list, name: str) -> Iterator:
    """Yields the rows and shows a progress bar on stderr."""
    with progress_bar(name, Console(stderr=True)) as progress:
        yield from progress.track(rows)
