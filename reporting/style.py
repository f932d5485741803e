"""Gives the pictures of this project their common look: Matplotlib's settings, and colours.

Matplotlib, which takes a second, is imported where a picture is drawn.
"""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours for series, and Paul Tol's muted ones for classes; colour-blind readers can tell them apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
CLASSES = "#CC6677", "#332288", "#DDCC77", "#117733", "#88CCEE", "#882255", "#44AA99", "#999933", "#AA4499", "#A9ADB3"
INK, SOFT, PALE, ACCENT, BEFORE, GAIN = "#22262B", "#5F6873", "#E8EAEE", "#D55E00", "#0072B2", "#8CC3E8"
STYLE = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "figure.constrained_layout.use": True,
}


@contextlib.contextmanager
def own_style() -> Iterator[None]:
    """Draws with the settings of this project alone, whatever the user's matplotlibrc says."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE | {"axes.prop_cycle": mpl.cycler(color=COLOURS)})
        yield


def pixels(figure: "Figure") -> np.ndarray:
    """Draws a figure without a window; returns its pixels [height, width, 3] uint8."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
