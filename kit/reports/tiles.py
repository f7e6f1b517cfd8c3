"""Images side by side, each with a caption."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from kit.images import Pixels
from kit.reports.figure import new_figure, png

_WIDTH = 2.0  # inches a picture
_LINE = 0.17  # inches a line of a caption
_HEADING = 0.55  # inches


def plot_tiles(title: str, tiles: Sequence[tuple[Pixels, str]], columns: int) -> bytes:
    """Draw images row by row; without any, the title alone.

    Args:
        title: above.
        tiles: pixels, uint8 [height, width, channels], and a caption; all captions have as many lines.
        columns: pictures in a row.

    Returns:
        A PNG.
    """
    rows = -(-len(tiles) // columns)
    lines = tiles[0][1].count("\n") + 1 if tiles else 0
    figure = new_figure(columns * _WIDTH, _HEADING + rows * (_WIDTH + lines * _LINE))
    figure.suptitle(title, parse_math=False)
    if not tiles:
        return png(figure)
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for axes, tile in itertools.zip_longest(panels, tiles):
        axes.axis("off")
        if tile is not None:
            pixels, caption = tile
            axes.imshow(pixels.squeeze(), cmap="gray", vmin=0, vmax=255)  # the map counts for grey only
            axes.set_title(caption, fontsize=8, parse_math=False, color="black", pad=3)
    return png(figure)
