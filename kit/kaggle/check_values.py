"""Checks of a submission's cells against what the dataset's target and the sample submission allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.errors import first_three
from kit.submission.cells import Cells
from kit.submission.form import Sample
from kit.targets import Target
from kit.targets.cells.odd import OddCells, Rows, odd_guesses
from kit.targets.cells.target_cells import Range

CONSTANT, RANGE, SUM, ORDER, KNOWN = "constant", "range", "sum", "order", "known"
_ROUNDED = 0.01  # difference of a sum from one that rounded probabilities of many classes may have
_SPAN = 1e-6  # share of the training range by which a float32 number may leave it
_SUMMED = ("log_loss", "weighted_log_loss")  # metrics of shares that sum to one


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
        return [self.cells.spelling.write(name) for name in self.target.names]

    @property
    def may_be_blank(self) -> bool:
        """Whether a cell without tags is empty."""
        return self.cells.are_joined and not self.target.word_for_none and self.sample.has_blanks


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
    holds = cells.form.holds
    if holds == "numbers":
        return _number_findings(ids, values, blank, target.number_range(list(values.columns)), "the training range ")
    if cells.has_each or (holds == "probabilities" and not target.is_pair):
        return [*_chance_findings(ids, values, asked, blank), *_sum_findings(ids, values, rules)]
    filled = values.iloc[:, 0].tolist()
    is_named = set(filled) - {""} <= set(rules.names) or _are_texts(asked) or _are_texts(values)
    if target.is_pair and not is_named:  # a probability says as much
        return _chance_findings(ids, values, asked, blank)
    return [_problem(odd, ids) for odd in _odd_cells(filled, rules)]


def _odd_cells(filled: Sequence[str], rules: Rules) -> Iterable[OddCells]:
    """Find cells that are none of the target's decisions or guesses."""
    cells, target, sampled = rules.cells, rules.target, rules.sample.filled
    if cells.form.holds != "ranks":
        return target.odd_cells(filled, cells.spelling, sampled)
    return odd_guesses(filled, target.names, cells.spelling, sampled, target.kind(), guesses=cells.form.guesses)


def _problem(odd: OddCells, ids: Sequence[str]) -> Problem:
    return Problem(odd.what if odd.rows is None else f"{odd.what}, of {named(ids, odd.rows)}")


def _chance_findings(ids: Sequence[str], values: pd.DataFrame, asked: pd.DataFrame, blank: Rows) -> list[Problem]:
    """Find values that are no probabilities, unless the sample has others too."""
    is_free = bool(_is_outside(_numbers(asked), 0, 1).any())
    return _number_findings(ids, values, blank, None if is_free else (0, 1))


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
