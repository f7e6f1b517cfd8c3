"""Measures of predicted values beside the true ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kit.evaluation.measures import Measures


@dataclass(frozen=True, kw_only=True)
class ValueMeasures(Measures):
    """Measures of predictions of values; see `Measures`."""

    kind: ClassVar[str] = "values"
