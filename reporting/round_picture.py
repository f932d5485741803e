"""Draws one round of the algorithm, from the numbers of a real one in docs/figures/round.json.

`python -m studies.one_round` plays that round and writes the file.
"""

import io
import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle, Wedge

from config import Config
from reporting.style import ACCENT, BEFORE, CLASSES, GAIN, INK, PALE, SOFT, own_style
from runs.folder import write_atomically
from runs.presets import PAPER
from settings.names import PROJECT

FIGURES = PROJECT / "docs/figures"
SIZE = 800, 460  # pixels; all places and lengths below are in pixels too
RADIUS, RING = 22, 7  # of a node, and the width of its ring
CENTRE, SCALE = (222, 206), 422  # of the map, and the length of the largest distance
COLUMN = 462  # left edge of the steps
MINUS = "\N{MINUS SIGN}"


def draw(folder: Path = FIGURES):
    """Draws folder/round.json as folder/round.svg, the same bytes every time."""
    played = json.loads((folder / "round.json").read_text())
    with own_style():
        mpl.rcParams.update({"svg.hashsalt": "round", "figure.constrained_layout.use": False, "font.size": 9})
        figure = Figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, SIZE[0]), ylim=(0, SIZE[1]))
        axes.axis("off")
        _map(axes, played)
        _steps(axes, played)
        content = io.BytesIO()
        figure.savefig(content, format="svg", metadata={"Date": None})
        write_atomically(folder / "round.svg", content.getvalue())


def _map(axes: Axes, played: dict):
    """Draws the nodes with the classes that they hold, and the model's way from its holder to the chosen node."""
    spots = np.array(played["places"]) * SCALE + CENTRE
    holder, chosen = spots[played["previous_node"]], spots[played["node"]]
    panel = FancyBboxPatch((16, 16), 412, 428, boxstyle="round,pad=0,rounding_size=10", color="#F6F7F9", linewidth=0)
    axes.add_patch(panel)
    axes.text(32, 419, "Each node holds mostly images of one digit", color=INK, fontsize=10.5, weight="bold")
    axes.text(32, 401, "ring: share of each digit; positions roughly fit the distances", color=SOFT, fontsize=8.5)
    for node, (spot, counts) in enumerate(zip(spots, played["label_counts"], strict=True)):
        _node(axes, spot, node, np.array(counts) / sum(counts))
    axes.add_patch(Circle(chosen, RADIUS + 5, fill=False, color=ACCENT, linewidth=2))
    look = {"arrowstyle": "-|>,head_length=8,head_width=4.5", "color": ACCENT, "linewidth": 2.2}
    bend = 0.25
    axes.add_patch(FancyArrowPatch(holder, chosen, connectionstyle=f"arc3,rad={-bend}", shrinkA=18, shrinkB=22, **look))
    across = chosen - holder
    middle = (holder + chosen) / 2 + np.array([-across[1], across[0]]) * bend / 2
    _model(axes, middle)
    _letter(axes, middle + np.array([0, 25]), "C")
    _letter(axes, chosen + np.array([0, RADIUS + 20]), "D")


def _node(axes: Axes, spot: Sequence[float], node: int, shares: np.ndarray):
    """Draws a node as a ring of its classes' `shares` [classes], the largest first, with its number inside."""
    axes.add_patch(Circle(spot, RADIUS, color="white", linewidth=0))
    start = 90.0
    for label in np.argsort(-shares, kind="stable"):
        end = start - 360 * shares[label]
        axes.add_patch(Wedge(spot, RADIUS, end, start, width=RING, color=CLASSES[label], linewidth=0))
        start = end
    axes.text(*spot, str(node), ha="center", va="center_baseline", color=INK, fontsize=11, weight="bold")


def _model(axes: Axes, spot: Sequence[float]):
    """Draws the model as a box with three layers of a network in it."""
    x, y = spot
    box = FancyBboxPatch((x - 14, y - 11), 28, 22, boxstyle="round,pad=0,rounding_size=4", color="white", ec=ACCENT)
    axes.add_patch(box)
    box.set(facecolor="white", linewidth=1.8)
    layers = [(x - 8, [-5, 0, 5]), (x, [-3, 3]), (x + 8, [-5, 0, 5])]
    for (left, ups), (right, downs) in itertools.pairwise(layers):
        for up in ups:
            for down in downs:
                axes.plot([left, right], [y + up, y + down], color=ACCENT, linewidth=0.5, zorder=3)
    for place, heights in layers:
        axes.plot([place] * len(heights), np.add(heights, y), "o", color=ACCENT, markersize=2.6, zorder=4)


def _steps(axes: Axes, played: dict):
    """Draws the steps of the round from top to bottom: observation, choice, way, training, reward."""
    config, holder, chosen = Config(**PAPER), played["previous_node"], played["node"]
    parts = f"{config.pca_components} principal components", "of each node's model;"
    _step(axes, "A", 420, "The agent observes", *parts, f"node {holder} has just trained")
    values = np.reshape(played["observation"], (config.nodes, config.pca_components))
    side, left, top = 11, COLUMN + 207, 431
    for (row, column), value in np.ndenumerate(values):
        colour = PALE if value == 0 else GAIN if value < 0 else BEFORE
        axes.add_patch(Rectangle((left + side * column, top - side * (row + 1)), 10, 10, color=colour, linewidth=0))
    axes.text(left - 5, top - side * holder - 6, str(holder), ha="right", va="center_baseline", color=INK, fontsize=8)
    axes.text(left + 55, top - 113, "components", ha="center", va="top", color=SOFT, fontsize=8)
    axes.text(left + 113, top - 55, "nodes", rotation=270, ha="left", va="center", color=SOFT, fontsize=8)

    _step(axes, "B", 284, "It picks the next node", "the one of the highest Q-value")
    spot = left + 55, 279
    axes.add_patch(Circle(spot, 20, fill=False, color=ACCENT, linewidth=1.8))
    axes.add_patch(Circle(spot, 13, fill=False, color=CLASSES[chosen], linewidth=5))
    axes.text(*spot, str(chosen), ha="center", va="center_baseline", color=INK, fontsize=9.5, weight="bold")

    way = f"from node {holder} to node {chosen}: distance {played['distance']:.3f}"
    _step(axes, "C", 226, "The model travels there", way)

    change = " \N{RIGHTWARDS ARROW} ".join(f"{played[name]:.1%}" for name in ("previous_accuracy", "accuracy"))
    _step(axes, "D", 168, f"Node {chosen} trains the model", f"test accuracy {change}")
    left, width, bottom = COLUMN + 28, 290, 128
    for share, colour in ((1, PALE), (played["accuracy"], GAIN), (played["previous_accuracy"], BEFORE)):
        axes.add_patch(Rectangle((left, bottom), width * share, 11, color=colour, linewidth=0))
    axes.plot([left + width * config.goal] * 2, [bottom - 4, bottom + 15], color=INK, linewidth=1.5)
    goal = f"goal {config.goal:.0%}"
    axes.text(left + width * config.goal, bottom + 19, goal, ha="center", va="bottom", color=INK, fontsize=8)

    _step(axes, "E", 88, f"The reward is {played['reward']:.3f}".replace("-", MINUS))
    power = f"{played['accuracy']:.3f}-{config.goal:g}"
    axes.text(COLUMN + 28, 69, f"${config.reward_base:g}^{{{power}}} - {played['distance']:.3f} - 1$", color=SOFT)
    end = f"Rounds follow until the goal or round {config.round_limit}."
    axes.text(COLUMN + 28, 32, end, color=SOFT, fontsize=9)


def _step(axes: Axes, letter: str, top: float, title: str, *lines: str):
    """Writes the letter, the title and the explanation of a step; the title's baseline is at height `top`."""
    _letter(axes, (COLUMN + 10, top + 4), letter)
    axes.text(COLUMN + 28, top, title, color=INK, fontsize=10.5, weight="bold")
    for line, text in enumerate(lines, 1):
        axes.text(COLUMN + 28, top - 1 - 16 * line, text, color=SOFT, fontsize=9)


def _letter(axes: Axes, spot: Sequence[float], letter: str):
    """Draws the letter of a step in a filled circle."""
    axes.add_patch(Circle(spot, 9.5, color=INK, linewidth=0))
    axes.text(*spot, letter, ha="center", va="center_baseline", color="white", fontsize=8.5, weight="bold")
