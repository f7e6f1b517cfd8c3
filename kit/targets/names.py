"""One of several names an image: what classes and grades share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.targets.label import LABEL, Features, Truth


def encode_names(names: Sequence[str], labels: Sequence[str | None]) -> Truth:
    """Index labels among names: int32 [n]; -1 where there is none.

    Raises:
        ValueError: A label is none of the names.
    """
    indices: dict[str | None, int] = {None: -1, **{name: index for index, name in enumerate(names)}}
    try:
        return np.asarray([indices[label] for label in labels], np.int32).reshape(len(labels))
    except KeyError as error:
        raise ValueError(error.args[0]) from error


def name_at(names: Sequence[str], index: Any) -> str | None:
    """Name an index; None for -1."""
    return None if index < 0 else names[int(index)]


def one_hot(index: int, count: int) -> NDArray[np.float32]:
    """Be sure of one name: float32 [count], 1 for it and else 0."""
    row = np.zeros(count, np.float32)
    row[index] = 1
    return row


def index_features(index: Any) -> Features:
    """Store an index as the TensorFlow models do: an int64."""
    return {LABEL: int(index)}


def stored_index(features: Mapping[str, object], count: int) -> np.int32:
    """Read an index among `count` names, or -1.

    Raises:
        ValueError: It is neither.
    """
    match features.get(LABEL):
        case int(index) if -1 <= index < count:
            return np.int32(index)
    raise ValueError(LABEL)
