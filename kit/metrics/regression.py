"""Errors and correlations of numbers; of several columns, the mean over them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics.averages import ImageWeights, ScoreValues, centred, mean, ratio
from kit.metrics.declaration import registered

_NUMBERS = frozenset({"values", "grades"})


@registered("rmse", direction="min", judges="numbers", targets=_NUMBERS)
def rmse(truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Root of the mean squared error, the mean over the columns.

    Lower is better; values and grades; judges numbers.

    √ mean (t - x)² of each column. Used by petfinder-pawpularity-score.
    """
    return np.sqrt(mean(_errors(truth, numbers) ** 2, weights))  # type: ignore[no-any-return]


@registered("mae", direction="min", judges="numbers", targets=_NUMBERS)
def mae(truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Mean absolute error, the mean over the columns.

    Lower is better; values and grades; judges numbers.

    Mean |t - x| of each column.
    """
    return mean(np.abs(_errors(truth, numbers)), weights)  # type: ignore[no-any-return]


@registered("r2", judges="numbers", targets=_NUMBERS)
def r2(truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Coefficient of determination: share of the variance that is explained, the mean over the columns.

    Higher is better, at most 1, 0 for the mean of the truth; values and grades; judges numbers.

    1 - mean (t - x)² / variance of t, of each column. A column that is constant has none and is left out.
    """
    return 1 - ratio(mean(_errors(truth, numbers) ** 2, weights), mean(centred(truth, weights) ** 2, weights))  # type: ignore[no-any-return]


@registered("pearson", judges="numbers", targets=_NUMBERS)
def pearson(truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Pearson's correlation, the mean over the columns.

    Higher is better, from -1 to 1; values and grades; judges numbers.

    Covariance / √(product of the variances), of each column (Pearson 1895, doi:10.1098/rspl.1895.0041). A column whose
    truth or predictions are constant has none and is left out.
    """
    true, given = centred(truth, weights), centred(numbers, weights)
    spreads = np.sqrt(mean(true**2, weights)) * np.sqrt(mean(given**2, weights))
    return np.asarray(np.clip(ratio(mean(true * given, weights), spreads), -1, 1))


@registered("spearman", judges="numbers", targets=_NUMBERS)
def spearman(truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Spearman's correlation of ranks, the mean over the columns.

    Higher is better, from -1 to 1; values and grades; judges numbers.

    Pearson's correlation of ranks, equal numbers having the mean of theirs (Spearman 1904, doi:10.2307/1412159). A
    column whose truth or predictions are constant has none and is left out.
    """
    return pearson(_ranks(truth, weights), _ranks(numbers, weights), weights)


def _errors(truth: NDArray[Any], numbers: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(truth.astype(np.float64) - numbers)


def _ranks(values: NDArray[Any], weights: ImageWeights) -> NDArray[np.float64]:
    """Rank each column; a weight counts as so many equal numbers."""
    if values.ndim == 1:
        return _mid_ranks(values, weights)
    return np.stack([_mid_ranks(column, weights) for column in values.T], axis=1)


def _mid_ranks(values: NDArray[Any], weights: ImageWeights) -> NDArray[np.float64]:
    distinct, indices = np.unique(values, return_inverse=True)
    counts = np.bincount(indices, weights, len(distinct))
    return np.asarray((np.cumsum(counts) - counts / 2)[indices], np.float64)
