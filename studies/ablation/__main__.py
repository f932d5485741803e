"""Takes the route agent's parts out one at a time: `python -m studies.ablation --out results/ablation`.

The seeds are tuning seeds, which no other report uses. A unit is one seed in one split. Finished episodes are kept, so
the same command continues an interrupted study. Several processes may share the work in one folder.
"""

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rich.console import Console

from config import Config
from data import load_dataset
from reporting.intervals import student_t
from reporting.tables import FORMATS, OTHER, difference_table, markdown, span_text
from runs.command_line import path_argument, seed_list, text_list
from runs.flags import Parser
from runs.folder import write_atomically
from runs.presets import PRESETS
from runs.screen import tell_of_stand_in
from settings.machine import machine
from studies.command import add_flags_of_units, run_plan, run_units

if TYPE_CHECKING:
    from studies.units import Unit

OUT = Path("results/ablation")
PRESET = "route-agent"
LOWEST_SEED = 100  # of the tuning seeds


def per_seed(lessons: pd.DataFrame, greedy_from: int) -> pd.DataFrame:
    """Returns a table with a row a split, agent and seed: its means over the greedy episodes."""
    greedy = lessons[lessons["episode"] >= greedy_from].rename(columns={"agent": "policy"})
    means = greedy.drop(columns=["part", "episode"]).groupby(["split", "policy", "seed"], sort=False).mean()
    return means.reset_index().assign(agent=OTHER)


def report(table: pd.DataFrame, config: Config) -> str:
    """Returns the report of a table of `per_seed`."""
    rows = []
    for (split, policy), group in table.groupby(["split", "policy"], sort=False):
        row = {"split": split, "agent": policy, "seeds": len(group)}
        for column, form in FORMATS.items():
            row[column.replace("_", " ")] = span_text(student_t(group[column].to_numpy()), form)
        row["worst seed's rounds"] = f"{group['rounds'].max():.1f}"
        rows.append(row | {"goal reached": f"{group['reached_goal'].mean():.0%}"})
    images = config.evaluation_samples or "all"
    return (
        f"# Report\n\nEach agent trains for {config.greedy_from - 1} episodes. A seed's number is the mean over the "
        f"{config.episodes - config.greedy_from + 1} greedy episodes that follow, on {images} test images. Intervals "
        "are of 95 % over the seeds (Student's t).\n\n"
        f"## Agents\n\n{markdown(pd.DataFrame(rows))}\n"
        f"## Agents side by side\n\n{markdown(difference_table(table))}"
    )


def parse(arguments: list[str]) -> argparse.Namespace:
    """Returns the options of a command line; exits as argparse does."""
    parser = Parser(prog="studies.ablation", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--out", type=path_argument, help=f"folder [{OUT}; with --pack DIR: DIR]")
    parser.add_argument("--splits", type=text_list, default=["disjoint", "published"], help="[disjoint,published]")
    parser.add_argument("--seeds", type=seed_list, default=list(range(100, 110)), help="like 100-104 [100-109]")
    parser.add_argument("--data-path", default="", help="MNIST's .npz file or folder, as for main.py")
    parser.add_argument("--evaluation-samples", type=int, default=2000, help="test images used, 0: all [2000]")
    add_flags_of_units(parser)
    options = parser.parse_args(arguments)
    options.out = options.out or options.pack or OUT
    if min(options.seeds) < LOWEST_SEED:
        parser.error(f"--seeds must be at least {LOWEST_SEED}; those below are for reports, and not for choices")
    return options


def run(options: argparse.Namespace) -> int:
    """Measures the unfinished units and writes the report; returns the exit code."""
    changes = {"threads": options.threads, "evaluation_samples": options.evaluation_samples}
    changes |= {"data_path": options.data_path, "observation": "round"}  # the cheapest; no agent here uses it
    config = Config(**PRESETS[PRESET] | changes)
    for split in options.splits:
        dataclasses.replace(config, split=split)  # raises UsageError where there is no such split

    def plan() -> "list[Unit]":
        from studies.ablation.lessons import Lessons

        return [Lessons(split=split, seed=seed) for seed in options.seeds for split in options.splits]

    def measure(units: "list[Unit]") -> str:
        from studies.units import measure_with_bar, prepare, read_part

        dataset, console = load_dataset(config), Console(highlight=False)
        tell_of_stand_in(dataset.name, console)
        fixed = {"dataset": dataset.name, "evaluation_samples": config.evaluation_samples}
        prepare(options.out, fixed, {"threads": config.threads, **machine()})
        measure_with_bar(units, options.out, lambda unit: unit.measure(config, dataset, options.out), console)
        table = per_seed(read_part(options.out, units[0].part), config.greedy_from)
        text = report(table, config)
        write_atomically(options.out / "per_seed.csv", table.to_csv(index=False).encode())
        write_atomically(options.out / "report.md", text.encode())
        return text

    return run_plan(options, plan, measure)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, 2 where something has to be changed first, 130 when interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments)
    return run_units("studies.ablation", arguments, lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
