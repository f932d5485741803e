"""Builds the table of the DQN of Stable-Baselines3 beside our agents, for docs/environment.md."""

from pathlib import Path

import pandas as pd

from reporting.averages import AVERAGES
from reporting.intervals import paired
from reporting.tables import FORMATS, markdown, mean_text
from runs.presets import PAPER

CHANGED = "Stable-Baselines3, changed arguments"
TUNED = {  # of examples/stable_baselines3_dqn.py in results/sb3, with 2,000 test images
    "tuning-{split}-default.csv": "Stable-Baselines3, its defaults",
    "tuning-{split}-changed.csv": CHANGED,
}
REPORTED = "{split}.csv"  # of the agent with CHANGED arguments
OURS = {"dqn": "the authors' DQN", "random": "random policy"}  # of results/claims
COLUMNS = {"rounds": "rounds", "communication_cost": "cost", "episode_return": "return"}


def stable_baselines3(root: Path) -> str:
    """Returns the table of means over the seeds, by split, of the last episodes in training."""
    claims = pd.read_csv(root / "results/claims/per_seed.csv")
    rows = []
    for split, ours in claims.groupby("split", sort=False):
        others = {name: ours[ours["policy"] == policy] for policy, name in OURS.items()}
        files = {name: root / "results/sb3" / pattern.format(split=split) for pattern, name in TUNED.items()}
        for name, path in files.items():
            if path.exists():
                rows.append(_row(split, name, "2,000 images, tuning", _means(path)))
        reported = root / "results/sb3" / REPORTED.format(split=split)
        means = _means(reported) if reported.exists() else None
        if means is not None:
            rows.append(_row(split, CHANGED, "all images", means))
        rows += [_row(split, name, "all images", other) for name, other in others.items()]
        if means is not None:
            rows += [_difference(split, name, means, other) for name, other in others.items()]
    return markdown(pd.DataFrame(rows))


def _means(path: Path) -> pd.DataFrame:
    """Returns the means of each seed over its last 20 episodes."""
    table = pd.read_csv(path)
    table["reached_goal"] = table["final_accuracy"] >= PAPER["goal"]
    return AVERAGES["last-20"][1](table.groupby("seed")).groupby("seed").mean().reset_index()


def _row(split: str, agent: str, tested: str, means: pd.DataFrame) -> dict[str, object]:
    """Returns the row of an agent, from the means of its seeds."""
    seeds = f"{means['seed'].min()} to {means['seed'].max()}"
    row = {"split": split, "agent": agent, "seeds": seeds, "tested on": tested}
    row |= {title: mean_text(means[name], FORMATS[name]) for name, title in COLUMNS.items()}
    return row | {"goal reached": f"{means['reached_goal'].mean():.0%}"}


def _difference(split: str, other: str, means: pd.DataFrame, others: pd.DataFrame) -> dict[str, object]:
    """Returns the row of the differences from another agent, paired by seed."""
    both = means.merge(others["seed"])["seed"]
    row = {"split": split, "agent": f"difference from {other}", "seeds": f"{both.min()} to {both.max()}"}
    row |= {"tested on": "all images"}
    for name, title in (COLUMNS | {"reached_goal": "goal reached"}).items():
        form = "+" + (FORMATS | {"reached_goal": ".0%"})[name]
        row[title] = mean_text(paired(means, others, name), form)
    return row
