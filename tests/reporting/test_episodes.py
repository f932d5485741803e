"""Animations of episodes, on a run of three nodes made up for them and on a packed one."""

import json
import re

import pandas as pd
import pytest
from helpers import PROJECT
from PIL import Image

import plots
from reporting import episodes
from runs.tables import read_table

OF_RUN = {"policy": "dqn", "split": "disjoint", "dataset": "mnist", "goal": 0.8}
BETWEEN = [[0, 3, 4], [3, 0, 5], [4, 5, 0]]


@pytest.fixture
def played(tmp_path):
    """A run of two episodes: one of three rounds, 0, 1, 1, and one of two in which nodes 2 and 1 train at last."""
    folder = tmp_path / "run"
    folder.mkdir()
    rounds = pd.DataFrame(
        {
            "seed": 0,
            "episode": [4, 4, 4, 5, 5],
            "round": [1, 2, 3, 1, 2],
            "node": ["0", "1", "1", "0", "2+1"],
            "previous_node": [0, 0, 1, 0, 0],
            "distance": [0.0, 3.0, 0.0, 0.0, 12.0],
            "accuracy": [0.1, 0.5, 0.9, 0.2, 0.3],
            "reward": 0.0,
            "epsilon": [0.25] * 3 + [0.125] * 2,
            "greedy": [False, False, True, False, True],
        }
    )
    tables = {"rounds": rounds, "nodes": pd.DataFrame({"node": range(3), "main_class": [7, 8, 9]})}
    tables["distances"] = pd.DataFrame(BETWEEN).rename(columns=str).assign(node=range(3))
    for name, table in tables.items():
        table.assign(**OF_RUN).to_csv(folder / f"{name}.csv", index=False)
    return folder


def test_a_gif_and_a_page_show_every_round(played, tmp_path, capsys):
    out = tmp_path / "out"
    assert plots.main([str(played), "--animate", "4", "5", "--out", str(out)]) == 0
    assert capsys.readouterr().out.count("episodes_4_5") == 2
    image = Image.open(out / "episodes_4_5.gif")
    assert image.n_frames == 3
    assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    waits = []
    for number in range(3):
        image.seek(number)
        waits.append(image.info["duration"])
    assert waits == [episodes.MILLISECONDS] * 2 + [episodes.LAST]
    page = (out / "episodes_4_5.html").read_text()
    assert not re.findall(r"https?:|\{\{|<link", page)  # nothing is loaded, nothing is left open
    captions = json.loads(re.search(r"captions = (\[.*?\]);", page)[1])
    assert captions == [
        "Episode 4, round 1: node 0 trains a new model, accuracy 0.100, cost 0.000. "
        "Episode 5, round 1: node 0 trains a new model, accuracy 0.200, cost 0.000",
        "Episode 4, round 2: node 0 → node 1, distance 3.000 (random), accuracy 0.500, cost 3.000. "
        "Episode 5, round 2: 2 nodes train (greedy), accuracy 0.300, cost 12.000",
        "Episode 4, round 3: the model stays at node 1 (greedy), accuracy 0.900, cost 3.000. "
        "Episode 5, round 2: 2 nodes train (greedy), accuracy 0.300, cost 12.000",
    ]
    assert len(re.findall("data:image/png;base64,", page)) == 3 + 1  # and the first one before the script runs


def test_values_are_read_where_the_log_has_them(played):
    early = read_table(played, "rounds.csv").query("episode == 4")
    assert [stop.values for stop in episodes.read_path(early)] == [(), (), ()]
    path = episodes.read_path(early.assign(values=[None, None, "0.5 -1e-05 2"]))
    assert [stop.values for stop in path] == [(), (), (0.5, -1e-05, 2.0)]
    assert path[2] == ((1,), 0.0, 0.9, 0.0, True, path[2].values)


def test_a_packed_run(tmp_path):
    """Node 3 trains alone, so that the model never moves."""
    run_dir = PROJECT / "results" / "starters" / "standalone-disjoint-starter3-seed0"
    rounds = read_table(run_dir, "rounds.csv")
    first = rounds["episode"].min()
    gif, page = episodes.animate(run_dir, [first], tmp_path)
    assert Image.open(gif).n_frames == (rounds["episode"] == first).sum()
    assert "the model stays at node 3" in page.read_text()


def test_what_cannot_be_animated_is_one_line(played, tmp_path, capsys):
    assert plots.main([str(played), "--animate", "6", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"plots.py: error: {played} has no episode 6; give --animate a number from 4 to 5\n"
    )
    with pytest.raises(SystemExit):
        plots.main([str(played), str(played), "--animate", "4", "--out", str(tmp_path)])
    assert "--animate takes one RUN_DIR" in capsys.readouterr().err
