"""Checks of a submission's cells against what the dataset's target and the sample submission allow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.errors import first_three
from kit.sources.label_kinds import number_of, parts_of
from kit.submission.cells import Cells
from kit.submission.form import Sample
from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.tags import Tags
from kit.targets.values import Values

Rows = NDArray[np.bool_]

CONSTANT, RANGE, SUM, ORDER, KNOWN = "constant", "range", "sum", "order", "known"
_TWO = 2  # classes of which one probability says all
_ROUNDED = 0.01  # difference of a sum from one that rounded probabilities of many classes may have
_SPAN = 1e-6  # share of the training range by which a float32 number may leave it
_SUMMED = ("log_loss", "weighted_log_loss")  # metrics of shares that sum to one
_SIGNS = {" ": "blanks", ",": "commas", ";": "semicolons", "|": "bars"}


@dataclass(frozen=True, slots=True)
class Problem:
    """Problem of a file that Kaggle would refuse, or that is probably a mistake.

    Attributes:
        what: Problem in words.
        doubt: Word that overrules a doubt, one of `DOUBTS`; empty for an error.
    """

    what: str
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """Allowed contents of the cells of a file.

    Attributes:
        cells: Cells as kit would write them.
        sample: Sample submission.
        metric: Name of the metric that scores the file; empty if unknown.
    """

    cells: Cells
    sample: Sample
    metric: str = ""

    @property
    def target(self) -> Target:
        """Target of the dataset."""
        return self.cells.target

    @property
    def names(self) -> list[str]:
        """Names as cells spell them."""
        return [self.cells.spelled.get(name, name) for name in self.target.names]

    @property
    def may_be_blank(self) -> bool:
        """Whether a cell without tags is empty."""
        target = self.target
        return self.cells.are_joined and isinstance(target, Tags) and not target.no_tag and self.sample.has_blanks


def value_findings(ids: Sequence[str], values: pd.DataFrame, asked: pd.DataFrame, rules: Rules | None) -> list[Problem]:
    """Find faulty and doubtful cells.

    Args:
        ids: Ids of the rows.
        values: Stripped texts of the value columns.
        asked: Value columns of the sample submission.
        rules: Rules for the cells; None if the dataset is unknown, so that only the sample tells.
    """
    blank: Rows = np.asarray((values.to_numpy(str) == "").any(axis=1))
    findings = [Problem(f"blank values, of {named(ids, blank)}")] if blank.any() else []
    if rules is None:
        return findings + _unknown_findings(ids, values, asked, blank)
    if rules.may_be_blank:
        findings = []
    return [*findings, *_known_findings(ids, values, asked, blank, rules)]


def named(ids: Sequence[str], where: Rows) -> str:
    """Name the first three ids of some rows, and count the rows."""
    indices = np.flatnonzero(where).tolist()
    return first_three((ids[index] or "(no id)" for index in indices), len(indices))


def _unknown_findings(ids: Sequence[str], values: pd.DataFrame, asked: pd.DataFrame, blank: Rows) -> list[Problem]:
    """Compare with the sample alone: a sample of names may name only one of them."""
    is_free = bool(_is_outside(_numbers(asked), 0, 1).any())
    if len(values.columns) == 1:
        if _are_texts(asked):
            return []
        is_free = is_free or (_are_whole(values.iloc[:, 0][~blank]) and _are_whole(asked.iloc[:, 0]))
    return _number_findings(ids, values, blank, None if is_free else (0, 1))


def _known_findings(
    ids: Sequence[str], values: pd.DataFrame, asked: pd.DataFrame, blank: Rows, rules: Rules
) -> list[Problem]:
    cells, target = rules.cells, rules.target
    is_pair = isinstance(target, Classes) and len(target.names) == _TWO
    if cells.form.holds == "numbers":
        return _number_findings(ids, values, blank, _training_range(target, values.columns), "the training range ")
    if cells.has_each or (cells.form.holds == "probabilities" and not is_pair):
        return [*_chance_findings(ids, values, asked, blank), *_sum_findings(ids, values, rules)]
    filled = values.iloc[:, 0].tolist()
    is_named = set(filled) - {""} <= set(target.names) or _are_texts(asked) or _are_texts(values)
    if is_pair and not is_named:  # of two classes a probability says as much
        return _chance_findings(ids, values, asked, blank)
    find = _tag_findings if cells.are_joined else _rank_findings if cells.form.holds == "ranks" else _name_findings
    return list(find(ids, filled, rules))


def _chance_findings(ids: Sequence[str], values: pd.DataFrame, asked: pd.DataFrame, blank: Rows) -> list[Problem]:
    """Find values that are no probabilities, unless the sample has others too."""
    is_free = bool(_is_outside(_numbers(asked), 0, 1).any())
    return _number_findings(ids, values, blank, None if is_free else (0, 1))


def _name_findings(ids: Sequence[str], filled: Sequence[str], rules: Rules) -> Iterator[Problem]:
    """Find cells that are no class or grade, or one in another spelling."""
    known = {"", *rules.names, *(cell for cell in rules.sample.cells if cell)}
    numbers = {number_of(name): name for name in rules.names if number_of(name) is not None}
    plural = rules.target.kind()
    strange = [cell not in known for cell in filled]
    respelled = [is_strange and number_of(cell) in numbers for cell, is_strange in zip(filled, strange, strict=True)]
    if any(respelled):
        first = filled[respelled.index(True)]
        yield Problem(
            f"{plural} written {first} where the sample has {numbers[number_of(first)]}, of"
            f" {named(ids, np.asarray(respelled))}"
        )
    others = {cell for cell, one, other in zip(filled, strange, respelled, strict=True) if one and not other}
    if others:
        listed = first_three(sorted(rules.names), len(rules.names))
        yield Problem(f"values outside the {plural} {listed}: {first_three(sorted(others), len(others))}")


def _tag_findings(ids: Sequence[str], filled: Sequence[str], rules: Rules) -> Iterator[Problem]:
    """Find unknown tags, tags named twice, and the word for none beside others."""
    target, separator = rules.target, rules.cells.form.separator
    no_tag = target.no_tag if isinstance(target, Tags) else ""
    known = set(target.names)
    parts = [[] if cell == no_tag else _split(cell, separator, known) for cell in filled]
    yield from _unknown(ids, parts, known | ({no_tag} if no_tag else set()), f"unknown {target.kind()}", separator)
    yield from _twice(ids, parts, target.kind())
    beside: Rows = np.asarray([no_tag != "" and no_tag in row for row in parts], bool)
    if beside.any():
        yield Problem(f"'{no_tag}' beside other {target.kind()}, of {named(ids, beside)}")


def _rank_findings(ids: Sequence[str], filled: Sequence[str], rules: Rules) -> Iterator[Problem]:
    """Find guesses that are unknown or named twice, and wrong numbers of guesses."""
    form, known = rules.cells.form, set(rules.names)
    parts = [_split(cell, form.separator, known) for cell in filled]
    wrong: Rows = np.asarray([bool(row) and len(row) != form.guesses for row in parts], bool)
    if wrong.any():
        counts = sorted({len(row) for row, is_wrong in zip(parts, wrong, strict=True) if is_wrong})
        found = first_three(map(str, counts), len(counts)) if len(counts) > 1 else str(counts[0])
        yield Problem(f"{found} guesses instead of {form.guesses}, of {named(ids, wrong)}")
    sampled = {part for cell in rules.sample.cells for part in _split(cell, form.separator, known)}
    yield from _unknown(ids, parts, known | sampled, f"guesses outside the {rules.target.kind()}", form.separator)
    yield from _twice(ids, parts, "guesses")


def _split(cell: str, separator: str, known: Collection[str]) -> list[str]:
    return [cell] if cell in known else parts_of(cell, separator)


def _unknown(
    ids: Sequence[str], parts: Sequence[Sequence[str]], known: Collection[str], what: str, separator: str
) -> Iterator[Problem]:
    where: Rows = np.asarray([any(one not in known for one in row) for row in parts], bool)
    if where.any():
        names = sorted({one for row in parts for one in row if one not in known})
        others = [sign for sign in _SIGNS if sign != separator and all(_are_known(one, sign, known) for one in names)]
        hint = f" (the sample separates by {_SIGNS.get(separator, separator)})" if others else ""
        yield Problem(f"{what}: {first_three(names, len(names))}{hint}, of {named(ids, where)}")


def _are_known(text: str, sign: str, known: Collection[str]) -> bool:
    parts = parts_of(text, sign)
    return len(parts) > 1 and all(part in known for part in parts)


def _twice(ids: Sequence[str], parts: Sequence[Sequence[str]], what: str) -> Iterator[Problem]:
    where: Rows = np.asarray([len(set(row)) < len(row) for row in parts], bool)
    if where.any():
        yield Problem(f"{what} named twice, of {named(ids, where)}")


Range = tuple[float | NDArray[np.float64], float | NDArray[np.float64]]


def _training_range(target: Target, columns: Collection[str]) -> Range | None:
    """Find the range of the training values, by column; None where rows are of different values."""
    if isinstance(target, Values):
        if len(columns) != len(target.names):
            return min(target.lowest), max(target.highest)
        order = [target.names.index(name) if name in target.names else index for index, name in enumerate(columns)]
        return np.asarray(target.lowest)[order], np.asarray(target.highest)[order]
    numbers = [float(number) for name in target.names if (number := number_of(name)) is not None]
    return (min(numbers), max(numbers)) if numbers else None


def _number_findings(
    ids: Sequence[str], values: pd.DataFrame, blank: Rows, allowed: Range | None, what: str = ""
) -> list[Problem]:
    """Find values that are not numbers, and those outside the allowed range; None allows all."""
    numbers = _numbers(values)
    strange: Rows = ~np.isfinite(numbers).all(axis=1) & ~blank
    findings = []
    if strange.any():
        findings.append(Problem(f"values that are no numbers, NaN or infinite, of {named(ids, strange)}"))
    if allowed is None:
        return findings
    outside = _is_outside(numbers, *allowed)
    if outside.any():
        column = int(np.flatnonzero(outside.any(axis=0))[0])
        low, high = (float(np.broadcast_to(np.asarray(end), numbers.shape[1:])[column]) for end in allowed)
        where = f" in column {values.columns[column]}" if what and len(values.columns) > 1 else ""
        rows: Rows = np.asarray(outside[:, column] if where else outside.any(axis=1))
        text = f"values outside {what}[{low:.9g}, {high:.9g}]{where}, of {named(ids, rows)}"
        findings.append(Problem(text, doubt=RANGE))
    return findings


def _sum_findings(ids: Sequence[str], values: pd.DataFrame, rules: Rules) -> list[Problem]:
    """Doubt probabilities of classes that do not sum to one, where the metric is of shares."""
    if rules.metric not in _SUMMED or not rules.target.is_partition or not rules.cells.form.is_wide:
        return []
    sums = _numbers(values).sum(axis=1)
    apart: Rows = np.isfinite(sums) & (np.abs(sums - 1) > _ROUNDED)
    if not apart.any():
        return []
    first = float(sums[apart][0])
    return [Problem(f"probabilities that do not sum to 1 but to {first:.4g}, of {named(ids, apart)}", doubt=SUM)]


def _numbers(values: pd.DataFrame) -> NDArray[np.float64]:
    """Parse strings as numbers; NaN for others."""
    return np.asarray(values.apply(pd.to_numeric, errors="coerce"), np.float64)


def _is_outside(numbers: NDArray[np.float64], low: object, high: object) -> NDArray[np.bool_]:
    """Mark numbers outside a range, by more than float32 rounds; other values are not marked."""
    lowest, highest = np.asarray(low, np.float64), np.asarray(high, np.float64)
    spare = np.where((lowest == 0) & (highest == 1), 0, _SPAN * (highest - lowest))
    return np.asarray(np.isfinite(numbers) & ((numbers < lowest - spare) | (numbers > highest + spare)))


def _are_texts(values: pd.DataFrame) -> bool:
    """Whether no value is a number, so that values are names of classes."""
    return bool(np.isnan(_numbers(values)).all())


def _are_whole(values: pd.Series[str]) -> bool:
    return bool(values.str.fullmatch(r"[+-]?\d+").all())
