"""Significance level of all tests, confidence level of all intervals, and Holm's correction for several tests."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

LEVEL = 0.05  # probability of a false positive
CONFIDENCE = f"{100 * (1 - LEVEL):g} %"  # label of intervals in tables and plots

Name = TypeVar("Name", bound=Hashable)


def holm(p: Mapping[Name, float], comparisons: int | None = None) -> dict[Name, float]:
    """Correct for several tests (Holm 1979), controlling the probability of any false positive among them.

    Args:
        p: P values by the name of the test.
        comparisons: Total number of comparisons; those beyond `p` could not be tested, and count as p = 1.
    """
    if not p:
        return {}
    from statsmodels.stats.multitest import multipletests

    missing = (len(p) if comparisons is None else comparisons) - len(p)
    corrected = multipletests([*p.values(), *[1.0] * missing], method="holm")[1]
    return {name: float(value) for name, value in zip(p, corrected, strict=False)}
