"""Provides the command line of the studies that play route agents on tuning seeds."""

import argparse
import dataclasses
import itertools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from config import Config
from data import load_dataset
from runs.command_line import path_argument, seed_list, text_list
from runs.flags import Parser
from runs.folder import write_atomically
from runs.presets import PRESETS
from runs.screen import tell_of_stand_in
from settings.machine import machine
from studies.command import add_flags_of_units, run_plan, run_units

if TYPE_CHECKING:
    from studies.units import Rows, Unit

PRESET = "improved"
LOWEST_SEED = 100  # of the tuning seeds


def main(
    name: str,
    doc: str,
    splits: Sequence[str],
    seeds: Sequence[int],
    plan: "Callable[[list[str], list[int]], list[Unit]]",
    tables: Callable[[Path, Config], dict[str, str]],
    arguments: list[str] | None = None,
    *,
    fixed: Sequence[str] = (),
    **changes: object,
) -> int:
    """Runs the command line of a study; returns 0, 2 where something has to be changed first, 130 when interrupted.

    Args:
        name: Module that is run, such as "studies.ablation".
        doc: Its docstring; the first line is the description in `--help`.
        splits: Default of `--splits`.
        seeds: Default of `--seeds`, consecutive numbers.
        plan: Takes splits and seeds, and returns the units. Those of a part stand together, after the parts they need.
            A unit has a method `measure(config, dataset, folder, tell)` that returns its rows and calls `tell` with the
            share that is done.
        tables: Takes the folder and the configuration, and returns the text of each result file by its name, report.md
            among them.
        arguments: Command line; that of the process by default.
        fixed: Options that cannot change between the commands that work in one folder.
        **changes: Settings in which the study differs from the preset.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parse(name, doc, splits, seeds, arguments)
    return run_units(name, arguments, lambda: _run(options, plan, tables, fixed, changes))


def _parse(
    name: str, doc: str, splits: Sequence[str], seeds: Sequence[int], arguments: list[str]
) -> argparse.Namespace:
    """Returns the options of a command line; exits as argparse does."""
    parser = Parser(prog=name, description=doc.splitlines()[0], allow_abbrev=False)
    out, span = Path("results") / name.rpartition(".")[2].replace("_", "-"), f"{seeds[0]}-{seeds[-1]}"
    parser.add_argument("--out", type=path_argument, help=f"folder [{out}; with --pack DIR: DIR]")
    parser.add_argument("--splits", type=text_list, default=list(splits), help=f"[{','.join(splits)}]")
    parser.add_argument("--seeds", type=seed_list, default=list(seeds), help=f"like 100-104 [{span}]")
    parser.add_argument("--data-path", default="", help="MNIST's .npz file or folder, as for main.py")
    parser.add_argument("--evaluation-samples", type=int, default=2000, help="test images used, 0: all [2000]")
    add_flags_of_units(parser)
    options = parser.parse_args(arguments)
    options.out = options.out or options.pack or out
    if min(options.seeds) < LOWEST_SEED:
        parser.error(f"--seeds must be at least {LOWEST_SEED}; those below are for reports, and not for choices")
    return options


def _run(
    options: argparse.Namespace,
    plan: "Callable[[list[str], list[int]], list[Unit]]",
    tables: Callable[[Path, Config], dict[str, str]],
    fixed: Sequence[str],
    changes: dict[str, object],
) -> int:
    """Measures the unfinished units and writes the tables; returns the exit code."""
    changes = changes | {"threads": options.threads, "evaluation_samples": options.evaluation_samples}
    changes |= {"data_path": options.data_path}
    config = Config(**PRESETS[PRESET] | changes)
    for split in options.splits:
        dataclasses.replace(config, split=split)  # raises UsageError where there is no such split

    def measure(units: "list[Unit]") -> str:
        from studies.units import measure_with_bar, prepare

        dataset, console = load_dataset(config), Console(highlight=False)
        tell_of_stand_in(dataset.name, console)
        about = {"dataset": dataset.name, "evaluation_samples": config.evaluation_samples}
        about |= {name: getattr(options, name) for name in fixed}
        prepare(options.out, about, {"threads": config.threads, **machine()})

        def measure_unit(unit: "Unit", tell: Callable[[float], None]) -> "Rows":
            return unit.measure(config, dataset, options.out, tell)

        for _, part in itertools.groupby(units, lambda unit: unit.part):
            measure_with_bar(list(part), options.out, measure_unit, console)
        texts = tables(options.out, config)
        for file, text in texts.items():
            write_atomically(options.out / file, text.encode())
        return texts["report.md"]

    return run_plan(options, lambda: plan(options.splits, options.seeds), measure)
