"""How often the reports' intervals hold the truth: `python -m studies.interval_coverage --out results/checks`.

Draws experiments of 5 and 10 seeds, with replacement, from the ten published seeds of each split: skewed, the rounds
capped at 36, a seed's DQN and random means drawn together. The truth is the change, or the difference, of the ten.
"""

import argparse
import sys

import numpy as np
from scipy import stats

from benchmarks import command
from reporting.intervals import LEVEL, bootstrap, relative_change, student_t
from studies.populations import SEEDS, draws, populations, with_progress

INTERVALS = ("bootstrap of the change, plain percentiles", "the reports', expanded", "Student t of the difference")


def plain_percentiles(*samples: np.ndarray) -> tuple[float, float]:
    """Returns the bootstrap interval (low, high) of the relative change as it is without the expansion."""
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


def check(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table of coverages, nominally 95 %."""
    rng = np.random.default_rng(options.seed)
    lines = [f"| runs drawn from | split | seeds | {' | '.join(INTERVALS)} |", "| --- " * 6 + "|"]
    cases = [(*population, seeds) for population in populations() for seeds in SEEDS]
    for claim, _, where, ours, theirs, seeds in with_progress(cases, "coverage"):
        truth = relative_change(ours, theirs), np.mean(ours - theirs)
        found = [hits(*pair, *truth) for pair in draws((ours, theirs), seeds, options.experiments, rng)]
        shares = " | ".join(f"{share:.1%}" for share in np.mean(found, 0))
        lines.append(f"| {claim} | {where['split']} | {seeds} | {shares} |")
    return {".md": "\n".join(lines) + "\n"}


if __name__ == "__main__":
    flags = {"experiments": (2000, "drawn for each number of seeds"), "seed": (0, "seed of the experiments")}
    sys.exit(command.run("interval_coverage", __doc__, check, by_processor=False, **flags))
