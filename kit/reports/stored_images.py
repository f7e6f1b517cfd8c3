"""Gallery of images of a dataset, as stored, each with a caption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kit.datasets import Dataset
from kit.datasets.read import read_examples
from kit.reports.figure import middle_cut
from kit.reports.tiles import plot_tiles

MOST = 40  # images in a gallery
_COLUMNS = 5
_KEY = 24  # characters of an id: its digits are wide


def plot_stored(dataset: Dataset, splits: Sequence[str], captions: Sequence[tuple[str, str]], title: str) -> bytes:
    """Draw images by their keys, the first 40.

    Args:
        dataset: Dataset that holds the images.
        splits: Splits in which they lie.
        captions: Pairs of key and lines below the key's name, in the order to draw.
        title: Title above the images.

    Returns:
        A PNG.
    """
    shown = captions[:MOST]
    keys = {key for key, _ in shown}
    pixels = {example.key: example.pixels for split in splits for example in read_examples(dataset, split, keys)}
    return plot_tiles(title, [(pixels[key], f"{_name(key)}\n{text}") for key, text in shown], _COLUMNS)


def _name(key: str) -> str:
    return middle_cut(Path(key).name, _KEY)
