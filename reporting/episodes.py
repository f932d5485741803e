"""Animates episodes of a run: where the model travels between the nodes, and how its accuracy grows."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from nodes.places import places
from reporting.animation import encoded, player, render
from reporting.episode_picture import DPI, HEIGHT, WIDTH, Scene, Stop, draw, reached, told
from reporting.run_figures import label
from runs.folder import write_atomically
from runs.tables import read_table
from settings.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MILLISECONDS, LAST = 500, 3000  # for which a round and the end are shown
PALETTE = {False: 64, True: 128}  # colours, and where nodes are filled by their values


def animate(run_dir: Path, episodes: list[int], out: Path, kinds: Sequence[str] = ("gif", "html")) -> list[Path]:
    """Writes an animation of a run's episodes, side by side, as GIF and as HTML player into `out`; returns the paths.

    The nodes are placed by their distances. Raises UsageError where the run has no such episode.
    """
    table = read_table(run_dir, "rounds.csv")
    rows = [episode_rows(run_dir, table, episode) for episode in episodes]
    paths = [read_path(rounds) for rounds in rows]
    where = places(read_table(run_dir, "distances.csv").filter(regex=r"^\d+$").to_numpy())
    classes = read_table(run_dir, "nodes.csv")["main_class"].tolist()
    scenes, frames, valued = [], max(map(len, paths)), any(stop.values for path in paths for stop in path)
    for rounds in rows:
        first = rounds.iloc[0]
        heading = f"Episode {first['episode']} of {table['episode'].max()}, epsilon {first['epsilon']:.2f}"
        scenes.append(
            Scene(heading, where, classes, first["previous_node"], first["goal"], table["round"].max(), valued)
        )

    def make() -> "tuple[Figure, Callable[[int], None]]":
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH * len(paths), HEIGHT), dpi=DPI, facecolor="white")

        def show(number: int):
            figure.clear()
            for place, (scene, path) in enumerate(zip(scenes, paths, strict=True)):
                done = min(number + 1, len(path))  # a shorter episode has ended
                draw(figure, (place / len(paths), 1 / len(paths)), scene, path, done, over=done == len(path))

        return figure, show

    images = render(make, frames)
    name = f"episode{'s' * (len(episodes) > 1)}"
    title = f"{label(table)}: {name} {' and '.join(map(str, episodes))}"
    captions = [caption(episodes, scenes, [path[:number] for path in paths]) for number in range(1, frames + 1)]
    makers = {
        "gif": lambda: encoded(images, [*[MILLISECONDS] * (frames - 1), LAST], PALETTE[valued]),
        "html": lambda: player(images, captions, MILLISECONDS, PALETTE[valued], title),
    }
    out.mkdir(parents=True, exist_ok=True)
    files = {kind: out / f"{name}_{'_'.join(map(str, episodes))}.{kind}" for kind in kinds}
    for kind, file in files.items():
        write_atomically(file, makers[kind]())
    return list(files.values())


def episode_rows(run_dir: Path, table: pd.DataFrame, episode: int) -> pd.DataFrame:
    """Returns an episode's rows of a run's rounds.csv; raises UsageError where there are none."""
    rounds = table[table["episode"] == episode]
    if rounds.empty:
        first, last = table["episode"].min(), table["episode"].max()
        raise UsageError(f"{run_dir} has no episode {episode}; give --animate a number from {first} to {last}")
    return rounds


def read_path(rounds: pd.DataFrame) -> list[Stop]:
    """Returns the path of the model in an episode from its rows of rounds.csv; early logs have no values of nodes."""
    nodes = [tuple(map(int, text.split("+"))) for text in rounds["node"].astype(str)]
    texts = rounds["values"].fillna("").astype(str) if "values" in rounds else [""] * len(rounds)
    values = [tuple(map(float, text.split())) for text in texts]
    return list(map(Stop, nodes, *(rounds[name] for name in ("distance", "accuracy", "reward", "greedy")), values))


def caption(episodes: list[int], scenes: list[Scene], paths: list[list[Stop]]) -> str:
    """Returns what a frame shows, which ends with these rounds of its episodes, in words."""
    return ". ".join(
        f"Episode {episode}, {told(scene.starter, path).lower()}, {reached(path).replace('  ', ', ')}"
        for episode, scene, path in zip(episodes, scenes, paths, strict=True)
    )
