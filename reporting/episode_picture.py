"""Shows an episode so far: its last round as text, or the nodes by their distances, the model's path and accuracy.

Matplotlib, which takes a second, is imported where a picture is drawn.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from config import Config

PATH, HERE, SEEN, GOAL = "#0072B2", "#E69F00", "#56B4E9", "#000000"  # Okabe and Ito's, safe for colour-blind readers
MOST_NUMBERED = 30  # nodes; more would hide each other's numbers
STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.constrained_layout.use": True}


class Stop(NamedTuple):
    """A round of an episode: the nodes that trained, the leader first, the distance that the model travelled, the test
    accuracy, the reward."""

    nodes: tuple[int, ...]
    distance: float
    accuracy: float
    reward: float


def describe(config: "Config", episode: int, path: Sequence[Stop], over: bool) -> str:
    """Returns the last round of a path as a line of text; `over` tells whether the episode has ended."""
    line = f"episode {episode}  round {len(path)}"
    if not path:
        return f"{line}  node {config.starter} holds a new model"
    stop, before = path[-1], path[-2].nodes[0] if len(path) > 1 else config.starter
    end = "" if not over else "  goal reached" if stop.accuracy >= config.goal else "  truncated"
    values = f"distance {stop.distance:.4f}  accuracy {stop.accuracy:.4f}  reward {stop.reward:.3f}"
    return f"{line}  node {before} -> {'+'.join(map(str, stop.nodes))}  {values}{end}"


def draw(config: "Config", where: np.ndarray, path: Sequence[Stop], title: str) -> np.ndarray:
    """Draws an episode after the rounds of `path`, with nodes at `where` [n, 2]; returns pixels [450, 800, 3] uint8.

    The user's Matplotlib settings and backend have no effect.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=(8, 4.5), dpi=100)
        figure.suptitle(title, fontsize=10)
        left, right = figure.subplots(1, 2)
        _map(left, where, config.starter, path)
        _accuracies(right, path, config.goal, config.round_limit)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _map(axes: "Axes", where: np.ndarray, starter: int, path: Sequence[Stop]):
    """Draws the nodes and the way of the model, later moves in stronger lines."""
    holders = [starter, *(stop.nodes[0] for stop in path)]
    for number, (holder, stop) in enumerate(zip(holders, path, strict=False), 1):
        strength = number / len(path)
        for node in stop.nodes:
            line = where[[holder, node]].T
            axes.plot(*line, color=PATH, alpha=0.15 + 0.85 * strength**2, linewidth=0.8 + 1.7 * strength, zorder=1)
    trained, here = {node for stop in path for node in stop.nodes}, holders[-1]
    others = [node for node in range(len(where)) if node != here]
    for colour, label, group in (
        ("white", "has not trained", [node for node in others if node not in trained]),
        (SEEN, "has trained", [node for node in others if node in trained]),
    ):
        axes.scatter(*where[group].T, 190, color=colour, edgecolors="black", linewidths=0.8, label=label, zorder=2)
    axes.scatter(*where[here], 330, color=HERE, marker="s", edgecolors="black", label="holds the model", zorder=3)
    if len(where) <= MOST_NUMBERED:
        for node, place in enumerate(where):
            axes.annotate(str(node), place, ha="center", va="center", zorder=4)
    axes.set(xticks=[], yticks=[], xlabel="nodes by their distances")
    axes.spines[:].set_visible(False)
    axes.margins(0.12)
    axes.set_aspect("equal", "datalim")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=3, frameon=False, markerscale=0.5, fontsize=8)


def _accuracies(axes: "Axes", path: Sequence[Stop], goal: float, round_limit: int):
    """Draws the accuracy after each round, and the goal."""
    axes.axhline(goal, color=GOAL, linewidth=1, linestyle="--")
    axes.annotate(f"goal {goal:g}", (0, goal), (2, 3), textcoords="offset points")
    axes.plot(range(1, len(path) + 1), [stop.accuracy for stop in path], color=PATH, marker="o", markersize=3.5)
    axes.set(xlim=(0, round_limit + 0.5), ylim=(0, 1), xlabel="round", ylabel="test accuracy")
