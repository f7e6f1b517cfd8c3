"""Errors of predicted values: of each value, by quantile of the truth, and the worst images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.metrics.regression import mae, r2, rmse, spearman
from kit.metrics.score import known

QUANTILES = 5  # parts that the truth is divided into


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueErrors:
    """Errors of one value over n images; each is None where it has no number.

    Attributes:
        name: Name of the value.
        images: Number of images whose prediction is a number.
        mean: Mean of the truth.
        bias: Mean of prediction less truth.
        rmse: Root of the mean squared error.
        mae: Mean absolute error.
        r2: Coefficient of determination.
        spearman: Spearman's correlation of ranks.
    """

    name: str
    images: int
    mean: float | None
    bias: float | None
    rmse: float | None
    mae: float | None
    r2: float | None
    spearman: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileErrors:
    """Errors of one value over the images of one quantile of the truth.

    Attributes:
        name: Name of the value.
        lowest: Smallest true value in it.
        highest: Largest true value in it.
        images: Number of images.
        bias: Mean of prediction less truth.
        mae: Mean absolute error.
        rmse: Root of the mean squared error.
    """

    name: str
    lowest: float
    highest: float
    images: int
    bias: float
    mae: float
    rmse: float


@dataclass(frozen=True, slots=True)
class WorstValue:
    """The value of an image with the largest error, in standard deviations of the truth.

    Attributes:
        image: Index of the image.
        column: Index of the value.
    """

    image: int
    column: int


def value_errors(
    names: Sequence[str], truth: NDArray[np.float32], predictions: NDArray[np.float32]
) -> list[ValueErrors]:
    """Compute the errors of each value; predictions that are not numbers are left out.

    Args:
        names: Names of the k values.
        truth: Float32 [n, k].
        predictions: Float32 [n, k].
    """
    return [_errors(name, *finite_pair(truth, predictions, column)) for column, name in enumerate(names)]


def quantile_errors(
    names: Sequence[str], truth: NDArray[np.float32], predictions: NDArray[np.float32], parts: int = QUANTILES
) -> list[QuantileErrors]:
    """Compute the errors of each value by quantile of its truth, ascending.

    Equal true values are never divided, so that parts differ in size, or are fewer, where many are equal.

    Args:
        names: Names of the k values.
        truth: Float32 [n, k].
        predictions: Float32 [n, k]; those that are not numbers are left out.
        parts: Number of parts, five for quintiles.
    """
    found = []
    for column, name in enumerate(names):
        true, given = finite_pair(truth, predictions, column)
        indices = _parts(true, parts)
        found += [_quantile(name, true[indices == index], given[indices == index]) for index in np.unique(indices)]
    return found


def worst_values(
    truth: NDArray[np.float32], predictions: NDArray[np.float32], deviations: Sequence[float]
) -> list[WorstValue]:
    """List the images by error, the largest first, each with its worst value; those that are not numbers come last.

    Errors are divided by the standard deviation of their value, so that values of different units compare.

    Args:
        truth: Float32 [n, k].
        predictions: Float32 [n, k].
        deviations: Standard deviation of each value.
    """
    finite = np.isfinite(predictions)
    errors = np.abs(np.where(finite, predictions, np.inf) - truth.astype(np.float64)) / np.asarray(deviations)
    columns = errors.argmax(axis=1)
    largest = np.where(finite.all(axis=1), errors.max(axis=1), -1.0)
    order = np.argsort(-largest, kind="stable")
    return [WorstValue(int(image), int(columns[image])) for image in order]


def finite_pair(
    truth: NDArray[np.float32], predictions: NDArray[np.float32], column: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Select one value of the images whose prediction of it is a number: truth and prediction, float64 [images].

    Args:
        truth: Float32 [n, k].
        predictions: Float32 [n, k].
        column: Index of the value.
    """
    finite = np.isfinite(predictions[:, column])
    return truth[finite, column].astype(np.float64), predictions[finite, column].astype(np.float64)


def _errors(name: str, true: NDArray[np.float64], given: NDArray[np.float64]) -> ValueErrors:
    images = len(true)
    figures = {
        "mean": true.mean() if images else np.nan,
        "bias": (given - true).mean() if images else np.nan,
        **{each.__name__: each(true, given) if images else np.nan for each in (rmse, mae, r2, spearman)},
    }
    numbers = {key: known(float(value)) for key, value in figures.items()}
    return ValueErrors(name=name, images=images, **numbers)


def _quantile(name: str, true: NDArray[np.float64], given: NDArray[np.float64]) -> QuantileErrors:
    return QuantileErrors(
        name=name,
        lowest=float(true.min()),
        highest=float(true.max()),
        images=len(true),
        bias=float((given - true).mean()),
        mae=float(mae(true, given)),
        rmse=float(rmse(true, given)),
    )


def _parts(true: NDArray[np.float64], parts: int) -> NDArray[np.intp]:
    """Number the part of each true value, int [n]: that in which the middle of its equals lies."""
    _, indices, counts = np.unique(true, return_inverse=True, return_counts=True)
    middles = (np.cumsum(counts) - counts / 2) / max(len(true), 1)
    return (middles * parts).astype(np.intp)[indices]
