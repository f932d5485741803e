"""Turns sweeps' CSV files into `report.md`, tables and figures: `python report.py results/sweep`.

Every number is first averaged within a seed, over the episodes that the report names, then over the seeds. Runs of
several folders are compared as if they were of one.
"""

import sys

from reporting.report import write_report
from runs.command_line import command, path_argument
from runs.flags import Parser
from runs.tables import only_tables_of_runs


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, or 2 where something has to be changed first."""
    parser = Parser(prog="report.py", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("folders", type=path_argument, nargs="+", help="--out folders of sweep.py")
    parser.add_argument("--out", type=path_argument, help="folder for the report [the first of the folders]")
    options = parser.parse_args(arguments)

    def work() -> int:
        with only_tables_of_runs():
            print(write_report(options.folders, options.out or options.folders[0]))
        return 0

    return command("report.py", work, lambda: "report again")


if __name__ == "__main__":
    sys.exit(main())
