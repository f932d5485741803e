"""Turns sweeps' CSV files into `report.md`, tables and figures: `python report.py results/sweep`.

Every number is first averaged within a seed, over the episodes that the report names, then over the seeds. Runs of
several folders are compared as if they were of one. `python report.py --docs` writes all that is generated anew: the
published reports and their figures, the figures of two published runs and two animated episodes of one, the tables of
README.md and docs/*.md, and the picture of a round.
"""

import argparse
import sys

from reporting.docs import fill_pages, published, rewrite_report, stale_parts, stale_reports
from reporting.episodes import animate
from reporting.report import write_report
from reporting.round_picture import draw as draw_round
from reporting.run_figures import draw as draw_runs
from runs.command_line import command, command_of, path_argument
from runs.flags import Parser
from runs.tables import only_tables_of_runs
from settings.names import PROJECT

EPISODES = [3, 117]  # that README.md shows: an early and a late one of about as many rounds


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, 1 where --check finds a stale table, or 2 where something is wrong."""
    parser = Parser(prog="report.py", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("folders", type=path_argument, nargs="*", help="--out folders of sweep.py")
    parser.add_argument("--out", type=path_argument, help="folder for the report [the first of the folders]")
    parser.add_argument("--docs", action="store_true", help="rewrite published reports and all generated tables")
    parser.add_argument("--check", action="store_true", help="with --docs: only name what is out of date")
    parser.add_argument("--html", action="store_true", help="also write all as one page, report.html")
    options = parser.parse_args(arguments)
    if options.docs == bool(options.folders) or (options.docs and options.out):
        parser.error("give either folders of sweep.py or --docs")
    if options.html and options.docs:
        parser.error("--html needs folders of sweep.py")
    if options.check and not options.docs:
        parser.error("--check needs --docs")
    work = documents if options.docs else report
    return command("report.py", lambda: work(options), lambda: "report again")


def report(options: argparse.Namespace) -> int:
    """Writes and prints the report of the folders; returns 0."""
    with only_tables_of_runs():
        print(write_report(options.folders, options.out or options.folders[0], html=options.html))
    return 0


def documents(options: argparse.Namespace) -> int:
    """Rewrites published reports, generated tables and the pictures of the pages, or only checks reports and tables.

    Returns 0, or 1 where something that was checked is out of date.
    """
    with only_tables_of_runs():
        if options.check:
            stale = [*stale_reports(PROJECT), *stale_parts(PROJECT)]
            remedy = f"run {command_of('report.py', '--docs')}"
            print("\n".join([*stale, remedy if stale else "all reports and generated tables are up to date"]))
            return int(bool(stale))
        for folder in published(PROJECT):
            rewrite_report(folder, folder, figures=(folder / "figures").is_dir())
        runs = [PROJECT / f"results/claims/dqn-{split}-seed0" for split in ("disjoint", "published")]
        draw_runs(runs, PROJECT / "results/claims/figures/seed0")
        draw_round()
        animate(runs[0], EPISODES, PROJECT / "docs/figures", kinds=["gif"])
        fill_pages(PROJECT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
