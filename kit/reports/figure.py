"""Shared style and functions of all pictures."""

from __future__ import annotations

import io
from typing import Any, Literal

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

DPI = 120
BLUE, ORANGE = (
    "#0072B2",
    "#D55E00",
)  # two colours distinct to colour-blind readers (Okabe & Ito 2008)
COLOURS = (
    *(BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31"),
    *("#7A3FBF", "#8FBF00", "#A00040", "#00D5C8"),  # as many as lines in a picture, so that all colours differ
)
GREY = "#6b6b6b"
_STYLES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_MARKED = 8  # markers along a line: enough to identify it, few enough to see the line


def line_style(number: int, points: int) -> dict[str, Any]:
    """Choose the style of line `number` (from 0) with `points` points, distinct without colour too."""
    turn, index = divmod(number, len(_MARKERS))
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": _STYLES[(index + turn) % len(_STYLES)],
        "marker": _MARKERS[(index + 2 * turn) % len(_MARKERS)],
        "markersize": 4.5,
        "markevery": (number % _MARKED / _MARKED / _MARKED, 1 / _MARKED) if points > _MARKED else 1,
    }


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """Create a figure of `width` times `height` inches, outside pyplot's global state."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def png(figure: Figure) -> bytes:
    """Render a figure as PNG; dollar signs in names are literal and start no formula."""
    for text in figure.findobj(Text):
        if "$" in text.get_text():  # tick labels of logarithmic axes are made during drawing, and are formulas
            text.set_parse_math(False)
    data = io.BytesIO()
    # savefig goes through all artists once more, for the layout alone
    FigureCanvasAgg(figure).print_png(data)  # type: ignore[no-untyped-call]
    return data.getvalue()


def middle_cut(name: str, most: int) -> str:
    """Shorten a name to at most `most` characters; its ends are more informative than its middle.

    >>> middle_cut("person1372_bacteria_3501", 11)
    'perso…_3501'
    """
    if len(name) <= most:
        return name
    end = (most - 1) // 2
    return f"{name[: most - 1 - end]}…{name[-end:]}"
