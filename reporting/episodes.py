"""Animates episodes of a run: where the model travels between the nodes, and how its accuracy grows."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.patheffects import Normal, Stroke

from nodes.places import places
from reporting.animation import encoded, player, render
from reporting.round_picture import ACCENT, BEFORE, COLOURS, INK, PALE, SOFT
from reporting.run_figures import label
from runs.folder import write_atomically
from runs.tables import read_table
from settings.errors import UsageError

MILLISECONDS, LAST = 500, 3000  # for which a round and the end are shown
PALETTE = 64  # colours
LEGEND = "ring: main class; 3x: trained 3 times; positions roughly fit the distances"
WIDTH, HEIGHT, DPI = 3.9, 5.6, 100  # of an episode, in inches
RIGHT = "\N{RIGHTWARDS ARROW}"


def animate(run_dir: Path, episodes: list[int], out: Path, kinds: Sequence[str] = ("gif", "html")) -> list[Path]:
    """Writes an animation of a run's episodes, side by side, as GIF and as HTML player into `out`; returns the paths.

    The nodes are placed by their distances. Raises UsageError where the run has no such episode.
    """
    table = read_table(run_dir, "rounds.csv")
    logged = [read_episode(run_dir, table, episode) for episode in episodes]
    distances = read_table(run_dir, "distances.csv").filter(regex=r"^\d+$").to_numpy()
    classes = read_table(run_dir, "nodes.csv")["main_class"].tolist()
    spots, limit, last = places(distances), int(table["round"].max()), int(table["episode"].max())
    frames = max(map(len, logged))

    def make() -> tuple[Figure, Callable[[int], None]]:
        figure = Figure(figsize=(WIDTH * len(logged), HEIGHT), dpi=DPI, facecolor="white")
        shows = [
            draw_episode(figure, (place / len(logged), 1 / len(logged)), rounds, spots, classes, limit, last)
            for place, rounds in enumerate(logged)
        ]
        return figure, lambda number: [show(number) for show in shows]

    images = render(make, frames)
    title = f"{label(table)}: episode{'s' * (len(episodes) > 1)} {' and '.join(map(str, episodes))}"
    captions = [caption(logged, number) for number in range(frames)]
    name = f"episode{'s' * (len(episodes) > 1)}_{'_'.join(map(str, episodes))}"
    makers = {
        "gif": lambda: encoded(images, [*[MILLISECONDS] * (frames - 1), LAST], PALETTE),
        "html": lambda: player(images, captions, MILLISECONDS, PALETTE, title),
    }
    out.mkdir(parents=True, exist_ok=True)
    paths = {kind: out / f"{name}.{kind}" for kind in kinds}
    for kind, path in paths.items():
        write_atomically(path, makers[kind]())
    return list(paths.values())


def read_episode(run_dir: Path, table: pd.DataFrame, episode: int) -> pd.DataFrame:
    """Returns an episode's rows of a run's rounds.csv, with `nodes` (tuple) and the `cost` so far."""
    rounds = table[table["episode"] == episode].reset_index(drop=True)
    if rounds.empty:
        first, last = table["episode"].min(), table["episode"].max()
        raise UsageError(f"{run_dir} has no episode {episode}; give --animate a number from {first} to {last}")
    nodes = [tuple(map(int, text.split("+"))) for text in rounds["node"].astype(str)]
    return rounds.assign(nodes=nodes, cost=rounds["distance"].cumsum())


def draw_episode(
    figure: Figure,
    span: tuple[float, float],
    rounds: pd.DataFrame,
    spots: np.ndarray,
    classes: list[int],
    limit: int,
    last: int,
) -> Callable[[int], None]:
    """Draws an episode into a part of a figure; returns what changes it to the state after round `number` + 1.

    `span` is the part's (left edge, width) as shares of the figure, `spots` [nodes, 2] the nodes' places, `classes`
    their main classes, `limit` the highest round of the run and `last` its last episode.
    """
    left, width = span
    first = rounds.iloc[0]
    head = f"Episode {first['episode']} of {last}, epsilon {first['epsilon']:.2f}"
    figure.text(left + 0.04 * width, 0.955, head, color=INK, fontsize=11, weight="bold")
    line = figure.text(left + 0.04 * width, 0.918, "", color=INK, fontsize=9)
    under = figure.text(left + 0.04 * width, 0.885, "", color=SOFT, fontsize=9)
    figure.text(left + 0.04 * width, 0.296, LEGEND, color=SOFT, fontsize=6.5)
    world = figure.add_axes((left + 0.03 * width, 0.32, 0.94 * width, 0.55))
    curve = figure.add_axes((left + 0.14 * width, 0.08, 0.81 * width, 0.2))
    move = draw_map(world, rounds, spots, classes)
    grow = draw_accuracy(curve, rounds, limit)

    def show(number: int):
        number = min(number, len(rounds) - 1)  # a shorter episode has ended
        row = rounds.iloc[number]
        line.set_text(told(row))
        ends = number == len(rounds) - 1
        reached = "  goal reached" if row["accuracy"] >= row["goal"] else "  goal not reached"
        under.set_text(f"accuracy {row['accuracy']:.3f}  cost {row['cost']:.3f}{reached if ends else ''}")
        under.set_color(ACCENT if ends else SOFT)
        move(number)
        grow(number)

    return show


def told(row: pd.Series) -> str:
    """Returns the sentence on what happened in a round."""
    first, *others = row["nodes"]
    if row["round"] == 1:
        way = f"node {first} trains a new model"
    elif others:
        way = f"{len(row['nodes'])} nodes train"
    elif first == row["previous_node"]:
        way = f"the model stays at node {first}"
    else:
        way = f"node {row['previous_node']} {RIGHT} node {first}, distance {row['distance']:.3f}"
    choice = "" if row["round"] == 1 else " (greedy)" if row["greedy"] else " (random)"
    return f"Round {row['round']}: {way}{choice}"


def caption(episodes: list[pd.DataFrame], number: int) -> str:
    """Returns what the frame of a number shows, in words."""
    rows = [rounds.iloc[min(number, len(rounds) - 1)] for rounds in episodes]
    return ". ".join(
        f"Episode {row['episode']}, {told(row).lower()}, accuracy {row['accuracy']:.3f}, cost {row['cost']:.3f}"
        for row in rows
    )


def draw_map(axes: Axes, rounds: pd.DataFrame, spots: np.ndarray, classes: list[int]) -> Callable[[int], None]:
    """Draws the nodes, ringed in the colour of their main class; returns what draws the path up to a round."""
    axes.axis("off")
    axes.set_aspect("equal")
    reach = np.abs(spots).max() + 0.12
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
    size = 21 if len(spots) <= 20 else 9  # of a node, in points
    for node, (spot, main) in enumerate(zip(spots, classes, strict=True)):
        ring = {"markeredgecolor": COLOURS[main % len(COLOURS)], "markeredgewidth": size / 6}
        axes.plot(*spot, "o", markersize=size, markerfacecolor="white", zorder=4, **ring)
        axes.text(*spot, str(node), ha="center", va="center_baseline", color=INK, fontsize=size * 0.43, zorder=5)
    over = {"color": SOFT, "zorder": 6, "path_effects": [Stroke(linewidth=2, foreground="white"), Normal()]}
    counts = [
        axes.annotate("", spot, (0, -size * 0.9), textcoords="offset points", ha="center", fontsize=7, **over)
        for spot in spots
    ]
    halos = axes.plot([], [], "o", markersize=size * 1.45, color=ACCENT, alpha=0.35, linewidth=0, zorder=3)
    drawn = []  # lines of the path so far

    def show(number: int):
        while drawn:
            drawn.pop().remove()
        so_far = rounds.iloc[: number + 1]
        moves = [(row["previous_node"], row["nodes"]) for _, row in so_far.iterrows()]
        pairs = [[(start, end) for end in nodes if end != start] for start, nodes in moves]
        earlier = Counter(tuple(sorted(pair)) for pair in itertools.chain(*pairs[:-1]))
        for (start, end), times in earlier.items():
            look = {"color": BEFORE, "alpha": 0.5, "linewidth": 0.7 + 0.5 * times, "zorder": 1}
            drawn.extend(axes.plot(*spots[[start, end]].T, **look))
        style = {"arrowstyle": "-|>,head_length=7,head_width=4", "color": ACCENT, "linewidth": 2.2, "zorder": 3.5}
        for start, end in pairs[-1]:
            ends = {"shrinkA": size * 0.5, "shrinkB": size * 0.6, "connectionstyle": "arc3,rad=-0.2"}
            arrow = FancyArrowPatch(spots[start], spots[end], **ends, **style)
            drawn.append(axes.add_patch(arrow))
        visits = Counter(itertools.chain(*so_far["nodes"]))
        for node, text in enumerate(counts):
            text.set_text(f"{visits[node]}x" if visits[node] else "")
        halos[0].set_data(*spots[list(moves[-1][1])].T)

    return show


def draw_accuracy(axes: Axes, rounds: pd.DataFrame, limit: int) -> Callable[[int], None]:
    """Draws the goal and the whole curve pale; returns what draws the accuracy up to a round."""
    goal = rounds["goal"].iloc[0]
    axes.plot(rounds["round"], rounds["accuracy"], color=PALE, linewidth=1.5)
    axes.axhline(goal, color=SOFT, linewidth=0.8, linestyle="--")
    look = {"ha": "right", "color": SOFT, "fontsize": 7}
    axes.annotate(f"goal {goal:g}", (limit, goal), (0, 2), textcoords="offset points", **look)
    axes.set(xlim=(0.5, limit + 0.5), ylim=(0, 1), xlabel="round", ylabel="test accuracy")
    (line,) = axes.plot([], [], color=BEFORE, linewidth=1.8)
    (point,) = axes.plot([], [], "o", color=ACCENT, markersize=5)

    def show(number: int):
        so_far = rounds.iloc[: number + 1]
        line.set_data(so_far["round"], so_far["accuracy"])
        point.set_data(so_far["round"].iloc[-1:], so_far["accuracy"].iloc[-1:])

    return show
