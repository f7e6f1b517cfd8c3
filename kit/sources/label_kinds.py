"""Detection of labels that are tags or measurements instead of classes: pure functions."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_SEPARATORS = ("|", ";", ",", " ")
_SEVERAL = 2
_LONGER_LISTS = 3  # different lengths, and parts of a label: tags exceed them, names of classes hardly do
_FEW_VALUES, _MANY_VALUES = 10, 20  # so many different fractions may still be classes, such as half grades
_IMAGES_A_CLASS = 10  # mean number of images, below which fractions are values


@dataclass(frozen=True, slots=True)
class Tags:
    """Labels that join several tags.

    Attributes:
        separator: Sign between the tags of a label.
        tags: Number of different tags.
        combinations: Number of different labels.
        example: Label of several tags.
    """

    separator: str
    tags: int
    combinations: int
    example: str


@dataclass(frozen=True, slots=True)
class Values:
    """Labels that are measurements.

    Attributes:
        lowest: Label of the smallest number.
        highest: Label of the largest number.
        count: Number of different values.
        example: Label that is no whole number.
    """

    lowest: str
    highest: str
    count: int
    example: str


def find_tags(labels: Collection[str]) -> Tags | None:
    """Recognise labels that join several tags by a separator, and tell them from class names that contain it.

    Labels are tags if most of those with several parts consist of parts that are labels by themselves, if labels of
    many lengths repeat few different parts, or if all parts are whole numbers.

    Args:
        labels: Different labels.

    Returns:
        The tags by the first separator that fits; None for classes.
    """
    for separator in _SEPARATORS:
        parts = {label: _parts(label, separator) for label in labels}
        several = {label: found for label, found in parts.items() if len(found) > 1}
        if len(several) >= _SEVERAL and _are_tags(list(parts.values()), list(several.values()), separator):
            return Tags(separator, len({part for found in parts.values() for part in found}), len(parts), min(several))
    return None


def find_values(counts: Mapping[str, int]) -> Values | None:
    """Recognise measurements: many different numbers, not all whole, with few images each.

    Args:
        counts: Images by label.

    Returns:
        The values; None for anything else, including whole numbers, which may be the ids of classes.
    """
    numbers = {label: number_of(label) for label in counts}
    known = {label: number for label, number in numbers.items() if number is not None}
    fractions = [label for label, number in known.items() if number % 1]
    if len(known) < len(counts) or not fractions:
        return None
    images = sum(counts.values()) / len(counts)
    if len(counts) <= _FEW_VALUES or (len(counts) <= _MANY_VALUES and images >= _IMAGES_A_CLASS):
        return None
    ordered = sorted(known, key=known.__getitem__)
    return Values(ordered[0], ordered[-1], len(counts), fractions[0])


def number_of(text: str) -> Decimal | None:
    """Read a finite decimal number exactly; None for any other text."""
    try:
        number = Decimal(text.replace("_", "x"))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _parts(label: str, separator: str) -> list[str]:
    return [part.strip() for part in label.split(separator) if part.strip()]


def _are_tags(every: Collection[list[str]], several: Collection[list[str]], separator: str) -> bool:
    alone = {parts[0] for parts in every if len(parts) == 1}
    if sum(alone.issuperset(parts) for parts in several) >= max(_SEVERAL, math.ceil(len(several) / 2)):
        return True
    longest = max(map(len, several))
    different = {part for parts in every for part in parts}
    lengths = {len(parts) for parts in every}
    if len(lengths) >= _LONGER_LISTS and longest > _LONGER_LISTS and len(every) >= 2 * len(different):
        return True
    is_decimal = separator == "," and longest == _SEVERAL  # 0,5 is one number in much of Europe
    return all(part.isdecimal() for parts in every for part in parts) and not is_decimal
