"""Builds the generated tables of README.md and docs/: claims, settings, columns of the logs, presets."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from config import GROUPS
from reporting.docs_sb3 import stable_baselines3
from reporting.docs_tasks import starters, tasks
from reporting.tables import AUTHORS, OTHER, claim_table, markdown
from runs.presets import CHANGES, PRESET_HELP
from runs.records import EpisodeRecord, RoundRecord, TransferRecord, columns
from settings.declare import flag, to_text

LOGS = {
    "rounds.csv": ("One row a round.", RoundRecord),
    "episodes.csv": ("One row an episode.", EpisodeRecord),
    "transfers.csv": ("One row a round, with `--engine ray` only.", TransferRecord),
}
TEXT = {bool: "yes, no", str: "text", int: "whole number", float: "number"}


def claims(root: Path) -> str:
    """Returns the table of the three claims for the authors' agent, by split."""
    return _claims(root / "results/claims", AUTHORS)


def improved(root: Path) -> str:
    """Returns the table of the three claims for the agent of preset `improved`, by split."""
    return _claims(root / "results/improved", OTHER)


def _claims(folder: Path, agent: str) -> str:
    """Returns the table of the claims for one agent, from the means of its seeds in folder/per_seed.csv."""
    table = pd.read_csv(folder / "per_seed.csv")
    rows = claim_table(table[table["agent"].isin([agent, "none"])]).rename(columns={"claim, against random": "claim"})
    rows["claim"] += [", against random" * ("against" not in claim) for claim in rows["claim"]]
    return markdown(rows[["claim", "split", "paper", "ours", "95 % interval", "seeds", "verdict"]])


def settings(root: Path) -> str:
    """Returns a table of the settings of each group: flag, default, values, meaning, source."""
    parts = []
    for group in GROUPS:
        rows = [_setting(field) for field in dataclasses.fields(group)]
        parts.append(f"### {group.__doc__.removesuffix('.')}\n\n{markdown(pd.DataFrame(rows))}")
    return "\n".join(parts)


def _setting(field: dataclasses.Field) -> dict[str, str]:
    """Returns the row of a setting."""
    default = to_text(field.default)
    return {
        "flag": f"`{flag(field.name)}`",
        "default": f"`{default}`" if default != "" else "empty",
        "values": _values(field),
        "meaning": field.metadata["help"],
        "source": field.metadata["source"],
    }


def _values(field: dataclasses.Field) -> str:
    """Returns the values that a setting may take."""
    about = field.metadata
    if about["form"]:
        return about["form"]
    if about["choices"]:
        return ", ".join([*about["choices"], *filter(None, [about["extensible"]])])
    kind = TEXT[field.type]
    if None not in (about["low"], about["high"]):
        return f"{kind}, {about['low']:,} to {about['high']:,}"
    bounds = {"above": about["above"], "at least": about["low"], "at most": about["high"]}
    return ", ".join([kind, *[f"{word} {bound:,}" for word, bound in bounds.items() if bound is not None]])


def records(root: Path) -> str:
    """Returns a table of the columns of each CSV file that a run writes."""
    parts = []
    for name, (about, kind) in LOGS.items():
        rows = {f"`{column}`": values["description"] for column, values in columns(kind).items()}
        table = markdown(pd.DataFrame(rows.items(), columns=["column", "meaning"]))
        parts.append(f"### `{name}`\n\n{about}\n\n{table}")
    return "\n".join(parts)


def presets(root: Path) -> str:
    """Returns the table of the presets: what each changes, and the flags that do the same."""
    rows = []
    for name, text in PRESET_HELP.items():
        flags = " ".join(f"{flag(field)} {value}" for field, value in CHANGES[name].items())
        rows.append({"`--preset`": f"`{name}`", "meaning": text, "flags": f"`{flags}`" if flags else ""})
    return markdown(pd.DataFrame(rows))


BUILDERS: dict[str, Callable[[Path], str]] = {
    builder.__name__: builder
    for builder in (claims, tasks, starters, improved, stable_baselines3, settings, records, presets)
}
