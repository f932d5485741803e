"""Writes the report of the study: the route of each search, its convergence, and the best routes by initial weights."""

from pathlib import Path

import pandas as pd

from reporting.tables import FORMATS, markdown, mean_text
from studies.best_routes.units import chosen, milestones
from studies.units import read_part

NAMES = {"rounds": "rounds", "communication_cost": "cost", "episode_return": "return"}


def per_search(folder: Path) -> pd.DataFrame:
    """Returns a row for each search: the route that was chosen, and its results on the weights of the validation."""
    judged, validated, rows = read_part(folder, "judged"), read_part(folder, "validated"), []
    for split in judged["split"].unique():
        for seed, route in chosen(folder, split).items():
            after = _of(validated, split, route)
            row = {"split": split, "search": seed, "route (nodes x rounds)": route}
            row["rounds, weights of the choice"] = mean_text(_of(judged, split, route)["rounds"], FORMATS["rounds"])
            row |= {name: mean_text(after[column], FORMATS[column]) for column, name in NAMES.items()}
            rows.append(row | {"goal reached": f"{after['reached_goal'].mean():.0%}"})
    return pd.DataFrame(rows)


def convergence(folder: Path) -> pd.DataFrame:
    """Returns the rounds of the best routes that each search knew after each third of its episodes."""
    judged, searches, rows = read_part(folder, "judged"), read_part(folder, "search"), []
    for (split, seed), search in searches.groupby(["split", "seed"], sort=False):
        row = {"split": split, "search": seed}
        for episode, route in milestones(search).items():
            row[f"after {episode} episodes"] = mean_text(_of(judged, split, route)["rounds"], FORMATS["rounds"])
        rows.append(row)
    return pd.DataFrame(rows)


def best_routes(folder: Path) -> pd.DataFrame:
    """Returns a row for each split: the best route for all initial weights, and the best one for each of them."""
    rows = []
    for split, judged in read_part(folder, "judged").groupby("split", sort=False):
        by_route = judged.groupby("route")["rounds"]
        by_weights = judged.groupby("episode")["rounds"].min()
        row = {"split": split, "routes": len(by_route), "weights": len(by_weights)}
        best = by_route.get_group(by_route.mean().idxmin())
        row["best route for all weights"] = mean_text(best, FORMATS["rounds"])
        rows.append(row | {"best route for each set of weights": mean_text(by_weights, FORMATS["rounds"])})
    return pd.DataFrame(rows)


def report(folder: Path, images: int) -> str:
    """Returns the report of a study that is finished; `images` test images were used, 0: all."""
    validated = read_part(folder, "validated")
    weights = validated[["seed", "episode"]].drop_duplicates().shape[0]
    return (
        f"# Report\n\nIntervals are of 95 % over initial weights (Student's t), on {images or 'all'} test images.\n\n"
        "## Searches\n\nThe best route of each search is chosen on some initial weights. The last columns show it on "
        f"{weights} others.\n\n{markdown(per_search(folder))}\n"
        "## Convergence\n\nRounds of the best route that each search knew, on the weights of the choice.\n\n"
        f"{markdown(convergence(folder))}\n"
        "## Best route for each set of weights\n\nRounds on the weights of the choice. The last column is clairvoyant: "
        f"for each set of initial weights it takes the route with the fewest rounds.\n\n{markdown(best_routes(folder))}"
    )


def _of(table: pd.DataFrame, split: str, route: str) -> pd.DataFrame:
    """Returns the rows of a route in a split."""
    return table[(table["split"] == split) & (table["route"] == route)]
