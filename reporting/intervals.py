"""Computes means over seeds with 95 % intervals, and paired comparisons."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

LEVEL = 0.95
RESAMPLES = 10_000
FEWEST = 5  # values to resample; with fewer, no interval has its nominal coverage


def student_t(values: ArrayLike) -> tuple[float, float, float]:
    """Returns the mean of `values` [n] and its Student t interval: (mean, low, high); NaN bounds for one value."""
    values = np.asarray(values, float)
    mean, error = values.mean(), values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    half = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * error if len(values) > 1 else np.nan
    return mean, mean - half, mean + half


def paired(table: pd.DataFrame, other: pd.DataFrame, column: str) -> np.ndarray:
    """Returns the differences of a column between two tables, one row a seed, over the seeds that both have."""
    ours, theirs = (rows.set_index("seed")[column] for rows in (table, other))
    seeds = ours.index.intersection(theirs.index)
    return (ours[seeds] - theirs[seeds]).to_numpy()


def bootstrap(statistic: Callable[..., np.ndarray | float], *samples: ArrayLike) -> tuple[float, float, float]:
    """Returns a statistic of samples [n] and its expanded percentile bootstrap interval: (value, low, high).

    The bounds are NaN for fewer than FEWEST values, and where the statistic is. Several samples are paired: entry k of
    each belongs to seed k, and the entries of a seed are drawn together. `statistic` takes the samples and an `axis`.
    The draws are seeded, so reports are reproducible.

    Plain percentile intervals are too narrow for small n, see studies/interval_coverage.py. The expanded interval of a
    mean is as wide as Student's t interval (Hesterberg, The American Statistician 69, 2015).
    """
    arrays = [np.asarray(sample, float) for sample in samples]
    value = float(statistic(*arrays, axis=-1))
    n = len(arrays[0])
    if n < FEWEST or np.isnan(value):
        return value, np.nan, np.nan
    outside = stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf((1 + LEVEL) / 2, n - 1))  # on each side
    result = stats.bootstrap(
        arrays,
        statistic,
        n_resamples=RESAMPLES,
        batch=RESAMPLES,
        vectorized=True,
        paired=True,
        confidence_level=1 - 2 * outside,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return value, float(result.confidence_interval.low), float(result.confidence_interval.high)


def interquartile_mean(values: ArrayLike, axis: int = -1) -> np.ndarray | float:
    """Returns the mean without the lowest and the highest quarter."""
    return stats.trim_mean(values, 0.25, axis=axis)


def relative_change(ours: np.ndarray, theirs: np.ndarray, axis: int = -1) -> np.ndarray | float:
    """Returns the relative difference between the means of `ours` and `theirs`; -0.5 means half of theirs.

    It is not a number where theirs is zero.
    """
    mean = np.mean(theirs, axis=axis)
    return np.mean(ours, axis=axis) / np.where(mean == 0, np.nan, mean) - 1


def change_per_goal(
    ours: np.ndarray, theirs: np.ndarray, we_reached: np.ndarray, they_reached: np.ndarray, axis: int = -1
) -> np.ndarray | float:
    """Returns the relative difference in cost per goal reached; `*_reached` [n] are the shares of episodes at the goal.

    The result is infinite if we never reached the goal, NaN if they never did.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.mean(we_reached, axis=axis) / np.mean(they_reached, axis=axis)
        return (1 + relative_change(ours, theirs, axis)) / np.where(np.isinf(rate), np.nan, rate) - 1


def gap_closed(ours: np.ndarray, bound: np.ndarray, chance: np.ndarray, axis: int = -1) -> np.ndarray | float:
    """Returns the share of the gap between the means of `chance` and `bound` that the mean of `ours` closes; 1: all."""
    start = np.mean(chance, axis=axis)
    return (start - np.mean(ours, axis=axis)) / (start - np.mean(bound, axis=axis))


def probability_of_less(ours: ArrayLike, theirs: ArrayLike, axis: int = -1) -> np.ndarray | float:
    """Returns the share of all pairs of seeds in which `ours` is below `theirs`; a tie counts half."""
    pairs = np.shape(ours)[axis] * np.shape(theirs)[axis]
    with np.errstate(divide="ignore", invalid="ignore"):  # its p-value, unused here, divides by zero if all are equal
        return stats.mannwhitneyu(theirs, ours, axis=axis, method="asymptotic").statistic / pairs
