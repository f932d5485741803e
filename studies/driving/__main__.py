"""Compares driving agents with an expert and with a DQN agent: `python -m studies.driving --out my/driving`.

Networks after D2BL, and a plain one of equal size, learn by regression on a rule-based driver; the suite's DQN agent
learns from rewards. Finished measurements are kept, so the same command continues an interrupted study.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from studies.simulations import command

if TYPE_CHECKING:
    from studies.units import Unit


def plan(seeds: list[int], quick: bool) -> "list[Unit]":
    """Returns the units in the order of measurement; raises UsageError where highway-env is not installed."""
    from studies.driving import drives, world

    world.check_installed()
    return drives.units(seeds, quick)


def write_report(folder: Path) -> str:
    """Writes report.md, tables, figures and animations; returns the report's text."""
    from studies.driving import report

    return report.write_report(folder)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, 2 where something has to be changed first, 130 when interrupted."""
    return command.main("studies.driving", __doc__, plan, write_report, arguments)


if __name__ == "__main__":
    sys.exit(main())
