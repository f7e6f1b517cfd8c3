"""Errors and correlations of numbers; of several columns, the mean over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics.averages import ImageWeights, ScoreValues, centred, mean, ratio
from kit.metrics.declaration import registered
from kit.metrics.forms import Form, Weights, by_means, cell_sums, split_terms

_NUMBERS = frozenset({"values", "grades"})


def _squares(truth: NDArray[Any], numbers: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(_errors(truth, numbers) ** 2)


def _absolutes(truth: NDArray[Any], numbers: NDArray[Any]) -> NDArray[np.float64]:
    return np.abs(_errors(truth, numbers))


def _moments_of_errors(truth: NDArray[Any], numbers: NDArray[Any]) -> NDArray[np.float64]:
    true = centred(truth, None)
    return _side_by_side(_squares(truth, numbers), true, true**2)


def _explained(means: NDArray[np.float64]) -> Any:
    errors, true, squares = split_terms(means, 3)
    return 1 - ratio(errors, _spread(true, squares))


def _products(truth: NDArray[Any], numbers: NDArray[Any]) -> NDArray[np.float64]:
    true, given = (centred(each.astype(np.float64), None) for each in (truth, numbers))
    return _side_by_side(true, given, true**2, given**2, true * given)


def _correlation(means: NDArray[np.float64]) -> Any:
    true, given, trues, givens, products = split_terms(means, 5)
    spreads = np.sqrt(_spread(true, trues)) * np.sqrt(_spread(given, givens))
    return np.clip(ratio(products - true * given, spreads), -1, 1)


def _spread(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the variance from the means of numbers and of their squares; 0 where only rounding is left."""
    spread = second - first**2
    return np.where(spread > _ROUNDING * second, spread, 0)


_ROUNDING = 1e-12  # share of the squares that their rounding may come to


def _side_by_side(*terms: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([each.reshape(len(each), -1) for each in terms], axis=1)


@registered("rmse", direction="min", judges="numbers", targets=_NUMBERS, form_of_weights=by_means(_squares, np.sqrt))
def rmse(truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Root of the mean squared error, the mean over the columns.

    Lower is better; values and grades; judges numbers.

    √ mean (t - x)² of each column. Used by petfinder-pawpularity-score.
    """
    return np.sqrt(mean(_errors(truth, numbers) ** 2, weights))  # type: ignore[no-any-return]


@registered("mae", direction="min", judges="numbers", targets=_NUMBERS, form_of_weights=by_means(_absolutes))
def mae(truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Mean absolute error, the mean over the columns.

    Lower is better; values and grades; judges numbers.

    Mean |t - x| of each column.
    """
    return mean(np.abs(_errors(truth, numbers)), weights)  # type: ignore[no-any-return]


@registered("r2", judges="numbers", targets=_NUMBERS, form_of_weights=by_means(_moments_of_errors, _explained))
def r2(truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Coefficient of determination: share of the variance that is explained, the mean over the columns.

    Higher is better, at most 1, 0 for the mean of the truth; values and grades; judges numbers.

    1 - mean (t - x)² / variance of t, of each column. A column that is constant has none and is left out.
    """
    return 1 - ratio(mean(_errors(truth, numbers) ** 2, weights), mean(centred(truth, weights) ** 2, weights))  # type: ignore[no-any-return]


@registered("pearson", judges="numbers", targets=_NUMBERS, form_of_weights=by_means(_products, _correlation))
def pearson(truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Pearson's correlation, the mean over the columns.

    Higher is better, from -1 to 1; values and grades; judges numbers.

    Covariance / √(product of the variances), of each column (Pearson 1895, doi:10.1098/rspl.1895.0041). A column whose
    truth or predictions are constant has none and is left out.
    """
    true, given = centred(truth, weights), centred(numbers, weights)
    spreads = np.sqrt(mean(true**2, weights)) * np.sqrt(mean(given**2, weights))
    return np.asarray(np.clip(ratio(mean(true * given, weights), spreads), -1, 1))


def _by_ranks(truth: NDArray[Any], numbers: NDArray[Any]) -> Form:
    """Make the form of Spearman's correlation: Pearson's of the ranks that each weighting gives."""
    columns = [(true, given) for true, given in zip(_columns(truth), _columns(numbers), strict=True)]
    ranked = [(_rank_form(true), _rank_form(given)) for true, given in columns]

    def values(weights: Weights) -> NDArray[np.float64]:
        total = weights.sum(axis=0)
        return np.stack([_correlated(true(weights), given(weights), weights, total) for true, given in ranked])

    return Form(values, _RANKED * truth.size)


_RANKED = 60  # nanoseconds of a number that is ranked


def _columns(numbers: NDArray[Any]) -> Iterable[NDArray[Any]]:
    return numbers[:, None].T if numbers.ndim == 1 else numbers.T


def _rank_form(column: NDArray[Any]) -> Callable[[Weights], NDArray[np.float64]]:
    """Prepare the ranks of a column at weights [n, b], less the half of all weights."""
    distinct, indices = np.unique(column, return_inverse=True)
    sums = cell_sums(indices, len(distinct))

    def ranks(weights: Weights) -> NDArray[np.float64]:
        counts = np.ascontiguousarray((sums @ weights).T)
        middle = np.cumsum(counts, axis=1) - counts / 2 - counts.sum(axis=1, keepdims=True) / 2
        return np.ascontiguousarray(middle.T)[indices]

    return ranks


def _correlated(
    true: NDArray[np.float64], given: NDArray[np.float64], weights: Weights, total: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Correlate ranks [n, b] whose weighted means are 0, as those of mid-ranks less the half are."""
    weighed = weights * true
    products = [np.einsum("ij,ij->j", *pair) for pair in ((weighed, true), (weighed, given), (weights * given, given))]
    (trues, both, givens) = (ratio(each, total) for each in products)
    return np.asarray(np.clip(ratio(both, np.sqrt(trues) * np.sqrt(givens)), -1, 1))


@registered("spearman", judges="numbers", targets=_NUMBERS, form_of_weights=_by_ranks)
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
