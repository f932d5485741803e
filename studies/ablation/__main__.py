"""Takes the route agent's parts out one at a time: `python -m studies.ablation --out results/ablation`.

The seeds are tuning seeds, which no other report uses. A unit is one seed in one split. Finished episodes are kept, so
the same command continues an interrupted study. Several processes may share the work in one folder.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from config import Config
from reporting.tables import FORMATS, OTHER, difference_table, markdown, mean_text
from studies import tuning_command

if TYPE_CHECKING:
    from studies.units import Unit

SPLITS, SEEDS = ("disjoint", "published"), range(100, 110)


def per_seed(lessons: pd.DataFrame, greedy_from: int) -> pd.DataFrame:
    """Returns a table with a row a split, agent and seed: its means over the greedy episodes."""
    greedy = lessons[lessons["episode"] >= greedy_from].rename(columns={"agent": "policy"})
    means = greedy.drop(columns=["part", "episode", "best"]).groupby(["split", "policy", "seed"], sort=False).mean()
    return means.reset_index().assign(agent=OTHER)


def report(table: pd.DataFrame, config: Config) -> str:
    """Returns the report of a table of `per_seed`."""
    rows = []
    for (split, policy), group in table.groupby(["split", "policy"], sort=False):
        row = {"split": split, "agent": policy, "seeds": len(group)}
        for column, form in FORMATS.items():
            row[column.replace("_", " ")] = mean_text(group[column], form)
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


def plan(splits: list[str], seeds: list[int]) -> "list[Unit]":
    """Returns the units, seed after seed."""
    from studies.ablation.units import Ablation

    return [Ablation(split=split, seed=seed) for seed in seeds for split in splits]


def tables(folder: Path, config: Config) -> dict[str, str]:
    """Returns the result files by name."""
    from studies.units import read_part

    table = per_seed(read_part(folder, "lessons"), config.greedy_from)
    return {"per_seed.csv": table.to_csv(index=False), "report.md": report(table, config)}


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, 2 where something has to be changed first, 130 when interrupted."""
    return tuning_command.main("studies.ablation", __doc__, SPLITS, SEEDS, plan, tables, arguments)


if __name__ == "__main__":
    sys.exit(main())
