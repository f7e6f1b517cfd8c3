"""Whether arrays are what a metric takes: said in a sentence before anything is computed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kit.errors import SpecError, require

_TAKES = {
    "probabilities": "probabilities, [n, P >= 2] beside truth [n], or [n, tags] beside truth [n, tags]",
    "ranks": "ranks, [n, guesses], the best first, beside truth [n]",
    "decisions": "decisions of the shape of truth, [n], or [n, tags]",
    "numbers": "numbers of the shape of truth, [n] or [n, columns]",
}


def check_target(name: str, targets: Collection[str], truth: NDArray[Any]) -> None:
    """Check that the truth's shape is that of a target which the metric is for, and that none of it is missing.

    Raises:
        SpecError: It is not, or some is.
    """
    shapes = {1: ("classes", "grades"), 2: ("tags", "values")}
    if not set(shapes.get(truth.ndim, ())) & set(targets):
        raise SpecError(f"metric '{name}' is for {' and '.join(sorted(targets))}; got truth {list(truth.shape)}")
    if truth.dtype.kind == "f" and not np.isfinite(truth).all():
        raise SpecError(f"metric '{name}' takes numbers as truth, but it holds {_first(truth, ~np.isfinite(truth))}")


def check_tags(name: str, judges: str, truth: NDArray[Any], prediction: NDArray[Any]) -> None:
    """Check that tags, and decisions about them, are 0 and 1, or -1 where a decision is missing.

    Raises:
        SpecError: They are not.
    """
    for kind, tags in (("truth", truth), *([("prediction", prediction)] if judges == "decisions" else [])):
        others = (tags != 0) & (tags != 1) & ((tags != -1) | (kind == "truth"))
        require(not others.any(), f"metric '{name}' takes tags of 0 and 1, but {kind} holds {_first(tags, others)}")


def check_shapes(name: str, judges: str, truth: NDArray[Any], prediction: NDArray[Any]) -> None:
    """Check that truth and prediction are of as many examples, and of the shapes that the metric takes.

    Raises:
        SpecError: They are not.
    """
    if not _fits(judges, truth, prediction):
        raise SpecError(
            f"metric '{name}' judges {_TAKES[judges]}; got truth {list(truth.shape)} and prediction"
            f" {list(prediction.shape)}"
        )


def check_labels(name: str, judges: str, truth: NDArray[Any], prediction: NDArray[Any], columns: Sequence[str]) -> None:
    """Check that labels, and decisions about them, are indices of classes.

    Raises:
        SpecError: They are not whole numbers, or larger than there are classes.
    """
    if judges == "numbers" or truth.ndim == 2 or not truth.size:  # noqa: PLR2004 (tags or values)
        return
    classes = prediction.shape[1] if judges == "probabilities" else len(columns)
    for kind, labels in (("truth", truth), *([] if judges == "probabilities" else [("prediction", prediction)])):
        require(labels.dtype.kind in "iub", f"metric '{name}' takes whole numbers as {kind}, got {labels.dtype}")
        largest = int(labels.max()) if labels.size else 0
        require(
            not classes or largest < classes,
            f"metric '{name}' has {classes} classes, 0 to {classes - 1}, but {kind} holds {largest}",
        )
    require(int(truth.min()) >= 0, f"metric '{name}' takes labels from 0, but truth holds {int(truth.min())}")


def check_weights(name: str, weights: ArrayLike | None, examples: int) -> NDArray[np.float64] | None:
    """Check weights and make them float64 [n].

    Raises:
        SpecError: They are not as many as the examples, or one is negative or not a number.
    """
    if weights is None:
        return None
    checked = np.asarray(weights, np.float64)
    require(
        checked.shape == (examples,),
        f"metric '{name}' takes one weight for each of {examples} examples, got {list(checked.shape)}",
    )
    require(bool((checked >= 0).all() and np.isfinite(checked).all()), f"metric '{name}' takes weights from 0, finite")
    return checked


def _first(values: NDArray[Any], marks: NDArray[np.bool_]) -> str:
    return str(values[marks][0]) if marks.any() else ""


def _fits(judges: str, truth: NDArray[Any], prediction: NDArray[Any]) -> bool:
    if truth.ndim not in {1, 2} or not prediction.ndim or len(truth) != len(prediction):
        return False
    if truth.ndim == 1 and judges == "probabilities":
        return prediction.ndim == 2 and prediction.shape[1] >= 2  # noqa: PLR2004 (classes)
    if judges == "ranks":
        return truth.ndim == 1 and prediction.ndim == 2  # noqa: PLR2004
    return truth.shape == prediction.shape
