"""Images from arrays in a notebook or in an .npz file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kit.errors import SourceError, first_three
from kit.sources.npz import read_arrays_of
from kit.sources.record import ArrayImage, Record
from kit.specs.source import SPLIT_FOLDERS

_SPLIT = "train|val|valid|validation|test"
_NAME = re.compile(rf"(?:(?P<before>{_SPLIT})_)?(?P<kind>images|labels|x|y)(?:_(?P<after>{_SPLIT}))?")
_DIMENSIONS = {2, 3}  # of a grey image, and of one with channels


def array_records(
    images: ArrayLike,
    labels: Sequence[Any] | NDArray[Any] | None,
    *,
    ids: Sequence[str] | None = None,
    groups: Sequence[Any] | None = None,
    split: str | None = None,
) -> list[Record]:
    """Make a record of each image of an array.

    Args:
        images: [n, height, width] or [n, height, width, channels], of any number type; or n arrays of different sizes.
        labels: Labels of n images as numbers or names, [n], [n, 1], or one-hot [n, classes]; None for a test split.
        ids: Texts [n] that are all different; their indices otherwise.
        groups: Names [n] of the groups, such as patients, that must not be divided between splits.
        split: Split of all the images.

    Raises:
        SourceError: Shapes or lengths do not fit, or ids repeat.
    """
    pixels = _pixels(images)
    count = len(pixels)
    names = _names(count, split) if ids is None else [str(identifier) for identifier in ids]
    texts = None if labels is None else _label_texts(np.asarray(labels))
    members = None if groups is None else [str(group) for group in groups]
    for kind, values in (("labels", texts), ("ids", names), ("groups", members)):
        if values is not None and len(values) != count:
            raise SourceError(f"{count:,} images have {len(values):,} {kind}; give one each")
    if len(set(names)) < count:
        raise SourceError("ids repeat; give each image its own")
    hashed = hashlib.sha256()
    for image in pixels:
        hashed.update(repr((image.shape, image.dtype.str)).encode() + np.ascontiguousarray(image).tobytes())
    digest = hashed.hexdigest()
    return [
        Record(
            key=name,
            file=ArrayImage(name=name, pixels=pixels[index], digest=digest),
            label=None if texts is None else texts[index],
            split=split,
            group="" if members is None else members[index],
        )
        for index, name in enumerate(names)
    ]


def read_npz(path: Path) -> list[Record]:
    """Read images and labels from an .npz file.

    Its arrays are called images and labels, or x and y, alone or with a split before or after: x_train and y_train as
    in Keras' mnist.npz, train_images and train_labels as in MedMNIST.

    Raises:
        SourceError: The file is missing or lacks such arrays, or their headers claim more than the file holds or than
            fits into memory.
    """
    arrays, every = read_arrays_of(path, _NAME.fullmatch)
    names = ", ".join(every)
    parts: dict[str, dict[str, NDArray[Any]]] = {}
    for name, array in arrays.items():
        if match := _NAME.fullmatch(name):
            split = SPLIT_FOLDERS.get(match["before"] or match["after"] or "", "")
            parts.setdefault(split, {})["images" if match["kind"] in {"images", "x"} else "labels"] = array
    if not parts or any("images" not in part for part in parts.values()):
        raise SourceError(f"{path} needs arrays such as images and labels, or x_train and y_train; it has {names}")
    unlabelled = [split for split, part in parts.items() if "labels" not in part and split != "test"]
    if unlabelled:
        raise SourceError(f"{path} has no labels for its {unlabelled[0] or 'images'}; it has {names}")
    return [
        record
        for split, part in parts.items()
        for record in array_records(part["images"], part.get("labels"), split=split or None)
    ]


def _pixels(images: Any) -> Sequence[NDArray[Any]]:
    """Split an array of images, or a sequence of arrays, into images."""
    arrays = np.atleast_1d(images) if isinstance(images, np.ndarray) else [np.asarray(image) for image in images]
    if not len(arrays) or {image.ndim for image in arrays} - _DIMENSIONS:
        shapes = sorted({str(image.shape) for image in arrays})
        found = images.shape if isinstance(images, np.ndarray) else f"arrays of {first_three(shapes, len(shapes))}"
        raise SourceError(f"images must be [n, height, width] or [n, height, width, channels], got {found}")
    return list(arrays)


def _names(count: int, split: str | None) -> list[str]:
    width = len(str(count - 1))
    prefix = f"{split}-" if split else ""
    return [f"{prefix}{index:0{width}d}" for index in range(count)]


def _label_texts(labels: NDArray[Any]) -> list[str]:
    if labels.ndim == 2 and labels.shape[1] > 1:  # noqa: PLR2004 (one-hot)
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise SourceError("labels of two dimensions must be one-hot: one 1 and otherwise 0 in each row")
        labels = labels.argmax(axis=1)
    flat = labels.reshape(-1)
    if flat.dtype.kind == "f":
        if not np.array_equal(flat, np.round(flat)):
            raise SourceError("labels must be classes: whole numbers or names")
        flat = flat.astype(np.int64)
    return [value.decode() if isinstance(value, bytes) else str(value) for value in flat.tolist()]
