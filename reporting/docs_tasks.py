"""Builds the tables of docs/tasks.md that set all data sets and splits side by side: claims, and every node alone."""

from pathlib import Path

import pandas as pd

from reporting.averages import data_name
from reporting.tables import AUTHORS, claim_table, markdown, starter_table
from runs.description import read_description
from runs.packed import run_dirs

STUDIES = ("claims", "exclusive", "worlds", "fashion-mnist", "cifar10")  # folders of results/
OF_STARTERS = ("starters", "starters-fashion-mnist", "starters-cifar10")
TASK = ["data", "split", "goal"]


def tasks(root: Path) -> str:
    """Returns a table of the claims for the authors' agent: a row a data set and split, a column a claim."""
    claims = pd.concat([_claims(root / "results" / study) for study in STUDIES])
    names = claims["claim, against random"].unique()
    rows = []
    for task, group in claims.groupby(TASK, sort=False):
        says = group.set_index("claim, against random")["says"]
        rows.append(dict(zip(TASK, task, strict=True)) | {name: says.get(name, "") for name in names})
    papers = claims.set_index("claim, against random")["paper"].to_dict()
    titles = {
        name: f"{name}{'' if 'against' in name else ', against random'} (paper: {papers[name]})" for name in names
    }
    return markdown(pd.DataFrame(rows).rename(columns=titles))


def _claims(folder: Path) -> pd.DataFrame:
    """Returns the claim table of a study with its data set, its goal and what each row says in one cell."""
    means = pd.read_csv(folder / "per_seed.csv")
    table = claim_table(means[means["agent"].isin([AUTHORS, "none"])])
    run = read_description(run_dirs(folder)[0])
    if "goal" not in table:  # all runs have the same one
        table["goal"] = run["config"].goal
    verdict = table["verdict"].str.replace(r"^(reproduced in part):.*", r"\1", regex=True)
    measured = table["ours"] + " (" + table["95 % interval"] + "), "
    table["says"] = measured.where(~verdict.str.startswith("not testable"), "") + verdict
    return table.assign(data=data_name(run), goal=table["goal"].map("{:.2f}".format))


def starters(root: Path) -> str:
    """Returns a table of the nodes that learn alone, a row a node and a column a study.

    A cell has the rounds and the share of episodes that reach the goal; the final accuracy where no episode does.
    """
    columns = {}
    for study in OF_STARTERS:
        means = pd.read_csv(root / "results" / study / "per_seed.csv")
        table = starter_table(means).set_index("starter")
        config = read_description(run_dirs(root / "results" / study)[0])["config"]
        title = f"{means['dataset'].iloc[0]}, {config.split}: "
        if means["reached_goal"].any():
            title += f"rounds to {config.goal:.2f}, goal reached"
            columns[title] = table["rounds"] + ", " + table["goal reached"]
        else:
            columns[f"{title}accuracy after {config.round_limit} rounds"] = table["accuracy (Student t)"]
    return markdown(pd.DataFrame(columns).rename_axis("node").reset_index())
