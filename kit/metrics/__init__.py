"""Placeholder until the registry is merged; the names and signatures are the registry's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True, slots=True)
class Score:
    """Figure of a metric, and the columns that have none."""

    value: float
    left_out: tuple[str | int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Metric:
    """Metric by name."""

    name: str
    function: Callable[..., Any]
    direction: Literal["max", "min"]
    targets: frozenset[str]
    judges: Literal["probabilities", "decisions", "ranks", "numbers"]
    guesses: int = 0
    needs_all: bool = False

    def score(self, truth: Any, prediction: Any, weights: Any = None, *, columns: Sequence[str] = ()) -> Score:
        """Compute."""
        del weights, columns
        return Score(float(self.function(truth, prediction)))


def find_metric(metric: Any) -> Metric:
    """Find by name."""
    if isinstance(metric, Metric):
        return metric
    if metric == "rmse":
        return Metric(
            name="rmse",
            function=lambda t, p: np.sqrt(np.mean((t - p) ** 2)),
            direction="min",
            targets=frozenset({"values", "grades"}),
            judges="numbers",
        )
    return Metric(
        name=metric,
        function=lambda t, p: float(np.mean(np.asarray(t) == p)),
        direction="max",
        targets=frozenset({"classes", "tags", "grades"}),
        judges="decisions",
    )
