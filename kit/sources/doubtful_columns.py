"""Columns of whole numbers that nobody has named: labels, or ids of patients and the like."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.errors import SourceError
from kit.sources.id_columns import quoted

_IDS = frozenset(
    {"id", "ids", "uid", "patient", "subject", "person", "study", "series", "case", "group", "slide", "site", "fold"}
    | {"session", "visit", "index", "row", "number"}
)  # last words of columns that name something rather than measure it
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_FEW_IMAGES = 10  # mean of each number, below which it may be the id of a group
_MANY_NUMBERS = 20
_OWN = 0.9  # share of images with a number of their own
_LEAST = 10  # images that tell whether numbers repeat
_SHOWN = 3  # columns that are offered one by one


def refuse_doubtful(path: Path, names: Sequence[str], numbers: NDArray[np.float64], *, has_groups: bool) -> None:
    """Refuse columns of numbers of which some may be no labels, with a command for each reading.

    Args:
        path: File, for messages.
        names: Names of the columns.
        numbers: Cells, float [n, columns].
        has_groups: Whether another column holds the groups.

    Raises:
        SourceError: A column is constant, is called as ids are, or holds whole numbers that few images share.
    """
    sure, unsure = (
        {name: why for name, column in zip(names, numbers.T, strict=True) if (why := judged(name, column))}
        for judged in (_no_label, _may_be_ids)
    )
    doubtful = {**unsure, **sure}
    if not doubtful:
        return
    kept = [name for name in names if name not in doubtful] or [name for name in names if name not in sure]
    first = next(name for name in names if name in doubtful)
    raise SourceError(
        f"{path}: columns {', '.join(quoted(names))} may be labels all, or not: {first} {doubtful[first]}",
        choices=_choices(names, kept, [] if has_groups else _groups(names, numbers, kept)),
    )


def _no_label(name: str, column: NDArray[np.float64]) -> str:
    """Explain that a column is hardly a label; empty where it may be one."""
    if np.ptp(column) == 0:
        return "holds the same number for all images"
    words = _WORD.findall(name)
    is_named = bool(words) and words[-1].lower() in _IDS
    return "is called as ids or groups are" if is_named and (column % 1 == 0).all() else ""


def _may_be_ids(name: str, column: NDArray[np.float64]) -> str:
    """Explain that a column may hold ids; empty where it measures something."""
    del name
    images, different = len(column), len(np.unique(column))
    if (column % 1 != 0).any() or images < _LEAST:
        return ""
    if different >= _OWN * images:
        return "has a number of its own for nearly every image, as ids have"
    if different > _MANY_NUMBERS and images < _FEW_IMAGES * different:
        return f"has {images / different:.1f} images for each number, as ids of patients have"
    return ""


def _groups(names: Sequence[str], numbers: NDArray[np.float64], kept: Sequence[str]) -> list[str]:
    """List the other columns whose numbers several images share, which may be groups."""
    different = {name: len(np.unique(column)) for name, column in zip(names, numbers.T, strict=True)}
    return [name for name in names if name not in kept and 1 < different[name] < len(numbers)]


def _choices(names: Sequence[str], kept: Sequence[str], groups: Sequence[str]) -> tuple[Mapping[str, str], ...]:
    """List the readings: some columns are labels, and one holds groups; each alone; or all."""
    every = {"label_column": ",".join(names)}
    if not kept or len(kept) == len(names):
        return (*({"label_column": name} for name in names[:_SHOWN]), every)
    group = {"group": groups[0]} if len(groups) == 1 else {}
    return {"label_column": ",".join(kept), **group}, every
