"""Scales samples of any number of bits to eight bits, at full precision."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from kit.images.image_error import ImageError
from kit.images.samples import Pixels, Samples, Values
from kit.specs import ImageSpec

_TOP = 255
_CHUNK = 1 << 20  # samples: bounds the memory for float64


def to_eight_bits(samples: Samples, spec: ImageSpec) -> Pixels:
    """Map samples to 0 to 255 by `spec.scale`, rounded to the nearest.

    For up to 8 bits the full range is used, regardless of `spec.scale`. A range is that of the whole image over all its
    channels, so that colours keep their proportions.

    Raises:
        ImageError: Floats are outside 0 to 1, or not numbers, and the scale is "none".
    """
    values, bits = samples.values, samples.bits
    if values.dtype == np.uint8 and bits == 8:  # noqa: PLR2004
        return values
    is_float = values.dtype.kind == "f"
    if spec.percentiles and (is_float or bits > 8):  # noqa: PLR2004
        low, high = _found_range(values, spec.percentiles)
    elif is_float:
        low, high = _unit_range(values)
    else:
        low, high = _full_range(values, bits)
    if values.dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        return np.take(_table(low, high, values.dtype.itemsize * 8), values)
    return _mapped(values, low, high)


def _full_range(values: Values, bits: int) -> tuple[float, float]:
    half = 1 << (bits - 1)
    return (-half, half - 1) if values.dtype.kind == "i" else (0, 2 * half - 1)


def _unit_range(values: Values) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        share = np.count_nonzero(~np.isfinite(values)) / values.size
        raise ImageError(f"holds floats that are no numbers (NaN or infinite: {share:.1%}); set scale to minmax")
    if low < 0 or high > 1:
        raise ImageError(
            f"holds floats from {low:.6g} to {high:.6g}, not from 0 to 1; divide by the full range, store 0 to 255 as"
            " uint8, or set scale to minmax"
        )
    return 0.0, 1.0


def _found_range(values: Values, percentiles: tuple[float, float]) -> tuple[float, float]:
    finite = _as_double(values[np.isfinite(values)]) if values.dtype.kind == "f" else values
    if not finite.size:
        raise ImageError("holds no number, only NaN or infinite")
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = (float(bound) for bound in np.percentile(finite, percentiles))
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ImageError(f"holds floats from {finite.min():.6g} to {finite.max():.6g}, too far apart to scale")
    return low, high


@lru_cache(maxsize=4)
def _table(low: float, high: float, bits: int) -> Pixels:
    return _mapped(np.arange(1 << bits, dtype=np.uint32), low, high)


def _mapped(values: Values, low: float, high: float) -> Pixels:
    """Map `low` to 0 and `high` to 255; NaN and infinite values, and images of a single value, become 0."""
    pixels = np.zeros(values.shape, np.uint8)
    if not high > low:
        return pixels
    unit = 1.0 if np.isfinite(high - low) else 0.5  # halved, the difference of the largest floats does not overflow
    flat, into = values.reshape(-1), pixels.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        part = _as_double(flat[start : start + _CHUNK])
        part[~np.isfinite(part)] = low
        above = np.clip(part, low, high) * unit - low * unit
        into[start : start + _CHUNK] = np.rint(above / (high * unit - low * unit) * _TOP)
    return pixels


def _as_double(values: Values) -> Values:
    with np.errstate(invalid="ignore"):  # signalling NaNs of a damaged file
        return values.astype(np.float64)
