"""Measures of predicted values beside the true ones."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from kit.evaluation.measures import Measures
from kit.evaluation.value_errors import (
    QuantileErrors,
    ValueErrors,
    WorstValue,
    quantile_errors,
    value_errors,
    worst_values,
)
from kit.targets.values import Values


@dataclass(frozen=True, kw_only=True)
class ValueMeasures(Measures):
    """Measures of predictions of values; see `Measures`."""

    kind: ClassVar[str] = "values"

    @property
    def target(self) -> Values:
        """Values that are predicted, with their standard deviations over all labelled images of the dataset."""
        return cast("Values", self.scores.target)

    @functools.cached_property
    def errors(self) -> list[ValueErrors]:
        """Errors of each value."""
        return value_errors(self.names, self.scores.labels, self.scores.outputs)

    @functools.cached_property
    def by_quantile(self) -> list[QuantileErrors]:
        """Errors of each value by quantile of its truth."""
        return quantile_errors(self.names, self.scores.labels, self.scores.outputs)

    @functools.cached_property
    def worst(self) -> list[WorstValue]:
        """All images by the largest error in standard deviations, descending; those that are not numbers come last."""
        return worst_values(self.scores.labels, self.scores.outputs, self.target.deviation)

    def hardest(self, most: int) -> list[int]:
        """Choose the values with the largest RMSE in standard deviations, descending; all in the target's order.

        Args:
            most: Number of values.
        """
        sizes = [
            (one.rmse or 0.0) / deviation for one, deviation in zip(self.errors, self.target.deviation, strict=True)
        ]
        indices = range(len(sizes))
        return list(indices) if len(indices) <= most else sorted(indices, key=lambda index: -sizes[index])[:most]

    def figures(self) -> dict[str, Any]:
        """All but the images; NaN becomes null in evaluation.json."""
        return {**super().figures(), "errors": self.errors, "errors_by_quantile": self.by_quantile}
