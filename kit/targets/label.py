"""Labels as texts, and as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from numpy.typing import NDArray

Truth: TypeAlias = NDArray[Any]
"""Labels of n images: int32 [n] for classes and grades (-1: unlabelled), int8 [n, tags] of 0 and 1 (-1: unlabelled), or
float32 [n, values] (NaN: unlabelled)."""

Features: TypeAlias = Mapping[str, int | tuple[int, ...] | tuple[float, ...]]
"""Values of one image's label by their keys in a tf.train.Example."""

Stores = Literal["index", "indices", "numbers"]

LABEL, VALUES = "image/class/label", "image/values"
