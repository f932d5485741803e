"""GIF files as Pillow reads them again."""

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from reporting.animation import write_gif


def moving_bar():
    figure = Figure(figsize=(1, 1), dpi=40)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    (bar,) = axes.plot([0, 0], [0, 1], linewidth=5, color="#D55E00")
    axes.set_xlim(-1, 10)
    return figure, lambda number: bar.set_xdata([number, number])


def test_every_frame_shows_its_moment(tmp_path):
    write_gif(tmp_path / "figures" / "bar.gif", moving_bar, 8, 50)
    image = Image.open(tmp_path / "figures" / "bar.gif")
    assert (image.n_frames, image.size) == (8, (40, 40))
    places = []
    for number in range(8):
        image.seek(number)
        assert image.info["duration"] == 50
        places.append(np.asarray(image.convert("RGB"))[20, :, 2].argmin())  # where there is the least blue
    assert places == sorted(places)
    assert len(set(places)) == 8


def test_a_large_one_has_fewer_frames_for_longer(tmp_path):
    write_gif(tmp_path / "all.gif", moving_bar, 8, 50)
    size = (tmp_path / "all.gif").stat().st_size
    write_gif(tmp_path / "few.gif", moving_bar, 8, 50, most=size - 1)
    image = Image.open(tmp_path / "few.gif")
    assert image.n_frames < 8
    assert image.info["duration"] == 50 * 8 // image.n_frames
    assert (tmp_path / "few.gif").stat().st_size < size
