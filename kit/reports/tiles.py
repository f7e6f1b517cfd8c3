"""Images side by side, each with a caption."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence

from kit.images import Pixels
from kit.reports.figure import middle_cut, new_figure, png

_WIDTH = 2.0  # inches per picture
_LINE = 0.17  # inches per line of a caption
_HEADING = 0.55  # inches
_CHARACTERS = 30  # font size of a caption
_LINES = 3  # lines that one line of a caption may be wrapped into


def plot_tiles(title: str, tiles: Sequence[tuple[Pixels, str]], columns: int) -> bytes:
    """Draw images row by row; without images, the title alone.

    Args:
        title: Title above the tiles.
        tiles: Pairs of pixels, uint8 [height, width, channels], and caption; lines wider than the picture are wrapped.
        columns: Number of pictures in a row.

    Returns:
        A PNG.
    """
    rows = -(-len(tiles) // columns)
    captions = [wrapped(caption, _CHARACTERS) for _, caption in tiles]
    lines = max((caption.count("\n") + 1 for caption in captions), default=0)
    figure = new_figure(columns * _WIDTH, _HEADING + rows * (_WIDTH + lines * _LINE))
    figure.suptitle(title, parse_math=False)
    if not tiles:
        return png(figure)
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for axes, tile, caption in itertools.zip_longest(panels, tiles, captions):
        axes.set(xticks=[], yticks=[])  # ticks are made where they are not drawn, too
        axes.axis("off")
        if tile is not None:
            pixels, _ = tile
            axes.imshow(pixels.squeeze(), cmap="gray", vmin=0, vmax=255)  # the colour map applies to grey images only
            axes.set_title(caption, fontsize=8, parse_math=False, color="black", pad=3)
    return png(figure)


def wrapped(text: str, width: int) -> str:
    r"""Wrap each line of a text at names where possible; only a name longer than three lines is cut.

    >>> wrapped("1.png\npredicted Quercus_Ilex (0.5)", 20)
    '1.png\npredicted\nQuercus_Ilex (0.5)'
    """
    lines = (middle_cut(line, _LINES * width) for line in text.splitlines())
    return "\n".join(part for line in lines for part in textwrap.wrap(line, width) or [""])
