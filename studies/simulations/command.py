"""Provides the command line of the simulations."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from runs.command_line import path_argument, seed_list
from runs.flags import Parser
from settings.machine import machine
from studies.command import add_flags_of_units, run_plan, run_units
from studies.units import Unit, measure_with_bar, prepare

FULL_SEEDS, QUICK_SEEDS = (0, 1, 2, 3, 4), (0, 1)


def main(
    name: str,
    doc: str,
    plan: Callable[[list[int], bool], list[Unit]],
    write_report: Callable[[Path], str],
    arguments: list[str] | None = None,
) -> int:
    """Runs the command line of a study; returns 0, 2 where something has to be changed first, 130 when interrupted.

    Args:
        name: Module that is run, such as "studies.boids".
        doc: Its docstring; the first line is the description in `--help`.
        plan: Takes the seeds and whether the study is the quick one, and returns the units in the order of
            measurement. A unit has a method `measure(folder)` that returns its rows.
        write_report: Takes the folder, writes everything that follows from the measurements, and returns the report.
        arguments: Command line; that of the process by default.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(name, doc, arguments)
    return run_units(name, arguments, lambda: run(options, plan, write_report))


def parse(name: str, doc: str, arguments: list[str]) -> argparse.Namespace:
    """Returns the options of a command line; exits as argparse does."""
    parser = Parser(prog=name, description=doc.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--out", type=path_argument, required=True, help="folder for the results")
    parser.add_argument("--seeds", type=seed_list, help="like 0-4 or 0,3,5-7 [0-4, with --quick 0-1]")
    parser.add_argument("--quick", action="store_true", help="take about a minute: a look that proves nothing")
    add_flags_of_units(parser)
    options = parser.parse_args(arguments)
    options.seeds = options.seeds or list(QUICK_SEEDS if options.quick else FULL_SEEDS)
    if options.threads < 1:
        parser.error("--threads must be at least 1")
    return options


def run(
    options: argparse.Namespace, plan: Callable[[list[int], bool], list[Unit]], write_report: Callable[[Path], str]
) -> int:
    """Measures the unfinished units and writes the report; returns the exit code."""

    def measure(units: list[Unit]) -> str:
        prepare(options.out, {"quick": options.quick}, {"threads": options.threads, **machine()})
        measure_with_bar(units, options.out, lambda unit, _: unit.measure(options.out))
        return write_report(options.out)

    return run_plan(options, lambda: plan(options.seeds, options.quick), measure)
