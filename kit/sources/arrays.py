"""Images from arrays in a notebook or in an .npz file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kit.errors import SourceError, first_three, option
from kit.sources.label_kinds import kind_of_columns, marked_names, odd_cell
from kit.sources.label_origin import LabelOrigin
from kit.sources.npz import read_arrays_of
from kit.sources.record import ArrayImage, Record
from kit.specs.source import SPLIT_FOLDERS, SourceSpec

_SPLIT = "train|val|valid|validation|test"
_NAME = re.compile(rf"(?:(?P<before>{_SPLIT})_)?(?P<kind>images|labels|x|y)(?:_(?P<after>{_SPLIT}))?")
_DIMENSIONS = {2, 3}  # of a grey image, and of one with channels


def array_records(
    images: ArrayLike,
    labels: Sequence[str] | None,
    *,
    ids: Sequence[str] | None = None,
    groups: Sequence[Any] | None = None,
    split: str | None = None,
) -> list[Record]:
    """Make a record of each image of an array.

    Args:
        images: [n, height, width] or [n, height, width, channels], of any number type; or n arrays of different sizes.
        labels: Labels of n images as texts, see `read_array_labels`; None for a test split.
        ids: Texts [n] that are all different; their indices otherwise.
        groups: Names [n] of the groups, such as patients, that must not be divided between splits.
        split: Split of all the images.

    Raises:
        SourceError: Shapes or lengths do not fit, or ids repeat.
    """
    pixels = _pixels(images)
    count = len(pixels)
    names = _names(count, split) if ids is None else [str(identifier) for identifier in ids]
    members = None if groups is None else [str(group) for group in groups]
    for kind, values in (("labels", labels), ("ids", names), ("groups", members)):
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
            label=None if labels is None else labels[index],
            split=split,
            group="" if members is None else members[index],
        )
        for index, name in enumerate(names)
    ]


def read_npz(path: Path, spec: SourceSpec | None = None) -> tuple[list[Record], LabelOrigin]:
    """Read images and labels from an .npz file.

    Its arrays are called images and labels, or x and y, alone or with a split before or after: x_train and y_train as
    in Keras' mnist.npz, train_images and train_labels as in MedMNIST.

    Args:
        path: File.
        spec: Source as the user named it; None for nothing but the file.

    Raises:
        SourceError: The file is missing or lacks such arrays, their headers claim more than the file holds or than
            fits into memory, or labels do not fit each other.
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
    labelled = [split for split, part in parts.items() if "labels" in part]
    asked = spec or SourceSpec(folder=str(path))
    found, origin = read_array_labels([parts[split]["labels"] for split in labelled], asked, path.name)
    texts = dict(zip(labelled, found, strict=True))
    records = [
        record
        for split, part in parts.items()
        for record in array_records(part["images"], texts.get(split), split=split or None)
    ]
    return records, origin


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


def read_array_labels(
    arrays: Sequence[NDArray[Any]], spec: SourceSpec, name: str
) -> tuple[list[list[str]], LabelOrigin]:
    """Write labels of images as texts, by what all of them together are.

    Args:
        arrays: Labels of each split: whole numbers or names [n] or [n, 1], which are classes; other numbers [n], which
            are values; or [n, columns]: classes where each row has one 1 and else 0, tags for other rows of 0 and 1,
            and else values. The spec's target decides otherwise; for tags, 0 and 1 [n, 1] are one tag.
        spec: Source as the user named it.
        name: Name of the arrays for messages.

    Raises:
        SourceError: Labels of other shapes, or numbers that the target cannot hold.
    """
    every = [array if array.ndim > 1 else array.reshape(-1, 1) for array in arrays]
    widths = {array.shape[1] for array in every if len(array)}
    if len(widths) > 1 or any(array.ndim > 2 for array in every):  # noqa: PLR2004
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise SourceError(f"{name}: labels must be [n] or [n, columns], alike in all splits; got {shapes}")
    is_one_tag = spec.wanted_target == "tags" and any(array.ndim > 1 for array in arrays) and _are_marks(every)
    return _wide(every, spec, name) if is_one_tag or not widths <= {1} else _flat(every, spec, name)


def _are_marks(arrays: Sequence[NDArray[Any]]) -> bool:
    return all(array.dtype.kind in "fiub" and np.isin(array, (0, 1)).all() for array in arrays)


def _flat(arrays: Sequence[NDArray[Any]], spec: SourceSpec, name: str) -> tuple[list[list[str]], LabelOrigin]:
    """Write one label per image: whole numbers and names as they are, others as values."""
    flat = [array.reshape(-1) for array in arrays]
    are_floats = any(array.dtype.kind == "f" for array in flat)
    are_whole = all(np.array_equal(array, np.round(array)) for array in flat if array.dtype.kind == "f")
    target = "" if any(array.dtype.kind not in "fiub" for array in flat) else "classes"
    if are_floats and not are_whole:
        target = "values"
        if spec.wanted_target not in {None, "values"}:
            raise SourceError(f"{name}: labels are numbers with fractions, which no {spec.wanted_target} are")
    texts = [[_text(value, is_whole=are_whole) for value in array.tolist()] for array in flat]
    return texts, LabelOrigin(name=name, target=target)


def _wide(arrays: Sequence[NDArray[Any]], spec: SourceSpec, name: str) -> tuple[list[list[str]], LabelOrigin]:
    """Write the marked columns of each image, or its numbers."""
    try:
        numbers = [np.asarray(array, np.float64) for array in arrays]
    except ValueError as error:
        raise SourceError(f"{name}: labels of two dimensions must be numbers, one column for each name") from error
    whole = np.concatenate(numbers)
    found = kind_of_columns(whole)
    target = {"grades": "classes", None: found}.get(spec.wanted_target, spec.wanted_target or "")
    columns = tuple(str(index) for index in range(whole.shape[1]))
    if (odd := odd_cell(whole, target)) is not None:
        row, column = odd
        raise SourceError(
            f"{name}: {whole[odd]:g} in row {row}, column {column} is not"
            f" {'a number' if target == 'values' else '0 or 1'}; correct it, or state the meaning of the labels with"
            f" {option('target')}"
        )
    if target == "values":
        texts = [[" ".join(_text(value) for value in row) for row in array.tolist()] for array in arrays]
        return texts, LabelOrigin(name=name, columns=columns, target=target)
    if target == "classes" and (whole.sum(axis=1) != 1).any():
        row = int(np.flatnonzero(whole.sum(axis=1) != 1)[0])
        raise SourceError(
            f"{name}: labels of two dimensions must be one-hot: one 1 and otherwise 0 in each row, not as row {row};"
            f" they are tags: {option('target', 'tags')}"
        )
    marked = [marked_names(array, columns, "|") for array in numbers]
    return marked, LabelOrigin(name=name, columns=columns, target=target, separator="|")


def _text(value: Any, *, is_whole: bool = False) -> str:
    """Write a label; a whole number of an array of floats without a point, where all are whole."""
    if isinstance(value, bytes):
        return value.decode()
    return str(int(value)) if is_whole and isinstance(value, float) else str(value)
