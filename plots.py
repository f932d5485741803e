"""Draws figures from the CSV files of one or more runs: `python plots.py RUN_DIR [RUN_DIR ...] --out DIR`.

`python plots.py RUN_DIR --animate EPISODE [EPISODE ...] --out DIR` animates episodes of one run instead, side by side.
"""

import argparse
import itertools
import sys

from runs.command_line import command, path_argument
from runs.flags import Parser
from runs.tables import only_tables_of_runs


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, or 2 where something has to be changed first."""
    parser = Parser(prog="plots.py", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("run_dirs", type=path_argument, nargs="+", metavar="RUN_DIR", help="folder of a run of main.py")
    parser.add_argument("--out", type=path_argument, required=True, help="folder for the figures")
    parser.add_argument(
        "--animate",
        type=int,
        nargs="+",
        metavar="EPISODE",
        help="animate these episodes of the run, as GIF and as HTML page, and draw no figures",
    )
    options = parser.parse_args(arguments)
    if options.animate and len(options.run_dirs) > 1:
        parser.error("--animate takes one RUN_DIR; start it once for each run")
    work = _animate if options.animate else _draw
    return command("plots.py", lambda: work(options), lambda: "draw again")


def _draw(options: argparse.Namespace) -> int:
    """Draws the figures of a command line's runs."""
    from reporting.run_figures import draw, has_node_models

    with only_tables_of_runs():
        drawn = draw(options.run_dirs, options.out)
    for run_dir in itertools.filterfalse(has_node_models, options.run_dirs):
        print(f"{run_dir} is left out of the figure node_models: a run without figures has no node_models.csv")
    print(f"{drawn} figures of {len(options.run_dirs)} run(s) in {options.out}, each as PNG and PDF")
    return 0


def _animate(options: argparse.Namespace) -> int:
    """Animates the episodes of a command line's run."""
    from reporting.episodes import animate

    with only_tables_of_runs():
        paths = animate(options.run_dirs[0], options.animate, options.out)
    for path in paths:
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
