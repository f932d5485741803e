"""Builds the table of the routes that `python -m studies.routes` found, for docs/routes.md."""

import itertools
from pathlib import Path

import pandas as pd

from reporting.intervals import student_t
from reporting.tables import FORMATS, markdown, span_text

NEEDS = {"rounds": "rounds", "communication_cost": "communication cost"}
CRITERIA = {"rounds": "fewest rounds", "cost": "least cost"}
# The studies that played a route on the weights of seeds 0 to 9, by (split, criterion, weights of the search).
PLAYED = {
    ("disjoint", "rounds", 4): "improved",
    ("disjoint", "cost", 4): "routes-cost",
    ("published", "rounds", 4): "routes-4",
    ("published", "rounds", 12): "improved",
    ("published", "cost", 12): "routes-cost",
}


def floors(root: Path) -> str:
    """Returns the table of the routes: on the weights of their search, and on those of seeds 0 to 9."""
    rows = []
    for path in sorted((root / "results/floors").glob("floor-*.csv")):
        for key, found in pd.read_csv(path).groupby(["split", "criterion", "episodes"], sort=False):
            split, criterion, weights = key
            route = found["route"].iloc[0].split(",")[: found["rounds"].max()]
            stays = ", ".join(f"{node} x {len(list(stay))}" for node, stay in itertools.groupby(route))
            row = {"split": split, "searched for": CRITERIA[criterion], "weights": weights}
            row["route, nodes x rounds"] = stays
            row |= {title: _span(found[name], name) for name, title in NEEDS.items()}
            elsewhere = _played(root, PLAYED[key], split) if key in PLAYED else None
            for name, title in NEEDS.items():
                row[f"{title}, seeds 0 to 9"] = "" if elsewhere is None else _span(elsewhere[name], name)
            rows.append(row)
    return markdown(pd.DataFrame(rows))


def _played(root: Path, study: str, split: str) -> pd.DataFrame:
    """Returns the means by seed of the route that a study played in a split."""
    table = pd.read_csv(root / "results" / study / "per_seed.csv")
    return table[(table["policy"] == "route") & (table["split"] == split)]


def _span(values: pd.Series, name: str) -> str:
    """Returns a mean and its 95 % interval as text."""
    return span_text(student_t(values), FORMATS[name])
