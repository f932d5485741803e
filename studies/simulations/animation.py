"""Writes animations of a figure as GIF files, without a window."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from reporting.run_figures import own_style
from runs.folder import write_atomically

MOST_BYTES = 2_000_000
COLOURS_USED = 16  # of a GIF's palette: few colours compress well


def write_gif(
    path: Path,
    make: Callable[[], tuple[Figure, Callable[[int], None]]],
    frames: int,
    milliseconds: int = 80,
    most: int = MOST_BYTES,
):
    """Draws an animation and writes it, in fewer frames where it would have more than `most` bytes.

    `make` returns a figure and a function that changes it to the frame of a number, 0 to `frames` - 1. A frame is shown
    for some `milliseconds`; where every second one is left out, the others for twice as long.
    """
    with own_style():
        figure, show = make()
        figure.set_layout_engine("none")  # else axes would move from frame to frame
        canvas, images = FigureCanvasAgg(figure), []
        for number in range(frames):
            show(number)
            canvas.draw()
            images.append(Image.fromarray(np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])))
    content = encoded(images, milliseconds)
    while len(content) > most and len(images) > 1:
        images, milliseconds = images[::2], 2 * milliseconds
        content = encoded(images, milliseconds)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)


def encoded(images: list[Image.Image], milliseconds: int) -> bytes:
    """Returns the bytes of a GIF; all frames have the palette of the first and the last one together."""
    both = Image.new("RGB", (images[0].width, 2 * images[0].height))
    both.paste(images[0], (0, 0))
    both.paste(images[-1], (0, images[0].height))
    palette = both.quantize(COLOURS_USED)
    first, *rest = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images)
    content = io.BytesIO()
    settings = {"duration": milliseconds, "loop": 0, "optimize": False, "disposal": 1}
    first.save(content, "GIF", save_all=True, append_images=rest, **settings)
    return content.getvalue()
