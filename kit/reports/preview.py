"""A dataset as a picture of its first images."""

from __future__ import annotations

import itertools
from pathlib import Path

from kit.files import write_whole
from kit.reports.figure import new_figure, png
from kit.shards import Dataset
from kit.shards.read import read_examples

COLUMNS = 5
ROWS = 4


def write_preview(dataset: Dataset, path: Path) -> None:
    """Draw the first 20 images of the first split (train, where there is one) with their labels, as a PNG."""
    split = dataset.manifest.splits[0]
    examples = list(itertools.islice(read_examples(dataset, split), COLUMNS * ROWS))
    rows = -(-len(examples) // COLUMNS)
    figure = new_figure(10, 2.2 * rows)
    figure.suptitle(f"{dataset.manifest.name}, {split}: first {len(examples)} of {dataset.manifest.records(split):,}")
    panels = figure.subplots(rows, COLUMNS, squeeze=False).flat
    for axes, example in itertools.zip_longest(panels, examples):
        axes.axis("off")
        if example is not None:
            axes.imshow(example.pixels.squeeze(), cmap="gray", vmin=0, vmax=255)  # the map counts for grey only
            axes.set_title(example.text or example.key, fontsize=9)
    write_whole(path, png(figure))
