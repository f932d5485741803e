"""Builds the table of the DQN of Stable-Baselines3 beside our agents, for docs/environment.md."""

from pathlib import Path

import pandas as pd

from reporting.averages import AVERAGES
from reporting.intervals import student_t
from reporting.tables import FORMATS, markdown, span_text
from runs.presets import PAPER

FILES = {  # of examples/stable_baselines3_dqn.py in results/sb3: the agent, and how it was evaluated
    "tuning-{split}-default.csv": ("Stable-Baselines3, its defaults", "2,000 images, tuning"),
    "tuning-{split}-changed.csv": ("Stable-Baselines3, changed arguments", "2,000 images, tuning"),
    "{split}.csv": ("Stable-Baselines3, changed arguments", "all images"),
}
OURS = {"dqn": "the authors' DQN", "random": "random policy"}  # of results/claims
COLUMNS = {"rounds": "rounds", "communication_cost": "cost", "episode_return": "return"}


def stable_baselines3(root: Path) -> str:
    """Returns the table of means over the seeds, by split, of the last episodes in training."""
    claims = pd.read_csv(root / "results/claims/per_seed.csv")
    rows = []
    for split, theirs in claims.groupby("split", sort=False):
        for pattern, about in FILES.items():
            path = root / "results/sb3" / pattern.format(split=split)
            if path.exists():
                rows.append(_row(split, *about, _means(path)))
        for policy, name in OURS.items():
            rows.append(_row(split, name, "all images", theirs[theirs["policy"] == policy]))
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
    row |= {title: span_text(student_t(means[name]), FORMATS[name]) for name, title in COLUMNS.items()}
    return row | {"goal reached": f"{means['reached_goal'].mean():.0%}"}
