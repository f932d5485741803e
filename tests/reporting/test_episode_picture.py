"""The picture of an episode: what the pixels and Matplotlib's artists show, by hand."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from helpers import PROJECT
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from config import Config
from reporting.episode_picture import DARK, LIGHT, Scene, Stop, describe, draw, picture, shades
from reporting.style import ACCENT, BEFORE, INK

SCENE = Scene("Episode 4", np.array([[0.0, 0.0], [0.3, 0.0], [0.0, 0.4]]), [7, 8, 9], 0, 0.8, 3)
PATH = [Stop((0,), 0.0, 0.1, 0.0), Stop((1,), 3.0, 0.5, 0.0, False), Stop((1,), 0.0, 0.9, 0.0, True)]
IMPORTS = """
import sys
from settings.quiet_import import import_tensorflow_quietly
import_tensorflow_quietly()
import environment
print("matplotlib" in sys.modules)
"""


def pixels_of(picture, colour):
    """Returns the places (row, column) of a colour's pixels."""
    return np.argwhere((picture == np.round(np.array(to_rgb(colour)) * 255).astype(np.uint8)).all(-1))


def test_the_pixels_show_the_last_move_and_the_accuracy():
    fresh, moved = picture(SCENE, (), False), picture(SCENE, PATH[:2], False)
    assert fresh.shape == moved.shape == (560, 390, 3)
    assert fresh.dtype == np.uint8
    assert not len(pixels_of(fresh, ACCENT))
    arrow = pixels_of(moved[:390], ACCENT)  # above the legend
    assert np.ptp(arrow[:, 1]) > 2 * np.ptp(arrow[:, 0])  # from node 0 to node 1 on its right
    assert len(pixels_of(moved[390:], ACCENT)) > 10  # the point of the accuracy
    assert len(pixels_of(moved[390:], BEFORE)) > 10
    stays = picture(SCENE, PATH, True)
    assert not len(pixels_of(stays[90:390], ACCENT))


@pytest.mark.parametrize(
    ("number", "here", "visits", "line", "under"),
    [
        (0, 0, [], "Node 0 holds a new model", ""),
        (1, 0, ["1x"], "Round 1: node 0 trains a new model", "accuracy 0.100  cost 0.000"),
        (2, 1, ["1x"] * 2, "Round 2: node 0 → node 1, distance 3.000 (random)", "accuracy 0.500  cost 3.000"),
        (3, 1, ["1x", "2x"], "Round 3: the model stays at node 1 (greedy)", "accuracy 0.900  cost 3.000  goal reached"),
    ],
)
def test_what_is_drawn_after_a_number_of_rounds(number, here, visits, line, under):
    figure = Figure()
    draw(figure, (0, 1), SCENE, PATH, number, over=number == 3)
    assert [text.get_text() for text in figure.texts[:3]] == ["Episode 4", line, under]
    world, curve = figure.axes
    (halo,) = (line for line in world.lines if line.get_markersize() > 25)
    assert np.ravel(halo.get_data()).tolist() == SCENE.places[here].tolist()
    assert [text.get_text() for text in world.texts if text.get_text()[-1] == "x"] == visits
    assert len(world.patches) == (number == 2)  # an arrow, where the model moves
    assert len(world.lines) == 3 + 1 + (number == 3)  # nodes, the halo, the way before
    assert [len(line.get_xdata()) for line in (curve.lines[0], curve.lines[2])] == [3, number]


def test_nodes_are_filled_by_the_values_that_led_to_the_choice():
    path = [PATH[0], PATH[1]._replace(greedy=True, values=(-0.5, 1.5, 0.5))]
    figure, scene = Figure(), SCENE._replace(valued=True)
    draw(figure, (0, 1), scene, path, 2, over=False)
    fills = [float(line.get_markerfacecolor()) for line in figure.axes[0].lines[:3]]
    assert fills == pytest.approx([LIGHT, DARK, (LIGHT + DARK) / 2])
    colours = [text.get_color() for text in figure.axes[0].texts if text.get_text() in "012"]
    assert colours == [INK, "white", "white"]  # on light, dark and half dark
    texts = [text.get_text() for text in figure.texts]
    assert {"-0.5", "1.5", "fill: value of the node"} < set(texts)
    without = Figure()
    draw(without, (0, 1), scene, path, 1, over=False)  # in round 1 there are none
    assert {line.get_markerfacecolor() for line in without.axes[0].lines[:3]} == {"1.0"}
    assert {"lowest", "highest", "fill: value of the node; none in this round"} < {t.get_text() for t in without.texts}
    plain = Figure()
    draw(plain, (0, 1), SCENE, PATH, 2, over=False)
    assert not [text for text in plain.texts if "fill" in text.get_text()]
    assert len(plain.axes) == 2


def test_equal_values_are_light():
    assert shades([0.5, 0.5]).tolist() == [LIGHT, LIGHT]


def test_several_nodes_train_in_a_round():
    figure = Figure()
    draw(figure, (0, 1), SCENE, [Stop((0,), 0.0, 0.2, 0.0), Stop((2, 1), 12.0, 0.3, 0.0)], 2, over=True)
    assert [text.get_text() for text in figure.texts[1:3]] == [
        "Round 2: 2 nodes train",
        "accuracy 0.300  cost 12.000  goal not reached",
    ]
    assert len(figure.axes[0].patches) == 2


def test_the_users_settings_have_no_effect():
    expected = picture(SCENE, PATH, True)
    with mpl.rc_context({"font.size": 30, "savefig.dpi": 50, "figure.dpi": 50}):
        np.testing.assert_array_equal(picture(SCENE, PATH, True), expected)


@pytest.mark.slow
def test_the_environment_does_not_import_matplotlib():
    """It takes a second."""
    told = subprocess.run([sys.executable, "-c", IMPORTS], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"


def test_a_round_as_text():
    config = Config(starter=2, goal=0.6)
    path = (Stop((2,), 0.0, 0.2, -0.75),)
    assert describe(config, 4, (), False) == "episode 4  round 0  node 2 holds a new model"
    first = "episode 4  round 1  node 2 -> 2  distance 0.0000  accuracy 0.2000  reward -0.750"
    assert describe(config, 4, path, False) == first
    assert describe(config, 4, path, True) == f"{first}  truncated"
    path += (Stop((5, 1), 0.1234, 0.6, -0.1234),)
    second = "episode 4  round 2  node 2 -> 5+1  distance 0.1234  accuracy 0.6000  reward -0.123"
    assert describe(config, 4, path, True) == f"{second}  goal reached"
