"""What labels are, found from the labels themselves: pure functions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.targets.cells.text import SEPARATORS, is_fraction, number_of, parts_of

_SEVERAL = 2
_LONGER_LISTS = 3  # different lengths, and parts of a label: tags exceed them, names of classes hardly do
_FEW_VALUES, _MANY_VALUES = 10, 20  # numbers that may still be classes, such as half grades and digits
_IMAGES_A_CLASS = 10  # mean, below which numbers are values rather than classes
_NUMBERS = 0.9  # share of numbers in labels that are meant to be nothing else
_MEASURED = ("values", "")  # only reading of labels
_MARKS = 0.9  # share of 0 and 1 in columns that are meant to hold nothing else


@dataclass(frozen=True, slots=True)
class JoinedTags:
    """Labels that join several tags.

    Attributes:
        separator: Sign between the tags of a label.
        tags: Number of different tags.
        combinations: Number of different labels.
        example: Label of several tags.
        recur: Whether there are fewer tags than labels, and tags that several labels share.
    """

    separator: str
    tags: int
    combinations: int
    example: str
    recur: bool = True


@dataclass(frozen=True, slots=True)
class Measurements:
    """Labels that are measurements.

    Attributes:
        lowest: Label of the smallest number.
        highest: Label of the largest number.
        count: Number of different values.
        example: Label that is no whole number; the highest where all are whole.
    """

    lowest: str
    highest: str
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What labels are.

    Attributes:
        target: Name of a target, see `kit.targets.TARGETS`.
        other: Name of another target that they may be as well, so that a person has to say; empty for none.
        why: Description of the labels, for people.
        separator: Sign between tags.
    """

    target: str
    other: str = ""
    why: str = ""
    separator: str = " "


def kind_of_labels(counts: Mapping[str, int], *, named: Collection[str] = (), are_numbers: bool = True) -> Kind:
    """Tell what the labels of one column are.

    Args:
        counts: Images by label.
        named: Other labels, which somebody has given names: they may be tags of the joined ones, but measure nothing.
        are_numbers: Whether numbers may be measurements; names of folders are none.

    Returns:
        Tags joined by a sign, values, or classes; with a second reading where the labels bear it too.
    """
    if (tags := find_tags({*counts, *named})) is not None:
        why = f"{tags.tags} tags joined by '{tags.separator}' in {tags.combinations} combinations, as '{tags.example}'"
        is_plain = tags.recur and are_numbers
        return Kind("tags", "" if is_plain else "classes", why, tags.separator)
    if are_numbers and (joined := _joined_label(counts)):
        label, separator = joined
        return Kind("classes", "tags", f"'{label}' joins others by '{separator}'", separator)
    if not are_numbers or (numbers := describe_numbers(counts)) is None or numbers.count == 1:
        return Kind("classes")
    why = f"{numbers.count} different numbers from {numbers.lowest} to {numbers.highest}"
    has_fractions = any(map(is_fraction, counts))
    if find_values(counts) is not None or _are_measured(counts, has_fractions=has_fractions):
        return Kind("values", why=why)
    is_plain = numbers.count <= _MANY_VALUES and not has_fractions and not _are_sparse(counts)
    return Kind("classes", "" if is_plain else "values", why)


def odd_among_numbers(counts: Mapping[str, int]) -> str:
    """Find the first label that is no number among many that are measured; empty where there is none.

    Args:
        counts: Images by label.
    """
    numbers = {label: count for label, count in counts.items() if number_of(label) is not None}
    if not _NUMBERS * len(counts) <= len(numbers) < len(counts):
        return ""
    kind = kind_of_labels(numbers)
    return next(label for label in counts if label not in numbers) if (kind.target, kind.other) == _MEASURED else ""


def find_tags(labels: Collection[str]) -> JoinedTags | None:
    """Recognise labels that join several tags by a separator, and tell them from class names that contain it.

    Labels are tags if most of those with several parts consist of parts that are labels by themselves, if labels of
    many lengths repeat few different parts, or if all parts are whole numbers.

    Args:
        labels: Different labels.

    Returns:
        The tags by the first separator that fits; None for classes.
    """
    for separator in SEPARATORS:
        parts = {label: parts_of(label, separator) for label in labels}
        several = {label: found for label, found in parts.items() if len(found) > 1}
        if len(several) >= _SEVERAL and _are_tags(list(parts.values()), list(several.values()), separator):
            different = {part for found in parts.values() for part in found}
            recur = len(different) < len(parts) and _recur(parts.values(), several.values())
            return JoinedTags(separator, len(different), len(parts), min(several), recur)
    return None


def find_values(counts: Mapping[str, int]) -> Measurements | None:
    """Recognise measurements: many different numbers, not all whole, with few images each.

    Args:
        counts: Images by label.

    Returns:
        The values; None for anything else, including whole numbers, which may be the ids of classes.
    """
    numbers = describe_numbers(counts)
    if numbers is None or not is_fraction(numbers.example):
        return None
    images = sum(counts.values()) / len(counts)
    if len(counts) <= _FEW_VALUES or (len(counts) <= _MANY_VALUES and images >= _IMAGES_A_CLASS):
        return None
    return numbers


def describe_numbers(labels: Collection[str]) -> Measurements | None:
    """Describe labels that are all numbers; None for others, and for ids such as 007."""
    numbers = {label: number_of(label) for label in labels}
    known = {label: number for label, number in numbers.items() if number is not None}
    if not known or len(known) < len(labels) or any(_is_padded(label) for label in labels):
        return None
    ordered = sorted(known, key=known.__getitem__)
    fractions = [label for label in known if is_fraction(label)]
    return Measurements(ordered[0], ordered[-1], len(labels), fractions[0] if fractions else ordered[-1])


def free_separator(names: Iterable[str]) -> str:
    """Choose a sign that no name holds."""
    held = "".join(names)
    return next((sign for sign in (*SEPARATORS, "\t") if sign not in held), "\n")


def kind_of_columns(numbers: NDArray[np.float64]) -> str:
    """Tell what several columns are.

    Args:
        numbers: Cells [n, columns]; NaN where one is no number.

    Returns:
        "classes" where each row has one 1 among zeros, "tags" for other columns of 0 and 1, "values" for other
        numbers; empty where columns hold texts, or where a few cells stand between marks that are neither 0 nor 1.
    """
    are_marks = np.isin(numbers, (0, 1))
    if not len(numbers) or not np.isfinite(numbers).all():
        return ""
    if are_marks.all():
        return "classes" if (numbers.sum(axis=1) == 1).all() else "tags"
    return "" if are_marks.mean() >= _MARKS and (are_marks.mean(axis=0) >= _MARKS).all() else "values"


def odd_cell(numbers: NDArray[np.float64], target: str) -> tuple[int, int] | None:
    """Find the first cell that columns of a target cannot hold: no number, or for names neither 0 nor 1.

    Args:
        numbers: Cells [n, columns]; NaN where one is no number.
        target: Name of a target; empty for columns that hold marks or numbers but for a few cells.
    """
    lost = ~np.isfinite(numbers)
    odd = lost if target == "values" or (not target and lost.any()) else ~np.isin(numbers, (0, 1))
    rows, columns = np.nonzero(odd)
    return (int(rows[0]), int(columns[0])) if len(rows) else None


def marked_names(marks: NDArray[Any], names: Sequence[str], separator: str) -> list[str]:
    """Join the names whose columns hold 1, for each row of marks [n, names]."""
    return [separator.join(names[index] for index in np.flatnonzero(row).tolist()) for row in marks]


def _joined_label(labels: Collection[str]) -> tuple[str, str] | None:
    """Find a label that may join others, and its separator: each of its parts is a label too, or all parts recur."""
    alone = set(labels)
    for separator in SEPARATORS:
        parts = {label: found for label in labels if len(found := parts_of(label, separator)) > 1}
        if label := next((label for label, found in parts.items() if alone.issuperset(found)), ""):
            return label, separator
        if parts and _all_recur([parts_of(label, separator) for label in labels], parts.values()):
            return next(iter(parts)), separator
    return None


def _all_recur(every: Sequence[Sequence[str]], several: Iterable[Sequence[str]]) -> bool:
    """Whether fewer parts than labels make labels of several lengths, and none of those joined stands in one alone."""
    labels = Counter(part for parts in every for part in set(parts))
    are_fewer = len(labels) < len(every) and len(set(map(len, every))) > 1
    return are_fewer and all(labels[part] > 1 for parts in several for part in parts)


def _are_measured(counts: Mapping[str, int], *, has_fractions: bool) -> bool:
    """Whether numbers are measured: fractions of which some have one image, or many of which most have."""
    images = sum(counts.values()) / len(counts)
    return min(counts.values()) == 1 and (has_fractions or (len(counts) > _FEW_VALUES and images < _SEVERAL))


def _are_sparse(counts: Mapping[str, int]) -> bool:
    """Whether many numbers have few images each, some of them one."""
    images = sum(counts.values()) / len(counts)
    return min(counts.values()) == 1 and len(counts) > _FEW_VALUES and images < _IMAGES_A_CLASS


def _is_padded(label: str) -> bool:
    return len(label) > 1 and label.isdecimal() and label[0] == "0"


def _recur(every: Iterable[Sequence[str]], several: Iterable[Sequence[str]]) -> bool:
    """Whether most parts of labels with several parts stand in more than one label."""
    labels = Counter(part for parts in every for part in set(parts))
    joined = {part for parts in several for part in parts}
    return 2 * sum(labels[part] > 1 for part in joined) >= len(joined)


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
