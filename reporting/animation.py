"""Writes animations of a figure as GIF files and as HTML pages with a player, without a window."""

import base64
import html
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from reporting.style import own_style, pixels
from runs.folder import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BYTES = 2_000_000
COLOURS_USED = 16  # of a GIF's palette: few colours compress well
WHITE = 248  # lowest value of red, green and blue that is drawn as white
PLAYER = Path(__file__).parent / "player.html"
Make = Callable[[], tuple["Figure", Callable[[int], None]]]


def write_gif(path: Path, make: Make, frames: int, milliseconds: int = 80, most: int = MOST_BYTES):
    """Draws an animation and writes it, in fewer frames where it would have more than `most` bytes.

    `make` and `frames` are those of `render`. A frame is shown for some `milliseconds`; where every second one is left
    out, the others for twice as long.
    """
    images = render(make, frames)
    content = encoded(images, milliseconds)
    while len(content) > most and len(images) > 1:
        images, milliseconds = images[::2], 2 * milliseconds
        content = encoded(images, milliseconds)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)


def render(make: Make, frames: int) -> list[Image.Image]:
    """Returns the pictures of an animation.

    `make` returns a figure and a function that changes it to the frame of a number, 0 to `frames` - 1.
    """
    with own_style():
        figure, show = make()
        figure.set_layout_engine("none")  # else axes would move from frame to frame
        images = []
        for number in range(frames):
            show(number)
            images.append(Image.fromarray(pixels(figure)))
    return images


def encoded(images: list[Image.Image], milliseconds: int | list[int], colours: int = COLOURS_USED) -> bytes:
    """Returns the bytes of a GIF; all frames have the palette of the first and the last one together.

    `milliseconds` is how long a frame is shown, or a list with one value for each.
    """
    first, *rest = in_palette(images, colours)
    content = io.BytesIO()
    settings = {"duration": milliseconds, "loop": 0, "optimize": False, "disposal": 1}
    first.save(content, "GIF", save_all=True, append_images=rest, **settings)
    return content.getvalue()


def in_palette(images: list[Image.Image], colours: int) -> list[Image.Image]:
    """Returns the pictures in the most frequent colours of the first and the last one together.

    What is nearly white becomes white.
    """
    both = Image.new("RGB", (images[0].width, 2 * images[0].height))
    both.paste(images[0], (0, 0))
    both.paste(images[-1], (0, images[0].height))
    palette = both.quantize(colours)
    entries = np.reshape(palette.getpalette(), (-1, 3))
    entries[entries.min(axis=1) >= WHITE] = 255  # the background's, which were averaged with others
    palette.putpalette(entries.ravel().tolist())
    return [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]


def player(images: list[Image.Image], captions: list[str], milliseconds: int, colours: int, title: str) -> bytes:
    """Returns an HTML page that plays the pictures, which are in it, with a caption for each.

    It loads nothing from elsewhere. Buttons, a slider and the keys space, left and right move through the frames.
    """
    frames = []
    for image in in_palette(images, colours):
        content = io.BytesIO()
        image.save(content, "PNG", optimize=True)
        frames.append("data:image/png;base64," + base64.b64encode(content.getvalue()).decode())
    values = {"title": html.escape(title), "first": frames[0], "last": str(len(frames) - 1)}
    values |= {"width": str(images[0].width), "height": str(images[0].height), "milliseconds": str(milliseconds)}
    values |= {"caption": html.escape(captions[0])}
    values |= {"frames": json.dumps(frames), "captions": json.dumps(captions).replace("<", "\\u003c")}
    return filled(PLAYER, values)


def filled(template: Path, values: dict[str, str]) -> bytes:
    """Returns a page with a value in place of each of its marks `{{name}}`."""
    text = template.read_text()
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return text.encode()
