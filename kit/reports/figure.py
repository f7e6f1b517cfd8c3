"""What all of kit's pictures share."""

from __future__ import annotations

import io
from typing import Literal

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 120
BLUE, ORANGE = (
    "#0072B2",
    "#D55E00",
)  # two colours that the colour-blind tell apart (Okabe & Ito 2008)
COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """Begin a figure of `width` times `height` inches, outside pyplot's global state."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def png(figure: Figure) -> bytes:
    """Draw a figure."""
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()
