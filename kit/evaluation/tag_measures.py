"""Measures of predicted tags beside the true ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kit.evaluation.measures import Measures


@dataclass(frozen=True, kw_only=True)
class TagMeasures(Measures):
    """Measures of predictions of tags; see `Measures`."""

    kind: ClassVar[str] = "tags"
