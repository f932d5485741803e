"""The picture of an episode: what the pixels show."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from config import Config
from reporting.episode_picture import HERE, PATH, Stop, describe, draw

WHERE = np.array([[0.0, 0.0], [1.0, 0.2], [0.4, 1.0]])


def centre(pixels, colour):
    """Returns the mean place (row, column) of a colour among the nodes, above the legend."""
    hits = (pixels == np.round(np.array(to_rgb(colour)) * 255).astype(np.uint8)).all(-1)[:400, :400]
    assert hits.any()
    return np.argwhere(hits).mean(0)


def test_the_picture_shows_where_the_model_is_and_how_it_went():
    config = Config(nodes=3, pca_components=3)
    fresh = draw(config, WHERE, (), "fresh")
    assert fresh.shape == (450, 800, 3)
    assert fresh.dtype == np.uint8
    way = (Stop((0,), 0.0, 0.2, 0.0), Stop((1,), 0.1, 0.5, 0.0))
    moved = draw(config, WHERE, way, "moved")
    assert centre(moved, HERE)[1] > centre(fresh, HERE)[1] + 100  # node 1 is on the right
    with pytest.raises(AssertionError):
        centre(fresh, PATH)
    between = np.array([centre(fresh, HERE), centre(moved, HERE)]).mean(0)
    np.testing.assert_allclose(centre(moved, PATH), between, atol=15)  # the move from node 0 to node 1
    accuracies = np.argwhere((moved == np.round(np.array(to_rgb(PATH)) * 255).astype(np.uint8)).all(-1)[:, 420:])
    assert len(accuracies) > 20


def test_the_users_settings_have_no_effect():
    config, expected = Config(nodes=3, pca_components=3), None
    for size in (10, 30):
        with mpl.rc_context({"font.size": size, "savefig.dpi": 50, "figure.dpi": 50}):
            pixels = draw(config, WHERE, (), "fresh")
        expected = pixels if expected is None else expected
    np.testing.assert_array_equal(pixels, expected)


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
