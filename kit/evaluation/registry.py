"""Finds the measures of a target: those of this package's modules whose names end in `_measures`."""

from __future__ import annotations

import functools

from kit.evaluation.measures import Measures
from kit.targets import Target
from kit.targets.kinds import classes_by_kind


def measures_of(target: Target) -> type[Measures]:
    """Return the measures of predictions of a target; those of every target where its kind has none of its own.

    Args:
        target: Target of the predictions.
    """
    return _by_kind().get(target.kind(), Measures)


@functools.cache
def _by_kind() -> dict[str, type[Measures]]:
    return classes_by_kind(Measures, "kit.evaluation", "_measures")
