"""Picture of a dataset's first images."""

from __future__ import annotations

import itertools
from pathlib import Path

from kit.arguments import checked_arguments
from kit.datasets import Dataset
from kit.datasets.read import read_examples
from kit.files import write_whole
from kit.reports.tiles import plot_tiles

COLUMNS = 5
ROWS = 4


@checked_arguments
def write_preview(dataset: Dataset, path: Path | str) -> None:
    """Draw the first 20 images of the first split (train, if it exists) with their labels, as a PNG."""
    split = dataset.manifest.splits[0]
    examples = list(itertools.islice(read_examples(dataset, split), COLUMNS * ROWS))
    title = f"{dataset.manifest.name}, {split}: first {len(examples)} of {dataset.manifest.records(split):,}"
    tiles = [(example.pixels, example.text or example.key) for example in examples]
    write_whole(Path(path), plot_tiles(title, tiles, COLUMNS))
