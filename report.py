"""Turns sweeps' CSV files into `report.md`, tables and figures: `python report.py results/sweep`.

Every number is first averaged within a seed, over the episodes that the report names, then over the seeds. Runs of
several folders are compared as if they were of one. `python report.py --docs` fills the generated tables of README.md
and docs/*.md from the published reports, CSV files and the code.
"""

import argparse
import sys

from reporting.docs import PROJECT, fill_pages, stale_parts
from reporting.report import write_report
from reporting.round_picture import draw as draw_round
from runs.command_line import command, path_argument
from runs.flags import Parser
from runs.tables import only_tables_of_runs


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, 1 where --check finds a stale table, or 2 where something is wrong."""
    parser = Parser(prog="report.py", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("folders", type=path_argument, nargs="*", help="--out folders of sweep.py")
    parser.add_argument("--out", type=path_argument, help="folder for the report [the first of the folders]")
    parser.add_argument("--docs", action="store_true", help="fill the generated tables of README.md and docs/*.md")
    parser.add_argument("--check", action="store_true", help="with --docs: only name the tables that are out of date")
    options = parser.parse_args(arguments)
    if options.docs == bool(options.folders or options.out):
        parser.error("give either folders of sweep.py or --docs")
    if options.check and not options.docs:
        parser.error("--check needs --docs")
    work = documents if options.docs else report
    return command("report.py", lambda: work(options), lambda: "report again")


def report(options: argparse.Namespace) -> int:
    """Writes and prints the report of the folders; returns 0."""
    with only_tables_of_runs():
        print(write_report(options.folders, options.out or options.folders[0]))
    return 0


def documents(options: argparse.Namespace) -> int:
    """Fills the generated tables and draws the picture of a round, or names the tables that are out of date.

    Returns 0, or 1 where a table is out of date.
    """
    if options.check:
        stale = stale_parts(PROJECT)
        print("\n".join([*stale, "run python report.py --docs"] if stale else ["all generated tables are up to date"]))
        return bool(stale)
    for page in fill_pages(PROJECT):
        print(f"wrote {page.relative_to(PROJECT)}")
    draw_round()
    return 0


if __name__ == "__main__":
    sys.exit(main())
