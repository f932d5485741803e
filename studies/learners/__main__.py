"""Compares the local learners with backpropagation: `python -m studies.learners --out results/learners`.

The study has three parts: accuracy beside plain networks of equal size, alignment of attention with the gradient, and
forgetting over a sequence of tasks. Finished measurements are kept, so the same command continues an interrupted study.
Several processes may share the work in one folder.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from config import Config
from data import load_dataset
from runs.command_line import path_argument, seed_list, text_list
from runs.flags import Parser
from runs.screen import tell_of_stand_in
from settings.machine import machine
from settings.names import DATASETS
from studies.command import add_flags_of_units, run_plan, run_units

if TYPE_CHECKING:
    from studies.learners.units import Unit

OUT = Path("results/learners")
PARTS = ("accuracy", "alignment", "forgetting")


def plan(parts: list[str], seeds: list[int], dataset: str) -> "list[Unit]":
    """Returns the units of the parts on a data set in the order of measurement."""
    from studies.learners import accuracies, alignments, task_sequences

    of_part = dict(zip(PARTS, (accuracies, alignments, task_sequences), strict=True))
    return [unit for part in PARTS if part in parts for unit in of_part[part].units(seeds, dataset)]


def parse(arguments: list[str]) -> argparse.Namespace:
    """Returns the options of a command line; exits as argparse does."""
    parser = Parser(prog="studies.learners", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--out", type=path_argument, help=f"folder [{OUT}; with --pack DIR: DIR]")
    parser.add_argument("--parts", type=text_list, default=list(PARTS), help=f"some of {','.join(PARTS)} [all]")
    parser.add_argument("--seeds", type=seed_list, default=list(range(5)), help="like 0-4 or 0,3,5-7 [0-4]")
    parser.add_argument("--dataset", default="mnist", help=f"image data set: {', '.join(DATASETS)} or a name [mnist]")
    parser.add_argument("--data-path", default="", help="its .npz file or folder, as for main.py")
    parser.add_argument("--epochs", type=int, default=0, help="epochs of every training; 0: those of the plan [0]")
    parser.add_argument("--samples", type=int, default=0, help="training images used, the first ones; 0: all [0]")
    add_flags_of_units(parser)
    options = parser.parse_args(arguments)
    options.out = options.out or options.pack or OUT
    for part in options.parts:
        if part not in PARTS:
            parser.error(f"--parts must be some of {', '.join(PARTS)}, not {part}")
    if max(options.seeds) >= 100:
        parser.error("--seeds must be below 100; the seeds from 100 are those of the tuning")
    if options.epochs < 0 or options.threads < 1:
        parser.error("--epochs must be at least 0, --threads at least 1")
    return options


def run(options: argparse.Namespace) -> int:
    """Measures the unfinished units and writes the report; returns the exit code."""
    config = Config(dataset=options.dataset, data_path=options.data_path)

    def measure(units: "list[Unit]") -> str:
        from studies.learners.report import write_report
        from studies.learners.units import Images
        from studies.units import measure_with_bar, prepare

        dataset, console = load_dataset(config), Console(highlight=False)
        tell_of_stand_in(dataset.name, console)
        images = Images.of(dataset, options.samples)
        images.check(options.parts)
        fixed = {"dataset": dataset.name, "dataset_sha256": dataset.sha256()}
        fixed |= {"epochs": options.epochs, "samples": options.samples}
        prepare(options.out, fixed, {"threads": options.threads, **machine()})
        measure_with_bar(units, options.out, lambda unit, _: unit.measure(images, options.epochs, options.out), console)
        return write_report(options.out)

    return run_plan(options, lambda: plan(options.parts, options.seeds, options.dataset), measure)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, 2 where something has to be changed first, 130 when interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments)
    return run_units("studies.learners", arguments, lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
