"""Draws the study of boids: measures over time, the training log, paths, and films."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from reporting.animation import write_gif
from reporting.intervals import student_t
from reporting.run_figures import draw_all, look
from reporting.style import COLOURS
from studies.boids.measures import MEASURES
from studies.boids.world import SIZE, Flock

# Loss of the linear networks by epoch in the authors' notebook (d2bl, 0_flocking_behavior), one run without a seed.
STORED = {1: 8717.967, 2: 808.739, 3: 55.313, 4: 30.944, 50: 23.143, 100: 12.848, 150: 4.940, 200: 1.687}
STORED |= {250: 0.471, 300: 0.262, 350: 0.237, 400: 0.228}
STORED_LOWEST = 0.226
SHOWN = ("no-force", "reynolds", "dqn", "imitation-pseudo-attention", "imitation-pseudo-attention-8")
SHOWN += ("imitation-plain-636", "zero-linear")
ARROW = np.array([[10.0, 0.0], [-8.0, 5.5], [-5.0, 0.0], [-8.0, -5.5]])  # px, of a boid that flies to the right


def draw(folder: Path, flights: pd.DataFrame, trainings: pd.DataFrame, paths: pd.DataFrame):
    """Draws all figures into folder/figures, as PNG and PDF."""
    figures = {
        "over_time": functools.partial(over_time, flights),
        "training": functools.partial(training_log, trainings[trainings["agent"] == "zero-linear"]),
        "imitation": functools.partial(imitation, trainings.dropna(subset=["error"])),
        "paths": functools.partial(all_paths, paths),
    }
    draw_all(figures, folder / "figures")


def spans(table: pd.DataFrame, place: str, column: str) -> np.ndarray:
    """Returns mean, low and high [3, n] of a column over the seeds, at each value of the column `place`."""
    return np.array([student_t(values) for _, values in table.groupby(place)[column]]).T


def over_time(flights: pd.DataFrame) -> Figure:
    """Draws every measure over the steps, with bands of 95 % over the seeds."""
    figure = Figure(figsize=(7, 6.4))
    panels = figure.subplots(3, 2, sharex=True).ravel()
    shown = [name for name in SHOWN if name in set(flights["agent"])]
    for measure, axes in zip(MEASURES, panels, strict=False):
        highest = 0
        for place, name in enumerate(shown):
            rows, style = flights[flights["agent"] == name], look(place)
            mean, low, high = spans(rows, "step", measure.column)
            highest = max(highest, mean.max())
            steps = sorted(rows["step"].unique())
            axes.plot(steps, mean, **style, markevery=(place, 10), markersize=3, linewidth=1.1, label=name)
            axes.fill_between(steps, low, high, color=style["color"], alpha=0.15, linewidth=0)
        axes.set_ylabel(measure.title)
        axes.set_ylim(0, 1.15 * highest)  # some bands reach farther
        axes.set_xlabel("step")
    panels[2].set_yscale("symlog", linthresh=1)
    panels[-1].axis("off")
    handles = panels[0].get_legend_handles_labels()
    panels[-1].legend(*handles, loc="center", title="mean over seeds; bands: 95 % interval")
    return figure


def training_log(rows: pd.DataFrame) -> Figure:
    """Draws the loss of the linear networks with the objective `zero`, each seed, and the stored one."""
    figure = Figure(figsize=(4.6, 3.2))
    axes = figure.subplots()
    for number, (_, group) in enumerate(rows.groupby("seed")):
        label = "ours, each seed" if not number else ""
        axes.plot(group["epoch"], group["loss"], color=COLOURS[0], linewidth=0.6, alpha=0.6, label=label)
    middle = np.exp(np.log(rows["loss"]).groupby(rows["epoch"]).mean())
    axes.plot(middle.index, middle, color=COLOURS[0], linewidth=1.8, label="ours, geometric mean")
    epochs = [epoch for epoch in STORED if epoch <= rows["epoch"].max()]
    losses = [STORED[epoch] for epoch in epochs]
    axes.plot(epochs, losses, color=COLOURS[1], marker="s", markersize=4, linestyle="--", label="stored (D2BL)")
    axes.set(yscale="log", xlabel="epoch", ylabel="mean squared sum of forces (log scale)")
    axes.legend()
    return figure


def imitation(rows: pd.DataFrame) -> Figure:
    """Draws the error of the imitated forces in held-out flights over the epochs."""
    figure = Figure(figsize=(5.6, 3))
    axes = figure.subplots()
    for place, (name, group) in enumerate(rows.groupby("agent", sort=False)):
        mean, low, high = 100 * spans(group, "epoch", "error")
        errors = np.nan_to_num([mean - low, high - mean])
        epochs = sorted(group["epoch"].unique())
        axes.errorbar(epochs, mean, errors, **look(place), markersize=4, capsize=1.5, linewidth=0.9, label=name)
    axes.set(xlabel="epoch\nbars: 95 % interval over seeds", ylabel="error of the forces (% of their square)")
    axes.set_ylim(bottom=0)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")
    return figure


def all_paths(paths: pd.DataFrame) -> Figure:
    """Draws where the boids of the flight of the lowest seed were in its last steps; dots are their last places."""
    paths = paths[paths["seed"] == paths["seed"].min()]
    names = [name for name in (*SHOWN, "zero-pseudo-attention-short") if name in set(paths["agent"])]
    rows = -(-len(names) // 2)
    figure = Figure(figsize=(7, 2.45 * rows))
    panels = figure.subplots(rows, 2, squeeze=False).ravel()
    for axes in panels[len(names) :]:
        axes.axis("off")
    for name, axes in zip(names, panels, strict=False):
        of_agent = paths[paths["agent"] == name]
        x, y = (of_agent.pivot(index="step", columns="boid", values=column).astype(float) for column in "xy")
        jumps = (x.diff().abs() > SIZE[0] / 2) | (y.diff().abs() > SIZE[1] / 2)  # to the opposite border
        axes.plot(x.mask(jumps), y.mask(jumps), color=COLOURS[0], linewidth=0.5, alpha=0.6)
        axes.plot(x.iloc[-1], y.iloc[-1], ".", color=COLOURS[1], markersize=2)
        axes.set(xlim=(0, SIZE[0]), ylim=(0, SIZE[1]), aspect="equal", xticks=[], yticks=[])
        axes.spines[:].set_visible(True)
        axes.set_title(f"{name}, last {x.index[-1] - x.index[0]} steps")
    return figure


def film(path: Path, name: str, flocks: Sequence[Flock], every: int):
    """Writes the film of one flight's first world, of which `flocks` has every so many steps."""

    def make() -> tuple[Figure, Callable[[int], None]]:
        figure = Figure(figsize=(4.2, 3.05), dpi=100)
        axes = figure.add_axes((0.01, 0.01, 0.98, 0.9))
        axes.set(xlim=(0, SIZE[0]), ylim=(0, SIZE[1]), xticks=[], yticks=[])
        axes.spines[:].set_visible(True)
        boids = PolyCollection([ARROW], facecolors=COLOURS[0], edgecolors="none", antialiased=False)
        axes.add_collection(boids)
        title = axes.set_title("", fontsize=9)

        def show(number: int):
            boids.set_verts(shapes(flocks[number]))
            title.set_text(f"{name}, step {number * every}")

        return figure, show

    write_gif(path, make, len(flocks))


def shapes(flock: Flock) -> np.ndarray:
    """Returns the corners [boids, 4, 2] of arrow heads that show where the first world's boids are and fly to."""
    angles = np.arctan2(*flock.velocities[0].T[::-1])
    turned = np.stack(
        [
            ARROW[:, 0] * np.cos(angles)[:, np.newaxis] - ARROW[:, 1] * np.sin(angles)[:, np.newaxis],
            ARROW[:, 0] * np.sin(angles)[:, np.newaxis] + ARROW[:, 1] * np.cos(angles)[:, np.newaxis],
        ],
        axis=-1,
    )
    return flock.positions[0][:, np.newaxis] + turned
