"""One of several names an image: what classes and grades share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kit.targets.label import LABEL, Features, Stores, Truth


class OneName:
    """Labels of a target that gives each image one of its names: its index is what is stored."""

    __slots__ = ()

    stores: ClassVar[Stores] = "index"

    names: tuple[str, ...]

    def encode(self, labels: Sequence[str | None]) -> Truth:
        """Index the names: int32 [n]; -1 where there is none.

        Raises:
            ValueError: A label is none of the names.
        """
        indices: dict[str | None, int] = {None: -1, **{name: index for index, name in enumerate(self.names)}}
        try:
            return np.asarray([indices[label] for label in labels], np.int32).reshape(len(labels))
        except KeyError as error:
            raise ValueError(error.args[0]) from error

    def text(self, truth: Any) -> str | None:
        """Name an index; None for -1."""
        return None if truth < 0 else self.names[int(truth)]

    def features(self, truth: Any) -> Features:
        """Store the index as the TensorFlow models do, an int64; -1 for none."""
        return {LABEL: int(truth)}

    def stored(self, features: Mapping[str, object]) -> Any:
        """Read the index back: int32 [].

        Raises:
            ValueError: It is neither that of a name nor -1.
        """
        match features.get(LABEL):
            case int(index) if -1 <= index < len(self.names):
                return np.int32(index)
        raise ValueError(LABEL)


def one_hot(index: int, count: int) -> NDArray[np.float32]:
    """Be sure of one name: float32 [count], 1 for it and else 0."""
    row = np.zeros(count, np.float32)
    row[index] = 1
    return row
