"""Compares agents that steer boids: `python -m studies.boids --out my/boids`.

Force networks with pseudo-attention and plain ones, with the objective of D2BL's authors and as imitations of Reynolds'
rules, and a DQN. Finished measurements are kept, so the same command continues an interrupted study.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from studies.simulations import command

if TYPE_CHECKING:
    from studies.units import Unit


def plan(seeds: list[int], quick: bool) -> "list[Unit]":
    """Returns the units in the order of measurement."""
    from studies.boids import units

    return units.plan(seeds, quick)


def write_report(folder: Path) -> str:
    """Writes the report and the figures; returns the report's text."""
    from studies.boids import report

    return report.write_report(folder)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, 2 where something has to be changed first, 130 when interrupted."""
    return command.main("studies.boids", __doc__, plan, write_report, arguments)


if __name__ == "__main__":
    sys.exit(main())
