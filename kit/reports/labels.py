"""What labels were found to be, in one line that names the alternative, and what judges their predictions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from kit.sources.label_kinds import SEPARATORS, number_of, parts_of
from kit.specs import SourceSpec
from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

_SHOWN = 5  # names that the line lists; of more, the first and the last
_COLUMNS = 4
_MOST_GRADES = 20  # numbers that may be ordered grades
_NONE = ("no ", "none", "nothing", "normal")  # beginnings of tags that may mean none


def describe_labels(target: Target, columns: Sequence[str], asked: SourceSpec) -> str:
    """Say in one line what labels are, and where nobody has said so, what else they may be.

    Args:
        target: Target of the labels.
        columns: Columns of the label file that hold them; empty for folders and arrays.
        asked: Source as the user named it.
    """
    found, other = _LINES[type(target)](target, columns)
    where = f" in column{'s' * (len(columns) > 1)} {_listed(columns, _COLUMNS)}" if columns else ""
    if not columns and asked.labels is None and isinstance(target, Classes | Grades):
        where = " by folder" if asked.class_from is None else " by file name"
    alternative = f"; {other}" if other and asked.wanted_target is None else ""
    return f"labels: {found.format(where=where)}{alternative}"


def describe_metric(target: Target, metric: str) -> str:
    """Say in one line which metric predictions are judged by, and where it comes from.

    Args:
        target: Target of the labels.
        metric: Metric of the dataset.
    """
    if metric != target.default_metric:
        return f"metric: {metric}"
    return f"metric: {metric}, the default of {target.kind()}; kit shard --metric names the competition's"


def _classes(target: Classes, columns: Sequence[str]) -> tuple[str, str]:
    names = target.names
    found = f"{len(names)} classes{{where}} ({_listed(names, _SHOWN)})"
    if len(columns) > 1:
        return f"{found}, one 1 in each row", "--target tags takes each column by itself"
    are_numbers = all(number_of(name) is not None for name in names)
    if are_numbers and 2 < len(names) <= _MOST_GRADES:  # noqa: PLR2004 (two grades are two classes)
        return found, "--target grades makes them ordered"
    if are_numbers:
        return found, "--target values takes them as numbers" if columns else ""
    if columns and any(len(parts_of(name, sign)) > 1 for name in names for sign in SEPARATORS):
        return found, "--target tags splits them at a sign"
    is_few = 2 < len(names) <= _MOST_GRADES  # noqa: PLR2004
    return found, "--target grades --class-names LOWEST,…,HIGHEST makes them ordered" if is_few else ""


def _tags(target: Tags, columns: Sequence[str]) -> tuple[str, str]:
    names = target.names
    listed = f" ({_listed(names, _SHOWN)})" if len(columns) <= 1 else " of 0 and 1"
    found = f"{target.counted()}{{where}}{listed}"
    if target.are_columns:
        return found, "--target values takes them as numbers"
    joined = f"{found}, joined by '{target.separator}'"
    may_be_none = [name for name in names if name.lower().startswith(_NONE)] if not target.no_tag else []
    none = f", --no-tag '{may_be_none[0]}' takes that for none" if may_be_none else ""
    return joined, f"--target classes makes each combination a class{none}"


def _grades(target: Grades, columns: Sequence[str]) -> tuple[str, str]:
    del columns
    found = f"{len(target.names)} grades{{where}} ({' < '.join(target.names)}){_gap(target.names)}"
    return found, "--target classes leaves them unordered"


def _gap(grades: Sequence[str]) -> str:
    """Say that whole numbers stand at uneven distances, because each grade counts as one step above the one before.

    >>> _gap(["0", "1", "3"]), _gap(["0", "2", "4"]), _gap(["low", "high"])
    (', of which 1 and 3 count as one step apart', '', '')
    """
    numbers = [int(name) for name in grades if name.isdecimal()]
    steps = [high - low for low, high in pairwise(numbers)]
    if len(numbers) < len(grades) or len(set(steps)) <= 1:
        return ""
    widest = steps.index(max(steps))
    return f", of which {grades[widest]} and {grades[widest + 1]} count as one step apart"


def _values(target: Values, columns: Sequence[str]) -> tuple[str, str]:
    count = len(target.names)
    spans = [f"{low:.4g} to {high:.4g}" for low, high in zip(target.lowest, target.highest, strict=True)]
    what = "a number" if count == 1 else f"{count} numbers"
    other = "--target classes makes each number a class" if len(columns) <= 1 else "--label-column takes one of them"
    return f"{what}{{where}} ({_listed(spans, _COLUMNS)})", other


_LINES: dict[type[Target], Any] = {Classes: _classes, Tags: _tags, Grades: _grades, Values: _values}


def _listed(names: Sequence[str], most: int) -> str:
    """List names; whole numbers in a row, and many others, by the first and the last.

    >>> _listed(["0", "1", "2"], 5), _listed(["a", "b"], 5), _listed(["a", "b", "c"], 2)
    ('0 to 2', 'a, b', 'a, … c')
    """
    numbers = [int(name) if name.isdecimal() else None for name in names]
    if len(names) > 2 and numbers == list(range(numbers[0] or 0, (numbers[0] or 0) + len(names))):  # noqa: PLR2004
        return f"{names[0]} to {names[-1]}"
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[: most - 1])}, … {names[-1]}"
