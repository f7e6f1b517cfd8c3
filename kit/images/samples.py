"""Decoded samples at the file's own precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
Values: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Samples:
    """Decoded samples at the file's own precision, upright, without alpha.

    Attributes:
        values: Integers or floats [height, width, channels]; 3 channels are RGB, 1 is grey, with black the lowest.
        bits: Stored bits of a channel: 12 for twelve bits in a uint16.
    """

    values: Values
    bits: int = 8
