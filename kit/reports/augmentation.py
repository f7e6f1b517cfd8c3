"""Picture of a recipe's augmentation: images above their augmented versions."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kit.compat import tf
from kit.datasets import Dataset
from kit.datasets.read import read_examples
from kit.errors import SpecError
from kit.files import write_whole
from kit.pipeline import as_float, augment_batch
from kit.reports.figure import new_figure, png
from kit.reports.tiles import wrapped
from kit.specs import AugmentSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 8
VERSIONS = 3  # augmented versions below each image

_TILE = 1.5  # inches
_NAME = 18  # characters of a caption


def write_augmentation(dataset: Dataset, spec: AugmentSpec, path: Path, *, seed: int = 0) -> None:
    """Draw the first 8 train images and, below each, three versions as three epochs would see them, as a PNG.

    Mixed images are mixed with each other, and captioned with the shares of their labels.

    Args:
        dataset: Dataset with a train split of images of one size.
        spec: Augmentation of the images.
        path: PNG to write.
        seed: Seed of the random draws.

    Raises:
        SpecError: `spec` changes nothing, or does not fit the images.
        ShardError: No train split, or images of several sizes.
    """
    height, width, channels = dataset.shape
    spec.check_shape(dataset.shape)
    if not spec.changes(channels):
        raise SpecError("augment changes nothing of these images; set, for example, augment.rotation to 30")
    examples = list(itertools.islice(read_examples(dataset, "train"), COLUMNS))
    texts = [example.text or "none" for example in examples]  # an image without any tag
    names = tuple(sorted(set(texts)))
    labels = tf.one_hot([names.index(text) for text in texts], len(names))
    images = as_float(np.stack([example.pixels for example in examples]))
    seeds = [tf.constant([seed, number], tf.int64) for number in range(VERSIONS)]
    rows = [(images, labels), *(augment_batch(spec, images, labels, drawn) for drawn in seeds)]
    tile = _TILE * min(height / width, 2) + (0.3 if spec.mixes else 0.0)
    figure = new_figure(COLUMNS * _TILE, 0.6 + len(rows) * tile)
    figure.suptitle(f"{dataset.manifest.name}, train: first {len(examples)} images, and {VERSIONS} versions of each")
    panels = figure.subplots(len(rows), len(examples), squeeze=False)
    for number, (line, (pictures, shares)) in enumerate(zip(panels, rows, strict=True)):
        for axes, picture, share in zip(line, np.asarray(pictures), np.asarray(shares), strict=True):
            _draw(axes, picture, _caption(share, names) if spec.mixes or number == 0 else "")
    write_whole(path, png(figure))


def _draw(axes: Axes, picture: np.ndarray, caption: str) -> None:
    axes.axis("off")
    axes.imshow(picture.squeeze(-1) if picture.shape[-1] == 1 else picture, cmap="gray", vmin=0, vmax=1)
    if caption:  # an empty caption takes its space too
        axes.set_title(caption, fontsize=8, parse_math=False)


def _caption(shares: np.ndarray, names: tuple[str, ...]) -> str:
    """Write an image's label, or both labels of a mixed image."""
    mixed = [index for index in np.argsort(-shares, kind="stable") if shares[index] > 0]
    if len(mixed) == 1:
        return wrapped(names[mixed[0]], _NAME)
    return wrapped("\n".join(f"{shares[index]:.2f} {names[index]}" for index in mixed), _NAME)
