"""Draws the figures of one or more runs from their CSV files."""

import functools
import io
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reporting.style import COLOURS, own_style
from runs.command_line import command_of
from runs.folder import FIGURES as FIGURES_FOLDER
from runs.folder import write_atomically
from runs.packed import has_table
from runs.records import WINDOW
from runs.tables import read_table
from settings.errors import first_line

MARKERS = "osD^vP*Xph"
MOST_IN_LEGEND = 20  # main classes; more leave no room for the figure


def look(place: int) -> dict[str, str]:
    """Returns the colour and the marker of the series at a place in a figure; colours come again with open markers."""
    opened = {"markerfacecolor": "white"} if place >= len(COLOURS) else {}
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)], **opened}


def label(table: pd.DataFrame) -> str:
    """Returns the name of a run in legends and titles, from any of its tables."""
    first = table.iloc[0]
    seed = f", seed {first['seed']}" if "seed" in table else ""
    learner = [first[name] for name in ("learner", "learner_variant") if isinstance(first.get(name), str)]
    learner = "" if learner in ([], ["cnn"]) else f", {' '.join(learner)}"
    return f"{first['policy']}, {first['split']} split, {first['dataset']}{learner}{seed}"


def per_episode(run_dirs: list[Path], column: str, ylabel: str) -> Figure:
    """Draws a column of episodes.csv over the episodes: every value thin, the running mean bold."""
    tables = [read_table(run_dir, "episodes.csv") for run_dir in run_dirs]
    figure, axes = _figure(tables)
    for table, colour in zip(tables, itertools.cycle(COLOURS), strict=False):
        axes.plot(table["episode"], table[column], color=colour, linewidth=0.6, alpha=0.5, marker=".", markersize=2)
        mean = table[column].rolling(WINDOW).mean()
        axes.plot(table["episode"], mean, color=colour, linewidth=1.8, label=label(table))
        if column == "rounds":
            missed = table[~table["reached_goal"]]
            axes.plot(missed["episode"], missed[column], "x", color=colour, markersize=3.5)
    axes.set(xlabel="episode", ylabel=f"{ylabel}\n(bold: {WINDOW}-episode mean)")
    if column == "rounds":
        axes.plot([], [], "kx", markersize=3.5, label="goal not reached")
    _legend(figure, axes)
    return figure


def accuracy_over_rounds(run_dirs: list[Path]) -> Figure:
    """Draws the accuracy after every round of the last episodes: each episode thin, their mean bold."""
    tables = [read_table(run_dir, "rounds.csv") for run_dir in run_dirs]
    figure, axes = _figure(tables)
    for table, colour in zip(tables, itertools.cycle(COLOURS), strict=False):
        last = table[table["episode"] > table["episode"].max() - WINDOW]
        by_round = last.pivot(index="round", columns="episode", values="accuracy")
        axes.plot(by_round.index, by_round, color=colour, linewidth=0.5, alpha=0.4)
        axes.plot(by_round.index, by_round.ffill().mean(axis=1), color=colour, linewidth=1.8, label=label(table))
    for goal in sorted({table["goal"].iloc[0] for table in tables}):
        axes.axhline(goal, color="0.4", linewidth=0.8, linestyle="--", label=f"goal {goal:g}")
    axes.set(
        xlabel=f"round, last {WINDOW} episodes",
        ylabel="test accuracy\n(bold: mean, ended episodes held)",
    )
    axes.set_ylim(0, 1)
    _legend(figure, axes)
    return figure


def nodes(run_dirs: list[Path]) -> Figure:
    """Draws how far apart the nodes are, and which images they hold."""
    figure = Figure(figsize=(7, 3.1 * len(run_dirs)))
    for run_dir, (left, right) in zip(run_dirs, figure.subplots(len(run_dirs), 2, squeeze=False), strict=True):
        distances = read_table(run_dir, "distances.csv").filter(regex=r"^\d+$").to_numpy()
        table = read_table(run_dir, "nodes.csv")
        counts = table.filter(like="label_").to_numpy()
        _heatmap(figure, left, distances, f"distance between nodes\n{label(table)}", "to node", "from node", "{:.3f}")
        _heatmap(figure, right, counts, f"images held\n{label(table)}", "class", "node", "{:.0f}")
    return figure


def routes(run_dirs: list[Path]) -> Figure:
    """Draws how often the model went from one node to another, early and late in the run."""
    figure = Figure(figsize=(7, 3.1 * len(run_dirs)))
    for run_dir, row in zip(run_dirs, figure.subplots(len(run_dirs), 2, squeeze=False), strict=True):
        table = read_table(run_dir, "rounds.csv")
        size = len(read_table(run_dir, "distances.csv"))
        first, last = table["episode"].min(), table["episode"].max()
        spans = (first, min(first + WINDOW - 1, last)), (max(first, last - WINDOW + 1), last)
        for axes, (start, end) in zip(row, spans, strict=True):
            chosen = table[table["episode"].between(start, end) & (table["round"] > 1)]
            counts = np.zeros((size, size))
            for origin, targets in zip(chosen["previous_node"], chosen["node"].astype(str), strict=True):
                for target in targets.split("+"):
                    counts[origin, int(target)] += 1
            title = f"moves in episodes {start} to {end}\n{label(table)}"
            _heatmap(figure, axes, counts, title, "to node", "from node", "{:.0f}")
    return figure


def node_models(run_dirs: list[Path]) -> Figure:
    """Draws the principal components of the models that the nodes train from one common model."""
    figure = Figure(figsize=(3.5 * len(run_dirs), 3.3))
    for run_dir, axes in zip(run_dirs, figure.subplots(1, len(run_dirs), squeeze=False)[0], strict=True):
        table = read_table(run_dir, "node_models.csv")
        for index, (main_class, rows) in enumerate(table.groupby("main_class")):
            points = rows["component_1"], rows["component_2"]
            axes.plot(*points, linestyle="", **look(index), markersize=4, label=main_class)
        share_1, share_2 = table[["explained_1", "explained_2"]].iloc[0]
        axes.set_xlabel(f"first component ({share_1:.0%} of the variance)")
        axes.set_ylabel(f"second component ({share_2:.0%})")
        axes.set_title(f"node models after one round from a common model\n{label(table)}")
        if table["main_class"].nunique() <= MOST_IN_LEGEND:
            axes.legend(title="main class", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


FIGURES = {
    "episode_return": lambda run_dirs: per_episode(run_dirs, "episode_return", "episode return"),
    "rounds_to_goal": lambda run_dirs: per_episode(run_dirs, "rounds", "rounds to the goal"),
    "communication_cost": lambda run_dirs: per_episode(run_dirs, "communication_cost", "communication cost (distance)"),
    "accuracy_over_rounds": accuracy_over_rounds,
    "nodes": nodes,
    "routes": routes,
    "node_models": node_models,
}


def draw(run_dirs: list[Path], out: Path) -> int:
    """Draws the figures of the runs into the folder `out`, as PNG and PDF; returns how many.

    That of the node models is drawn for the runs that have them.
    """
    drawn = dict.fromkeys(FIGURES, run_dirs) | {"node_models": [*filter(has_node_models, run_dirs)]}
    draw_all({name: functools.partial(FIGURES[name], runs) for name, runs in drawn.items() if runs}, out)
    return sum(map(bool, drawn.values()))


def draw_all(figures: dict[str, Callable[[], Figure]], out: Path, title: str = "", **style: object) -> list[Path]:
    """Draws figures by name and writes them into the folder `out`; `style` is that of the common title.

    Returns the PNG files.
    """
    out.mkdir(parents=True, exist_ok=True)
    with own_style():
        for name, make in figures.items():
            figure = make()
            if title:
                figure.suptitle(title, **style)
            save(figure, out, name)
    return [out / f"{name}.png" for name in figures]


def try_to_draw(run_dir: Path) -> str:
    """Draws the figures of a run into its own folder; returns why they could not be drawn, mostly nothing.

    A run does not end because of its figures, which can be drawn later from the CSV files.
    """
    out = run_dir / FIGURES_FOLDER
    try:
        draw([run_dir], out)
    except Exception as error:  # Matplotlib raises whatever its settings, fonts and files lead to
        reason = f"{type(error).__name__}: {first_line(error)}"
        command = command_of("plots.py", str(run_dir), "--out", str(out))
        return f"The figures could not be drawn ({reason}). Draw them later with: {command}"
    return ""


def has_node_models(run_dir: Path) -> bool:
    """Tells whether a run made the models of the figure `node_models`, as it does before it draws figures."""
    return has_table(run_dir, "node_models.csv")


def save(figure: Figure, out: Path, name: str):
    """Writes a figure as PNG and PDF into the folder `out`, the same bytes every time."""
    for suffix in ("png", "pdf"):
        content = io.BytesIO()
        figure.savefig(content, format=suffix, metadata={"CreationDate": None} if suffix == "pdf" else None)
        write_atomically(out / f"{name}.{suffix}", content.getvalue())


def _figure(tables: list[pd.DataFrame]) -> tuple[Figure, Axes]:
    """Returns a figure with one pair of axes, whose title says which data the runs used."""
    figure = Figure(figsize=(5, 3.4))
    axes = figure.subplots()
    axes.set_title(f"data: {', '.join(sorted({table['dataset'].iloc[0] for table in tables}))}")
    return figure, axes


def _legend(figure: Figure, axes: Axes):
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)


def _heatmap(figure: Figure, axes: Axes, values: np.ndarray, title: str, xlabel: str, ylabel: str, form: str):
    """Draws a matrix, with its numbers written in where there is room for them."""
    narrow = max(values.shape) > 12 * min(values.shape)  # as of a thousand classes
    image = axes.imshow(values, cmap="cividis", aspect="auto" if narrow else "equal")
    figure.colorbar(image, ax=axes, shrink=0.8)
    axes.spines[:].set_visible(False)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    if max(values.shape) > 12:
        return
    axes.set_xticks(range(values.shape[1]))
    axes.set_yticks(range(values.shape[0]))
    middle = (values.min() + values.max()) / 2
    for (row, column), value in np.ndenumerate(values):
        colour = "black" if value > middle else "white"
        axes.text(
            column, row, form.format(value).removeprefix("0"), ha="center", va="center", fontsize=4.5, color=colour
        )
