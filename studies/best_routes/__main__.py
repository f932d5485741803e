"""Searches for good routes and plays them on other initial weights: `python -m studies.best_routes --out DIR`.

A search is the route agent with more episodes than a run has. A unit is a search, or the initial weights of one episode
on which routes are played. Finished episodes are kept, so the same command continues an interrupted study. Several
processes may share the work in one folder.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from config import Config
from settings.errors import UsageError
from studies import tuning_command

if TYPE_CHECKING:
    from studies.units import Unit

SPLITS, SEEDS = ("disjoint", "published", "exclusive"), range(200, 203)  # of the searches
EPISODES = 360  # of a search
JUDGED, VALIDATED = (210, 24), (211, 20)  # the seed and the number of the initial weights


def plan(splits: list[str], seeds: list[int]) -> "list[Unit]":
    """Returns the searches, and the initial weights on which their routes are played.

    Raises UsageError where a search would learn on these weights.
    """
    if kept := {seed for seed, _ in (JUDGED, VALIDATED)} & set(seeds):
        raise UsageError(f"--seeds must leave out {min(kept)}, on whose initial weights the routes are played")
    from studies.best_routes.units import Judgement, Search, Validation

    units = [Search(split=split, seed=seed) for split in splits for seed in seeds]
    for kind, (seed, weights) in ((Judgement, JUDGED), (Validation, VALIDATED)):
        units += [kind(split=split, seed=seed, episode=number) for split in splits for number in range(1, weights + 1)]
    return units


def tables(folder: Path, config: Config) -> dict[str, str]:
    """Returns the result files by name."""
    from studies.best_routes.report import report

    return {"report.md": report(folder, config.evaluation_samples)}


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, 2 where something has to be changed first, 130 when interrupted."""
    length = {"episodes": EPISODES, "greedy_from": EPISODES + 1}
    # A trial is played once, so the routes of a search that is added later would not be in it.
    return tuning_command.main(
        "studies.best_routes", __doc__, SPLITS, SEEDS, plan, tables, arguments, fixed=["splits", "seeds"], **length
    )


if __name__ == "__main__":
    sys.exit(main())
