"""Votes: what each model decides, weighed, and what decides where the votes for two answers are equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.errors import option, require
from kit.targets import Decision, Target, Truth
from kit.targets.common_columns import CommonColumns
from kit.targets.tags import EVEN

_TWO = 2  # classes
_TIE = 2.0**-20  # share of all weights: votes that differ by less are equal, and their predictions decide
_DIGITS = 13  # what is left of a mean after rounding: float32 predictions times the share, without the sum's noise


def votes(
    outputs: Sequence[NDArray[Any]], target: Target, stacked: CommonColumns, rules: Sequence[Decision]
) -> NDArray[np.float64]:
    """Turn each model's predictions into its vote: 1 for what it decides, else 0.

    Where votes are equal, the mean prediction by the same weights decides: each vote holds a millionth of how far the
    model's prediction is from the point at which it would decide otherwise. So the likelier of two classes wins, the
    grade that is nearer to the mean number, and a tag whose mean probability reaches the mean of its thresholds; and if
    these are equal, too, the first name.

    Args:
        outputs: Predictions of each model, of the same images in the same order.
        target: Target of the predictions.
        stacked: The same predictions in common columns.
        rules: Rule of each model's decisions.

    Returns:
        Float [models, n, names], or of the common columns of `stacked`.

    Raises:
        SpecError: About values nothing is decided.
    """
    require(
        target.is_counted, f"{option('average', 'vote')} counts what is decided, and values are numbers; average them"
    )
    decided = [target.decide(one, rule) for one, rule in zip(outputs, rules, strict=True)]
    marks = np.stack([ballots(one, target, stacked) for one in decided])
    margins = [_margins(values, target, rule) for values, rule in zip(stacked.values, rules, strict=True)]
    return np.asarray(marks + _TIE * np.stack(margins))


def tally(votes: NDArray[np.float64], weights: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Average votes with weights that sum to 1: float [models, n, names] to [n, names]; what is equal stays equal."""
    return np.asarray(np.tensordot(np.asarray(weights, np.float64), votes, axes=1).round(_DIGITS))


def ballots(decisions: Truth, target: Target, stacked: CommonColumns) -> NDArray[np.float64]:
    """Mark what was decided: float [n, names], or of the common columns of `stacked`, of 0 and 1."""
    if decisions.ndim > 1:
        return np.asarray(decisions, np.float64)
    names = np.arange(len(target.names)) if stacked.classes is None else stacked.classes
    return np.asarray(decisions[:, None] == names, np.float64)


def _margins(values: NDArray[np.float64], target: Target, rule: Decision) -> NDArray[np.float64]:
    """Measure how much a model's predictions favour each name: float [n, names] or [n, columns], from -1 to 1.

    Args:
        values: Predictions [n, columns] in the common columns; numbers where there is no probability of each name.
        target: Target of the predictions.
        rule: Rule of the model's decisions.
    """
    names = len(target.names)
    if not target.are_probabilities(values.shape[1]):
        return np.asarray(-np.abs(target.numbers(values)[:, None] - np.arange(names)) / names)
    if not target.is_partition:
        return np.asarray(values - (rule.thresholds or EVEN))
    if len(rule.thresholds) == 1 and values.shape[1] == _TWO:
        return np.asarray(values - [1 - rule.thresholds[0], rule.thresholds[0]])
    return values
