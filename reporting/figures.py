"""Draws the figures of a report: learning curves, all policies, and the effect of a setting."""

import dataclasses
import itertools
import textwrap
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas.core.groupby import DataFrameGroupBy

from config import Config
from reporting.intervals import student_t
from reporting.run_figures import draw_all, look
from reporting.style import COLOURS
from reporting.tables import matching, setting_names
from runs.presets import ANY

MOST_PANELS = 6  # side by side in a figure
NAMES = {"dqn": "DQN"}  # of policies in a legend
ACCURACY = {"final_accuracy": "final test accuracy"}
LABELS = {"rounds": "rounds to the goal", "communication_cost": "communication cost (distance)"}


def draw(folder: Path, runs: dict[str, dict], table: pd.DataFrame, again: bool = False) -> list[Path]:
    """Draws the figures that the runs and the table of their means (one row a seed) allow, into folder/figures.

    `again` says that the folder has figures of an earlier report; those that are not drawn now are removed. Returns the
    PNG files.
    """
    figures = {"policies": lambda: policies(table)}
    settings = setting_names(table)
    others = [name for name in settings if name != "split"]
    varied = [name for name in others if table.groupby("split")[name].nunique().max() > 1]  # not one goal a split
    if len(varied) == 1 and pd.api.types.is_numeric_dtype(table[varied[0]]):  # of two, each would hide the other
        figures[f"by_{varied[0]}"] = lambda: by_setting(table, varied[0])
        if table["policy"].nunique() == 1:
            del figures["policies"]  # which has a panel for each value
    elif 0 < _by_learner(table).ngroups <= MOST_PANELS:
        figures["learning"] = lambda: learning(runs, table)
    title = f"data: {', '.join(table['dataset'].unique())}"
    if again:
        _remove_others(folder / "figures", figures)
    return draw_all(figures, folder / "figures", title, x=0.99, ha="right", fontsize="medium")


def _remove_others(out: Path, names: Collection[str]):
    """Removes the figures of an earlier report, of other runs, that the present one, with these `names`, lacks."""
    possible = {"policies", "learning", *(f"by_{field.name}" for field in dataclasses.fields(Config))}
    for name, suffix in itertools.product(possible - set(names), ("png", "pdf")):
        (out / f"{name}.{suffix}").unlink(missing_ok=True)


def _by_learner(table: pd.DataFrame) -> DataFrameGroupBy:
    """Groups the runs of policies that learn by their settings and policy."""
    return table[table["agent"] != "none"].groupby([*setting_names(table), "policy"], sort=False)


def learning(runs: dict[str, dict], table: pd.DataFrame) -> Figure:
    """Draws rounds and cost of each policy that learns over its episodes, not smoothed.

    Thin lines are seeds, the bold line is their mean. A band shows the random policy's mean with its interval.
    """
    settings = setting_names(table)
    groups = list(_by_learner(table))
    learners = {policy for (*_, policy), _ in groups}
    several = len(learners) > 1
    learner = "agent" if several else NAMES.get(policy := learners.pop(), policy)
    figure = Figure(figsize=(3.6 * len(groups), 4.6))
    panels = figure.subplots(2, len(groups), squeeze=False, sharex=True, sharey="row")
    for column, row in zip(LABELS, panels, strict=True):
        for ((*where, policy), group), axes in zip(groups, row, strict=True):
            episodes = {seed: runs[name]["episodes"] for seed, name in zip(group["seed"], group["run"], strict=True)}
            values = pd.DataFrame({seed: rows.set_index("episode")[column] for seed, rows in episodes.items()})
            labels = [f"{learner}, each seed", *[""] * (values.shape[1] - 1)]
            axes.plot(values.index, values, color=COLOURS[0], linewidth=0.4, alpha=0.35, label=labels)
            axes.plot(values.index, values.mean(axis=1), color=COLOURS[0], linewidth=1.6, label=f"{learner}, mean")
            _band(axes, matching(table, "random", dict(zip(settings, where, strict=True)))[column])
            if column == "rounds":
                seeds = f"{values.shape[1]}\N{NO-BREAK SPACE}seed{'s' * (values.shape[1] > 1)}"
                axes.set_title(textwrap.fill(", ".join([*[policy] * several, _where(settings, where), seeds]), 55))
            else:
                axes.set_xlabel("episode")
        row[0].set_ylabel(LABELS[column])
        row[0].set_ylim(bottom=0)
    handles = panels[0][0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper left", ncols=3 if len(groups) > 1 else 1)  # one panel is narrow
    return figure


def _band(axes: Axes, values: pd.Series):
    """Draws the random policy's mean over the seeds and its 95 % interval across the panel."""
    if not len(values):
        return
    mean, low, high = student_t(values.to_numpy())
    axes.axhline(mean, color=COLOURS[1], linewidth=1.2, linestyle="--", label="random, mean and 95 % interval")
    if np.isfinite(low):
        axes.axhspan(low, high, color=COLOURS[1], alpha=0.25, linewidth=0)


def policies(table: pd.DataFrame) -> Figure:
    """Draws rounds and cost of every policy: a dot for every seed, the mean over the seeds with its 95 % interval."""
    settings = setting_names(table)
    learns, any_value = table["agent"] != "none", table[settings] == ANY
    of_agent = [name for name in settings if any_value[name].any() and not any_value.loc[learns, name].any()]
    settings = [name for name in settings if name not in of_agent]
    agents = table[of_agent].astype(str).replace(ANY, "").agg(" ".join, axis=1) if of_agent else ""
    table = table.assign(label=(table["policy"] + " " + agents).str.strip())
    groups = list(table.groupby(settings, sort=False))
    looks = {name: look(index) for index, name in enumerate(table["label"].unique())}
    lines = [group["label"].nunique() for _, group in groups]  # of each panel
    figure = Figure(figsize=(7, 1 + 0.35 * len(groups) + 0.24 * sum(lines)))
    panels = figure.subplots(len(groups), 2, squeeze=False, sharex="col", height_ratios=lines)
    for (where, group), row in zip(groups, panels, strict=True):
        names = [name for name in looks if name in set(group["label"])]
        for axes, column in zip(row, LABELS, strict=True):
            for place, name in enumerate(names):
                values = group.loc[group["label"] == name, column].to_numpy()
                mean, low, high = student_t(values)
                colour = looks[name]["color"]
                axes.plot(values, [place] * len(values), ".", color=colour, markersize=3, alpha=0.5)
                axes.plot([low, high], [place, place], color=colour, linewidth=1.5)
                style = looks[name] | {"linestyle": "", "markersize": 5}
                axes.plot(mean, place, **style, clip_on=False)  # a marker at cost 0 is not cut off
            axes.set_yticks(range(len(names)), names if axes is row[0] else [])
            axes.set_ylim(len(names) - 0.5, -0.5)
        row[0].set_title(_where(settings, where), loc="left")
    for axes, column in zip(panels[-1], LABELS, strict=True):
        axes.set_xlabel(f"{LABELS[column]}\ndots: seeds; bar: 95 % interval of their mean")
        axes.set_xlim(left=0)  # now that all is drawn: it ends the automatic right end
    return figure


def by_setting(table: pd.DataFrame, name: str) -> Figure:
    """Draws rounds and cost over a numeric setting: a dot for every seed, means with 95 % intervals.

    Means are joined by a line, except for starters, whose numbers are names. Where nothing travels, the final accuracy
    takes the place of the cost.
    """
    names = sorted(table[name].unique()) if name == "starter" else None
    labels = LABELS if table["communication_cost"].any() else {"rounds": LABELS["rounds"]} | ACCURACY
    groups = list(table.groupby(["split", "policy"], sort=False))
    step = 0.01 * (table[name].max() - table[name].min())
    figure = Figure(figsize=(7, 2.9))
    for axes, column in zip(figure.subplots(1, 2), labels, strict=True):
        for place, (keys, rows) in enumerate(groups):
            shift = (2 * place - (len(groups) - 1)) * step
            spans = {value: student_t(group[column].to_numpy()) for value, group in rows.groupby(name)}
            means, lows, highs = np.array(list(spans.values())).T
            places = np.array(list(spans)) + shift
            beside = rows[name] + shift - step
            axes.plot(beside, rows[column], ".", color=look(place)["color"], markersize=3, alpha=0.5)
            errors = np.nan_to_num([means - lows, highs - means])
            style = look(place) | {"markersize": 4} | ({"linestyle": ""} if names else {})
            axes.errorbar(places, means, errors, **style, label=f"{keys[1]}, {keys[0]}")
        axes.set(xlabel=f"{name.replace('_', ' ')}\ndots: seeds; bars: 95 % interval", ylabel=labels[column])
        axes.set_ylim(bottom=0)
        if names:
            axes.set_xticks(names)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


def _where(settings: list[str], where: tuple) -> str:
    """Returns the title of a group: its split and settings."""
    told = [(key.replace("_", " "), value) for key, value in zip(settings, where, strict=True) if value != ANY]
    return ", ".join({"split": f"{value} split", "dataset": value}.get(key, f"{key} {value}") for key, value in told)
