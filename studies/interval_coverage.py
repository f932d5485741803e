"""Measures the coverage of the reports' intervals: `python -m studies.interval_coverage --out results/checks`.

Draws experiments of 5 and 10 seeds with replacement from the ten published seeds of each split. The means are skewed
and the rounds are capped at 36. The DQN and random means of a seed are drawn together. The true value is that of the
ten seeds.
"""

import argparse
import sys

import numpy as np
import pandas as pd
from scipy import stats

from reporting.intervals import LEVEL, bootstrap, relative_change, student_t
from reporting.tables import markdown
from studies.command import run
from studies.populations import SEEDS, draws, populations, with_progress

INTERVALS = ("bootstrap of the change, plain percentiles", "the reports', expanded", "Student t of the difference")


def plain_percentiles(*samples: np.ndarray) -> tuple[float, float]:
    """Returns the bootstrap interval (low, high) of the relative change without the expansion."""
    rng = np.random.default_rng(0)
    result = stats.bootstrap(
        samples, relative_change, n_resamples=2000, paired=True, method="percentile", confidence_level=LEVEL, rng=rng
    )
    return result.confidence_interval


def hits(ours: np.ndarray, theirs: np.ndarray, change: float, difference: float) -> list[bool]:
    """Returns which of the INTERVALS of one experiment hold the true change or difference [3] bool."""
    of_change = (plain_percentiles(ours, theirs), bootstrap(relative_change, ours, theirs)[1:])
    _, low, high = student_t(ours - theirs)
    return [*(low <= change <= high for low, high in of_change), low <= difference <= high]


def measure(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table of coverages; the nominal one is 95 %."""
    rng = np.random.default_rng(options.seed)
    rows = []
    cases = [(*population, seeds) for population in populations() for seeds in SEEDS]
    for claim, _, where, ours, theirs, seeds in with_progress(cases, "coverage"):
        truth = relative_change(ours, theirs), np.mean(ours - theirs)
        found = [hits(*pair, *truth) for pair in draws((ours, theirs), seeds, options.experiments, rng)]
        rows.append((claim, where["split"], seeds, *(f"{share:.1%}" for share in np.mean(found, 0))))
    return {".md": markdown(pd.DataFrame(rows, columns=["runs drawn from", "split", "seeds", *INTERVALS]))}


if __name__ == "__main__":
    flags = {"experiments": (2000, "drawn for each number of seeds"), "seed": (0, "seed of the experiments")}
    sys.exit(run("interval_coverage", __doc__, measure, by_processor=False, **flags))
