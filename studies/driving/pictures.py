"""Draws the figures of the driving study, and an animation of the first drive of each agent."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from reporting.animation import write_gif
from reporting.intervals import student_t
from reporting.run_figures import draw_all, look
from reporting.style import COLOURS
from runs.folder import FIGURES
from runs.packed import readable
from studies.driving import drives
from studies.driving.agents import NAMES
from studies.driving.drives import BOUNDS, DQN, Drive
from studies.driving.world import FREQUENCY, ROADS

BINS = 20  # of the learning curves
LENGTH, WIDTH = 5.0, 2.0  # of a vehicle [m], in highway-env
IN_SIGHT = 60.0  # metres shown ahead of and behind the car, on roads that are longer
EVERY = 2  # steps of the road between two frames
AGENTS = (*NAMES, DQN, *BOUNDS)  # by their colours
SHOWN = {"memory": "trained with memory", "online": "trained online"}  # ways of training
FAILURES = {"crashed": "crash", "off_road": "off the road"}


def draw(folder: Path, table: pd.DataFrame, sections: dict[str, pd.DataFrame]):
    """Draws the figures, and the animations of the drives that the folder holds; `sections` as in the report."""
    figures = {"learning": functools.partial(learning, table), "evaluation": functools.partial(evaluation, sections)}
    draw_all(figures, folder / FIGURES)
    evaluations = table[table["phase"] == "evaluation"]
    for _, row in evaluations.groupby(["road", "way", "agent"], dropna=False).head(1).iterrows():
        fields = {name: row[name] for name in ("road", "agent", "steps", "starts", "seed")}
        drive = Drive(way=row["way"] if isinstance(row["way"], str) else "", **fields)
        if drive.way in ("", *SHOWN) and drive.drive(folder).exists():
            name = "-".join(filter(None, ("drive", drive.road, drive.way, drive.agent)))
            animate(folder, drive, row, folder / FIGURES / f"{name}.gif")


def learning(table: pd.DataFrame) -> Figure:
    """Draws the distance of the training episodes over the steps of the road: every seed thin, their mean bold."""
    training = table[table["phase"] == "training"].fillna({"way": ""})
    there = {*zip(training["road"], training["way"], strict=True)}
    panels = [(road, way) for road in ROADS for way in SHOWN if (road, way) in there]
    figure = Figure(figsize=(1 + 2.4 * len(panels), 2.8))
    for (road, way), axes in zip(panels, figure.subplots(1, len(panels), squeeze=False)[0], strict=True):
        shown = training[(training["road"] == road) & training["way"].isin([way, ""])]
        edges = np.linspace(0, shown["step"].max(), BINS + 1)
        for name in (*NAMES, DQN):
            rows = shown[shown["agent"] == name]
            bins = pd.cut(rows["step"], edges, labels=False)
            means = rows.groupby(["seed", bins])["distance"].mean().unstack("seed")
            if len(means):
                x, colour = (edges[1:] + edges[:-1])[means.index.astype(int)] / 2, look(AGENTS.index(name))["color"]
                axes.plot(x, means, color=colour, linewidth=0.6, alpha=0.4)
                axes.plot(x, means.mean(axis=1), color=colour, linewidth=1.8, label=name)
        axes.set(title=f"{road}, {way}", xlabel="steps of the road")
        axes.set_ylim(bottom=0)
    figure.axes[0].set_ylabel("distance of a training episode (m)\nthin: a seed; bold: mean")
    handles = {text: line for axes in figure.axes for line, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=5)
    return figure


def evaluation(sections: dict[str, pd.DataFrame]) -> Figure:
    """Draws distance, failures and error of every agent; a dot is a seed, a bar the interval of the mean."""
    columns = {
        "distance": "distance (m)",
        "failed": "crash or off the road %",
        "error": "squared error\nto the expert",
    }
    figure = Figure(figsize=(7, 0.4 + 1.9 * len(sections)))
    panels = figure.subplots(len(sections), len(columns), squeeze=False)
    for (title, rows), line in zip(sections.items(), panels, strict=True):
        names = [*dict.fromkeys(rows["agent"])]
        for (column, text), axes in zip(columns.items(), line, strict=True):
            for place, name in enumerate(names):
                values = rows[rows["agent"] == name][column]
                mean, low, high = student_t(values)
                style = {"color": look(AGENTS.index(name))["color"], "markersize": 3}
                axes.plot(values, [place] * len(values), ".", alpha=0.5, **style)
                error = np.nan_to_num([[mean - low], [high - mean]])
                axes.errorbar(mean, place, xerr=error, marker="|", capsize=2, elinewidth=0.9, **style)
            axes.set(xlabel=text, yticks=range(len(names)))
            axes.set_yticklabels(names if axes is line[0] else [])
            axes.set_ylim(len(names) - 0.5, -0.5)
        line[0].set_title(title, loc="left")
    return figure


def animate(folder: Path, drive: Drive, row: pd.Series, path: Path):
    """Writes the animation of a drive, whose row of the evaluation says how it ended."""
    with readable(drive.drive(folder)), np.load(drive.drive(folder)) as arrays:
        positions = arrays["positions"]
    shown = [*range(0, len(positions), EVERY), *[len(positions) - 1] * 8]  # the last one for a while
    title = ", ".join(filter(None, (drive.agent, SHOWN.get(drive.way), drive.road)))
    end = next((text for column, text in FAILURES.items() if row[column]), "")
    write_gif(path, lambda: scene(drive.road, positions, shown, title, end), len(shown), 1000 // FREQUENCY // 2)


def scene(
    road: str, positions: np.ndarray, shown: list[int], title: str, end: str
) -> tuple[Figure, Callable[[int], None]]:
    """Returns a figure of the road with its vehicles, and what changes it to a frame; `end` says why a drive ended."""
    edges = drives.world(road).edges()
    extent = np.concatenate(edges)
    whole = np.ptp(extent[:, 0]) < 500
    figure = Figure(figsize=(4.2, 3.2) if whole else (5, 1.5), dpi=75)
    axes = figure.add_axes((0, 0, 1, 0.9))
    for edge in edges:
        axes.plot(*edge.T, color="0.6", linewidth=0.8)
    cars = [Polygon(np.zeros((4, 2)), color=COLOURS[1] if k == 0 else COLOURS[0]) for k in range(positions.shape[1])]
    for car in cars:
        axes.add_patch(car)
    (trail,) = axes.plot([], [], color=COLOURS[1], linewidth=1.2)
    text = figure.text(0.02, 0.92, "", fontsize=7)
    for place, (label, colour) in enumerate((("others", COLOURS[0]), ("this car", COLOURS[1]))):
        box = {"facecolor": colour, "linewidth": 0}  # large enough to have a place in the palette
        figure.text(0.98 - 0.13 * place, 0.92, label, fontsize=6, color="w", ha="right", bbox=box)
    driven = np.append(0, np.linalg.norm(np.diff(positions[:, 0, :2], axis=0), axis=1).cumsum())
    axes.set_aspect("equal")
    axes.axis("off")
    low, high = extent.min(0) - 5, extent.max(0) + 5
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]))  # highway-env's y axis points down

    def show(number: int):
        step = shown[number]
        for car, vehicle in zip(cars, positions[step], strict=True):
            car.set_xy(corners(*vehicle))
        trail.set_data(*positions[: step + 1, 0, :2].T)
        if not whole:
            axes.set_xlim(positions[step, 0, 0] - IN_SIGHT, positions[step, 0, 0] + IN_SIGHT)
        ended = f"  {end}" if end and step == len(positions) - 1 else ""
        text.set_text(f"{title}   {step / FREQUENCY:.0f} s   {driven[step]:.0f} m{ended}")

    return figure, show


def corners(x: float, y: float, heading: float) -> np.ndarray:
    """Returns the corners [4, 2] of a vehicle."""
    forward = np.array([np.cos(heading), np.sin(heading)]) * LENGTH / 2
    right = np.array([-np.sin(heading), np.cos(heading)]) * WIDTH / 2
    return np.array([x, y]) + np.array([forward + right, forward - right, -forward - right, right - forward])
