"""How often the reports' intervals hold the truth: `python -m checks.interval_coverage --out results/checks`.

Draws rounds of two policies, paired by seed, about as scattered as DQN's and the random policy's, and asks whether
intervals for their relative change and their difference hold the true ones.
"""

import argparse
import sys

import numpy as np
from scipy import stats

from benchmarks import command
from intervals import LEVEL, bootstrap, relative_change, student_t

OURS, THEIRS = (21.0, 2.5), (22.0, 0.6)  # mean and standard deviation of the rounds over the seeds
CHANGE, DIFFERENCE = OURS[0] / THEIRS[0] - 1, OURS[0] - THEIRS[0]
INTERVALS = ("bootstrap of the change, plain percentiles", "the reports', expanded", "Student t of the difference")


def plain_percentiles(*samples: np.ndarray) -> tuple[float, float]:
    """Returns the bootstrap interval (low, high) of the relative change as it is without the expansion."""
    rng = np.random.default_rng(0)
    result = stats.bootstrap(
        samples, relative_change, n_resamples=2000, paired=True, method="percentile", confidence_level=LEVEL, rng=rng
    )
    return result.confidence_interval


def hits(seeds: int, rng: np.random.Generator) -> list[bool | np.bool_]:
    """Draws one experiment of `seeds` pairs; returns which of the INTERVALS hold the truth [3] bool."""
    ours, theirs = (rng.normal(*moments, seeds) for moments in (OURS, THEIRS))
    change = (plain_percentiles(ours, theirs), bootstrap(relative_change, ours, theirs)[1:])
    _, *difference = student_t(ours - theirs)
    return [*(low <= CHANGE <= high for low, high in change), difference[0] <= DIFFERENCE <= difference[1]]


def check(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table of coverages, nominally 95 %."""
    rng = np.random.default_rng(options.seed)
    lines = [f"| seeds | {' | '.join(INTERVALS)} |", "| --- | --- | --- | --- |"]
    for seeds in (5, 10):
        shares = np.mean([hits(seeds, rng) for _ in range(options.experiments)], 0)
        lines.append(f"| {seeds} | {' | '.join(f'{share:.1%}' for share in shares)} |")
    return {".md": "\n".join(lines) + "\n"}


if __name__ == "__main__":
    flags = {"experiments": (2000, "drawn for each number of seeds"), "seed": (0, "seed of the experiments")}
    sys.exit(command.run("interval_coverage", __doc__, check, **flags))
