"""Measures how often a verdict on a claim is wrong: `python -m studies.verdict_errors --out results/checks`.

Draws experiments of 5 and 10 seeds with replacement from the ten published seeds of a split and an agent. The means
that the agent and the random policy have in a seed are drawn together. Those of the random policy stay, those of
the agent are changed so that the change over the ten seeds has a given value, which is then the true one. There are two
ways to change them:

- proportional: all are multiplied by one factor, which keeps the scatter in per cent;
- shifted: one number is added to all, which keeps the scatter in rounds or in distance.

Both keep the skew and the pairs. Mean rounds are capped at 36, and the factor or the number takes the cap into account.

This cannot tell how an agent of that effect would scatter. Experiments are therefore drawn from two agents, that of the
authors and ours.
"""

import argparse
import itertools
import sys

import numpy as np
import pandas as pd
from scipy import optimize

from reporting.intervals import bootstrap, relative_change
from reporting.tables import markdown, verdict
from studies.command import run
from studies.populations import SEEDS, draws, populations, with_progress

AGENTS = {"authors": "claims", "ours": "improved"}  # the study of each
CAP = {"training rounds": 36, "communication cost": np.inf}
SHARES = (0, 1 / 3, 1 / 2, 3 / 4, 1)  # true change as a share of the claimed one
WAYS = {"proportional": np.multiply, "shifted": np.add}
OUTCOMES = ("reproduced", "in part", "no difference shown", "worse", "reproduced, former rule")


def rescaled(ours: np.ndarray, mean: float, way: str, cap: float) -> np.ndarray:
    """Returns the means `ours` [n], changed in one of WAYS so that their mean is `mean` and none is above `cap`."""

    def changed(amount: float) -> np.ndarray:
        return np.minimum(WAYS[way](ours, amount), cap)

    bounds = (0, 100) if way == "proportional" else (-ours.mean(), mean)
    return changed(optimize.brentq(lambda amount: changed(amount).mean() - mean, *bounds, xtol=1e-12))


def former_verdict(claimed: float, low: float, high: float) -> bool:
    """Tells whether the former rule called a claim reproduced: the interval excludes zero and reaches the claim."""
    return high < 0 and low <= claimed


def rates(claimed: float, pair: tuple, seeds: int, experiments: int, rng: np.random.Generator) -> dict[str, float]:
    """Returns the rate of each outcome in experiments drawn from a pair of arrays."""
    counts = np.zeros(len(OUTCOMES))
    for ours, theirs in draws(pair, seeds, experiments, rng):
        _, low, high = bootstrap(relative_change, ours, theirs)
        said = verdict(claimed, low, high)
        counts += [said == "reproduced", *(text in said for text in OUTCOMES[1:4]), former_verdict(claimed, low, high)]
    return dict(zip(OUTCOMES, counts / experiments, strict=True))


def measure(options: argparse.Namespace) -> dict[str, str]:
    """Returns the rates of each population as CSV, and a table of the lowest and highest rates over the populations."""
    cases, rows = [], []
    found = [(agent, *population) for agent, study in AGENTS.items() for population in populations(study)]
    for agent, claim, claimed, where, ours, theirs in found:
        for way, share in itertools.product(WAYS, SHARES):
            pair = rescaled(ours, (1 + share * claimed) * theirs.mean(), way, CAP[claim]), theirs
            place = {"claim": claim, "agent": agent, "split": where["split"], "rescaled": way}
            cases += [(place | {"true change": share * claimed, "seeds": n}, claimed, pair, n) for n in SEEDS]
    rng = np.random.default_rng(options.seed)
    for place, claimed, pair, seeds in with_progress(cases, "verdicts"):
        rows.append(place | rates(claimed, pair, seeds, options.experiments, rng))
    table = pd.DataFrame(rows)
    return {".csv": table.to_csv(index=False), ".md": markdown(ranges(table))}


def ranges(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the lowest and highest rates, as text, by claim, true change and number of seeds."""
    rows = []
    for (claim, change, seeds), group in table.groupby(["claim", "true change", "seeds"], sort=False):
        row = {"claim": claim, "true change": f"{change:+.1%}" if change else "none", "seeds": seeds}
        rows.append(row | {name: _span(group[name]) for name in OUTCOMES})
    return pd.DataFrame(rows).sort_values(["claim", "seeds"], ascending=[False, True], kind="stable")


def _span(shares: pd.Series) -> str:
    """Returns the lowest and the highest of shares, as text."""
    low, high = f"{shares.min():.1%}", f"{shares.max():.1%}"
    return low if low == high else f"{low} to {high}"


if __name__ == "__main__":
    flags = {"experiments": (1000, "drawn for each row of the CSV file"), "seed": (0, "seed of the experiments")}
    sys.exit(run("verdict_errors", __doc__, measure, by_processor=False, **flags))
