"""Builds the tables of docs/tasks.md that set all data sets and splits side by side: claims, and every node alone."""

from pathlib import Path

import pandas as pd

from reporting.tables import AUTHORS, claim_table, markdown, starter_table
from runs.description import read_description
from runs.packed import run_dirs

STUDIES = ("claims", "exclusive", "fashion-mnist", "cifar10")  # folders of results/
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
    if "goal" not in table:  # all runs have the same one
        table["goal"] = _goal(folder)
    verdict = table["verdict"].str.replace(r"^(reproduced in part):.*", r"\1", regex=True)
    measured = table["ours"] + " (" + table["95 % interval"] + "), "
    table["says"] = measured.where(~verdict.str.startswith("not testable"), "") + verdict
    return table.assign(data=means["dataset"].iloc[0], goal=table["goal"].map("{:.2f}".format))


def _goal(folder: Path) -> float:
    """Returns the goal of a study whose runs have the same one."""
    return read_description(run_dirs(folder)[0])["config"].goal


def starters(root: Path) -> str:
    """Returns a table of the nodes that learn alone, a row a node and a column a study.

    A cell has the rounds and the share of episodes that reach the goal; the final accuracy where no episode does.
    """
    columns = {}
    for study in OF_STARTERS:
        means = pd.read_csv(root / "results" / study / "per_seed.csv")
        table = starter_table(means).set_index("starter")
        title = f"{means['dataset'].iloc[0]}, {means['split'].iloc[0]}: "
        if means["reached_goal"].any():
            title += f"rounds to {_goal(root / 'results' / study):.2f}, goal reached"
            columns[title] = table["rounds"] + ", " + table["goal reached"]
        else:
            columns[f"{title}accuracy after {means['rounds'].max():.0f} rounds"] = table["accuracy (Student t)"]
    return markdown(pd.DataFrame(columns).rename_axis("node").reset_index())
