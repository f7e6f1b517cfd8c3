"""The level of significance of every test, and the confidence of every interval."""

from __future__ import annotations

LEVEL = 0.05  # probability of a finding where there is nothing to find
CONFIDENCE = f"{100 * (1 - LEVEL):g} %"  # of intervals, as tables and pictures name it
