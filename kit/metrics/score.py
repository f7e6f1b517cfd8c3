"""A metric, and what it says of predictions."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kit.errors import require
from kit.metrics.checks import check_labels, check_shapes, check_tags, check_target, check_weights

Direction = Literal["max", "min"]
TargetName = Literal["classes", "tags", "grades", "values"]
Judges = Literal["probabilities", "decisions", "ranks", "numbers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Value of a metric.

    Attributes:
        value: One number; of a metric of columns, the mean of those that have a value. NaN where none has, where there
            are no examples, and where a prediction is not a number.
        left_out: Columns without a value, by name or by index where names were not given; no part of the mean.
    """

    value: float
    left_out: tuple[str | int, ...] = ()


def known(value: float) -> float | None:
    """Return a value of a metric, or None where it has none, which is NaN."""
    return None if math.isnan(value) else float(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """How predictions are judged.

    Arrays of n examples are, by target:

    - classes and grades: truth int [n], indices; probabilities float [n, P], P >= 2, also for two classes; decisions
      int [n], negative where an output was not a number; ranks int [n, k], the best guess first. Grades may be judged
      as numbers, too: float [n].
    - tags: truth bool or 0 and 1 [n, T]; probabilities float [n, T]; decisions bool or 0 and 1 [n, T].
    - values: truth and numbers float [n, k]; as nothing is decided about them, their decisions are the numbers.

    Attributes:
        name: Name as asked for, such as "map@5", "samples_f2" or "score.py:kappa2".
        function: Function of truth, prediction and weights, float [n] or None; it returns a number, or one for each
            column, NaN where a column has none.
        direction: "max" if higher is better, else "min".
        targets: Targets that it is for: some of "classes", "tags", "grades" and "values".
        judges: Kind of predictions that it takes: "probabilities", "decisions", "ranks" or "numbers".
        guesses: Number of guesses that count, k of map@k and top@k; 0 for other metrics.
        takes_columns: Whether the function takes the columns' names, too, as `columns`.
    """

    name: str
    function: Callable[..., float | NDArray[np.float64]]
    direction: Direction
    targets: frozenset[TargetName]
    judges: Judges
    guesses: int = 0
    takes_columns: bool = False

    @property
    def needs_all(self) -> bool:
        """Whether it needs the probability of every class, not only those of the likeliest."""
        return self.judges == "probabilities"

    @property
    def worst(self) -> float:
        """Number that every score is better than: infinity or minus infinity."""
        return -math.inf if self.direction == "max" else math.inf

    @property
    def summary(self) -> str:
        """First sentence of the function's docstring; empty if it has none."""
        function = self.function.func if isinstance(self.function, partial) else self.function
        return (inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " ")

    def score(
        self, truth: ArrayLike, prediction: ArrayLike, weights: ArrayLike | None = None, *, columns: Sequence[str] = ()
    ) -> Score:
        """Judge predictions; see the class for shapes and types.

        Args:
            truth: True labels.
            prediction: Predictions of the kind that the metric judges.
            weights: Weights of the examples, float [n]; None counts each once.
            columns: Names of the classes, tags or values. Without them, labels of 0 and 1 alone are taken for those of
                two classes.

        Raises:
            SpecError: Arrays do not fit each other or the metric; or a metric of one's own fails.
        """
        true, given = np.asarray(truth), np.asarray(prediction)
        check_target(self.name, self.targets, true)
        check_shapes(self.name, self.judges, true, given)
        if self._are_tags(true):
            check_tags(self.name, self.judges, true, given)
        check_labels(self.name, self.judges, true, given, columns)
        weigh = check_weights(self.name, weights, len(true))
        if not given.size or self._lacks_some(true, given):
            return Score(value=math.nan)
        if true.dtype.kind in "ub" and true.ndim == 1:
            true = true.astype(np.int64)  # an index
        if given.dtype.kind == "u":
            given = given.astype(np.int64)  # older NumPy counts no unsigned indices
        return self.score_checked(true, given, weigh, columns=columns)

    def score_checked(
        self,
        truth: NDArray[Any],
        prediction: NDArray[Any],
        weights: NDArray[np.float64] | None,
        *,
        columns: Sequence[str] = (),
    ) -> Score:
        """Judge arrays that are known to be right, without the checks of `score`, as a search does thousands of times.

        Args:
            truth: True labels; indices are signed.
            prediction: Predictions of the kind that the metric judges, none of them missing; indices are signed.
            weights: Weights of the examples, float64 [n]; None counts each once.
            columns: Names of the classes, tags or values.
        """
        names = {"columns": tuple(columns)} if self.takes_columns else {}
        return _mean(self.name, np.asarray(self.function(truth, prediction, weights, **names), np.float64), columns)

    def is_better(self, value: float, other: float) -> bool:
        """Whether a value is better than another one; NaN is better than nothing, and all else better than NaN."""
        if math.isnan(value) or math.isnan(other):
            return not math.isnan(value)
        return value > other if self.direction == "max" else value < other

    def best_index(self, values: Sequence[float]) -> int | None:
        """Index of the best value, the first of equals; None where none is a number."""
        best = None
        for index, value in enumerate(values):
            if self.is_better(value, math.nan if best is None else values[best]):
                best = index
        return best

    def _are_tags(self, truth: NDArray[Any]) -> bool:
        """Tell tags from values, which have the same shape; a metric of one's own may be for both."""
        return truth.ndim == 2 and (self.judges == "probabilities" or "values" not in self.targets)  # noqa: PLR2004

    def _lacks_some(self, truth: NDArray[Any], prediction: NDArray[Any]) -> bool:
        """Return whether a prediction is not a number, or a decision missing."""
        if prediction.dtype.kind == "f":
            return not np.isfinite(prediction).all()
        are_decisions = self.judges != "numbers" and (truth.ndim == 1 or self._are_tags(truth))
        return are_decisions and prediction.dtype.kind == "i" and bool(prediction.min() < 0)


def _mean(name: str, values: NDArray[np.float64], columns: Sequence[str]) -> Score:
    if values.ndim == 0:
        return Score(value=float(values))
    require(
        not columns or len(columns) == len(values),
        f"metric '{name}' has {len(values)} columns, but {len(columns)} were named",
    )
    undefined = np.isnan(values)
    names = columns or range(len(values))
    left_out = tuple(names[index] for index in np.flatnonzero(undefined).tolist())
    return Score(value=math.nan if undefined.all() else float(values[~undefined].mean()), left_out=left_out)
