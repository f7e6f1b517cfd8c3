"""The significance level of all tests, and the confidence level of all intervals."""

from __future__ import annotations

LEVEL = 0.05  # probability of a false positive
CONFIDENCE = f"{100 * (1 - LEVEL):g} %"  # label of intervals in tables and plots
