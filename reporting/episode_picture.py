"""Shows an episode so far: its last round as text, or the nodes by their distances, the model's path and accuracy.

The environment draws its present round, reporting/episodes.py the rounds of a log. Matplotlib, which takes a second, is
imported where a picture is drawn.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reporting.style import ACCENT, BEFORE, CLASSES, INK, PALE, SOFT, own_style, pixels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from config import Config

LEGEND = "ring: main class; 3x: trained 3 times; positions roughly fit the distances"
NO_VALUES = "value of the node; none in this round"
LIGHT, MIDDLE, DARK = 0.9, 0.6, 0.2  # greys; numbers are white on those below the middle
WIDTH, HEIGHT, DPI = 3.9, 5.6, 100  # of an episode, in inches
RIGHT = "\N{RIGHTWARDS ARROW}"


class Stop(NamedTuple):
    """A round of an episode: the nodes that trained, the leader first, the distance that the model travelled, the test
    accuracy, the reward, whether the choice was greedy (None: unknown), and the values of all nodes that led to it
    (empty: none)."""

    nodes: tuple[int, ...]
    distance: float
    accuracy: float
    reward: float
    greedy: bool | None = None
    values: tuple[float, ...] = ()


class Scene(NamedTuple):
    """What pictures of an episode show besides its rounds: their title, the places of the nodes [nodes, 2] and their
    main classes, the node that trains first, the goal, how many rounds the axis of the accuracy has, and whether there
    are values of nodes."""

    title: str
    places: np.ndarray
    classes: Sequence[int]
    starter: int
    goal: float
    rounds: int
    valued: bool = False


def describe(config: "Config", episode: int, path: Sequence[Stop], over: bool) -> str:
    """Returns the last round of a path as a line of text; `over` tells whether the episode has ended."""
    line = f"episode {episode}  round {len(path)}"
    if not path:
        return f"{line}  node {config.starter} holds a new model"
    stop, before = path[-1], holders(config.starter, path)[-2]
    end = "" if not over else "  goal reached" if stop.accuracy >= config.goal else "  truncated"
    values = f"distance {stop.distance:.4f}  accuracy {stop.accuracy:.4f}  reward {stop.reward:.3f}"
    return f"{line}  node {before} -> {'+'.join(map(str, stop.nodes))}  {values}{end}"


def holders(starter: int, path: Sequence[Stop]) -> list[int]:
    """Returns the node that holds the model before each round of a path, and the one that holds it now."""
    return [starter, *(stop.nodes[0] for stop in path)]


def told(starter: int, path: Sequence[Stop]) -> str:
    """Returns the sentence on what happened in the last round of a path."""
    if not path:
        return f"Node {starter} holds a new model"
    stop, (before, node) = path[-1], holders(starter, path)[-2:]
    if len(stop.nodes) > 1:
        way = f"{len(stop.nodes)} nodes train"
    elif len(path) == 1:
        way = f"node {node} trains a new model"
    elif node == before:
        way = f"the model stays at node {node}"
    else:
        way = f"node {before} {RIGHT} node {node}, distance {stop.distance:.3f}"
    choice = "" if stop.greedy is None or len(path) == 1 else " (greedy)" if stop.greedy else " (random)"
    return f"Round {len(path)}: {way}{choice}"


def reached(path: Sequence[Stop]) -> str:
    """Returns the accuracy and the cost after the last round of a path."""
    return f"accuracy {path[-1].accuracy:.3f}  cost {sum(stop.distance for stop in path):.3f}" if path else ""


def picture(scene: Scene, path: Sequence[Stop], over: bool) -> np.ndarray:
    """Draws an episode after the rounds of `path`; returns pixels [560, 390, 3] uint8.

    `over` tells whether it has ended. The user's Matplotlib settings and backend have no effect.
    """
    with own_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor="white", layout="none")
        draw(figure, (0, 1), scene, path, len(path), over)
        return pixels(figure)


def draw(figure: "Figure", span: tuple[float, float], scene: Scene, path: Sequence[Stop], number: int, over: bool):
    """Draws an episode after the first `number` rounds of `path` into a part of a figure.

    `span` is the part's (left edge, width) as shares of the figure. The accuracies of later rounds are pale.
    """
    left, width = span
    so_far = path[:number]
    margin = left + 0.04 * width
    figure.text(margin, 0.955, scene.title, color=INK, fontsize=11, weight="bold")
    figure.text(margin, 0.918, told(scene.starter, so_far), color=INK, fontsize=9)
    end = "" if not over else "  goal reached" if so_far[-1].accuracy >= scene.goal else "  goal not reached"
    figure.text(margin, 0.885, reached(so_far) + end, color=ACCENT if over else SOFT, fontsize=9)
    figure.text(margin, 0.296, LEGEND, color=SOFT, fontsize=6.5)
    bottom = 0.338 if scene.valued else 0.32
    _map(figure.add_axes((left + 0.03 * width, bottom, 0.94 * width, 0.87 - bottom)), scene, so_far)
    if scene.valued:
        _scale(figure, left, width, so_far[-1].values if so_far else ())
    _accuracies(figure.add_axes((left + 0.14 * width, 0.08, 0.81 * width, 0.2)), scene, path, number)


def shades(values: Sequence[float]) -> np.ndarray:
    """Returns the greys [n] that stand for values: LIGHT for the lowest, DARK for the highest."""
    values = np.array(values)
    return LIGHT - (LIGHT - DARK) * (values - values.min()) / (np.ptp(values) or 1)


def _scale(figure: "Figure", left: float, width: float, values: Sequence[float]):
    """Draws which greys stand for the lowest and the highest of the `values` of a round."""
    low, high = (f"{end:.3g}" for end in (min(values), max(values))) if values else ("lowest", "highest")
    look = {"color": SOFT, "fontsize": 6.5}
    figure.text(left + 0.04 * width, 0.317, f"fill: {'value of the node' if values else NO_VALUES}", **look)
    figure.text(left + 0.67 * width, 0.317, low, ha="right", **look)
    figure.text(left + 0.84 * width, 0.317, high, **look)
    strip = figure.add_axes((left + 0.68 * width, 0.3165, 0.15 * width, 0.012))
    strip.imshow(shades(range(8))[np.newaxis], cmap="gray", vmin=0, vmax=1, aspect="auto")
    strip.axis("off")


def _map(axes: "Axes", scene: Scene, path: Sequence[Stop]):
    """Draws the nodes, ringed in the colour of their main class, how often each has trained, and the model's way."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.patheffects import Normal, Stroke

    places = scene.places
    axes.axis("off")
    axes.set_aspect("equal")
    reach = np.abs(places).max() + 0.12
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
    size = 21 if len(places) <= 20 else 9  # of a node, in points
    values = path[-1].values if path else ()
    greys = shades(values) if values else np.ones(len(places))
    visits = Counter(itertools.chain(*(stop.nodes for stop in path)))
    below = {"xytext": (0, -size * 0.9), "textcoords": "offset points", "ha": "center", "fontsize": 7}
    below |= {"color": SOFT, "zorder": 6, "path_effects": [Stroke(linewidth=2, foreground="white"), Normal()]}
    for node, (place, main, grey) in enumerate(zip(places, scene.classes, greys, strict=True)):
        ring = {"markeredgecolor": CLASSES[main % len(CLASSES)], "markeredgewidth": size / 6}
        axes.plot(*place, "o", markersize=size, markerfacecolor=str(grey), zorder=4, **ring)
        ink = INK if grey > MIDDLE else "white"
        axes.text(*place, str(node), ha="center", va="center_baseline", color=ink, fontsize=size * 0.43, zorder=5)
        if visits[node]:
            axes.annotate(f"{visits[node]}x", place, **below)
    here = list(path[-1].nodes) if path else [scene.starter]
    axes.plot(
        *places[here].T, "o", markersize=max(size * 1.45, size + 9), color=ACCENT, alpha=0.35, linewidth=0, zorder=3
    )
    starts = holders(scene.starter, path)
    moves = [[(start, end) for end in stop.nodes if end != start] for start, stop in zip(starts, path, strict=False)]
    for (start, end), times in Counter(tuple(sorted(pair)) for pair in itertools.chain(*moves[:-1])).items():
        look = {"color": BEFORE, "alpha": 0.5, "linewidth": 0.7 + 0.5 * times, "zorder": 1}
        axes.plot(*places[[start, end]].T, **look)
    style = {"arrowstyle": "-|>,head_length=7,head_width=4", "color": ACCENT, "linewidth": 2.2, "zorder": 3.5}
    style |= {"shrinkA": size * 0.5, "shrinkB": size * 0.6, "connectionstyle": "arc3,rad=-0.2"}
    for start, end in itertools.chain(*moves[-1:]):
        axes.add_patch(FancyArrowPatch(places[start], places[end], **style))


def _accuracies(axes: "Axes", scene: Scene, path: Sequence[Stop], number: int):
    """Draws the accuracies of the first `number` rounds, those of the others pale, and the goal."""
    rounds, accuracies = range(1, len(path) + 1), [stop.accuracy for stop in path]
    axes.plot(rounds, accuracies, color=PALE, linewidth=1.5)
    axes.axhline(scene.goal, color=SOFT, linewidth=0.8, linestyle="--")
    look = {"ha": "right", "color": SOFT, "fontsize": 7}
    axes.annotate(f"goal {scene.goal:g}", (scene.rounds, scene.goal), (0, 2), textcoords="offset points", **look)
    axes.set(xlim=(0.5, scene.rounds + 0.5), ylim=(0, 1), xlabel="round", ylabel="test accuracy")
    axes.plot(rounds[:number], accuracies[:number], color=BEFORE, linewidth=1.8)
    axes.plot(rounds[:number][-1:], accuracies[:number][-1:], "o", color=ACCENT, markersize=5)
