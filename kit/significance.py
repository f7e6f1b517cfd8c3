"""Significance level of all tests, confidence level of all intervals, and Holm's correction for several tests."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np

LEVEL = 0.05  # probability of a false positive
CONFIDENCE = f"{100 * (1 - LEVEL):g} %"  # label of intervals in tables and plots

Name = TypeVar("Name", bound=Hashable)


def holm(p: Mapping[Name, float], comparisons: int | None = None) -> dict[Name, float]:
    """Correct for several tests (Holm 1979), controlling the probability of any false positive among them.

    Args:
        p: P values by the name of the test.
        comparisons: Total number of comparisons; those beyond `p` could not be tested, and count as p = 1.
    """
    total = len(p) if comparisons is None else comparisons
    values = np.fromiter(p.values(), float, len(p))
    order = np.argsort(values)
    stepped = values[order] * np.arange(total, total - len(p), -1)
    values[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return dict(zip(p, values.tolist(), strict=True))
