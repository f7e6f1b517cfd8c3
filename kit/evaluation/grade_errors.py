"""Distances between true and decided grades, and the expected grade of each true one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_TWO = 2  # images, the fewest that spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Distances:
    """Images by distance in grades between the true and the decided one.

    Attributes:
        too_low: Images whose decided grade is so many grades below the true one, int [grades]; none at distance 0.
        right: Images whose decided grade is the true one.
        too_high: Images whose decided grade is so many grades above the true one, int [grades]; none at distance 0.
    """

    too_low: NDArray[np.int64]
    right: int
    too_high: NDArray[np.int64]

    @property
    def images(self) -> NDArray[np.int64]:
        """Images at each distance, int [grades]."""
        counts = self.too_low + self.too_high
        counts[0] = self.right
        return counts

    @property
    def shares(self) -> NDArray[np.float64]:
        """Shares of all images at each distance, float [grades]; NaN without images."""
        counts = self.images
        return counts / (counts.sum() or np.nan)

    @property
    def cumulative(self) -> NDArray[np.float64]:
        """Shares of all images at most so far apart, float [grades]; NaN without images."""
        counts = np.cumsum(self.images)
        return counts / (counts[-1] or np.nan)

    @property
    def mean(self) -> float | None:
        """Mean distance in grades; None without images."""
        counts = self.images
        total = int(counts.sum())
        return float(counts @ np.arange(len(counts)) / total) if total else None

    @property
    def farthest(self) -> int:
        """Largest distance that occurs; 0 without images."""
        return int(np.flatnonzero(self.images).max(initial=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedGrade:
    """Expected grades of the images of one true grade.

    Attributes:
        grade: Index of the true grade.
        images: Number of images with an expected grade.
        mean: Mean; None without images.
        sd: Standard deviation with n - 1; None of fewer than two images.
        quartiles: Lower quartile, median and upper quartile; None without images.
    """

    grade: int
    images: int
    mean: float | None
    sd: float | None
    quartiles: tuple[float, float, float] | None

    @property
    def bias(self) -> float | None:
        """Mean less the true grade; None without images."""
        return None if self.mean is None else self.mean - self.grade


def grade_distances(confusion: NDArray[np.int64]) -> Distances:
    """Count images by distance between the true and the decided grade.

    Args:
        confusion: Int [grades, grades]; rows are the true grades.
    """
    grades = len(confusion)
    sums = [(int(np.trace(confusion, -apart)), int(np.trace(confusion, apart))) for apart in range(1, grades)]
    too_low, too_high = np.array([(0, 0), *sums], np.int64).T
    return Distances(too_low=too_low, right=int(np.trace(confusion)), too_high=too_high)


def expected_grades(truth: NDArray[np.int32], numbers: NDArray[np.float64], grades: int) -> list[ExpectedGrade]:
    """Summarise the expected grades of each true grade; those that are not numbers are left out.

    Args:
        truth: True grades, int32 [n].
        numbers: Expected grades, float64 [n].
        grades: Number of grades.
    """
    return [_expected(grade, given) for grade, given in enumerate(numbers_by_grade(truth, numbers, grades))]


def numbers_by_grade(truth: NDArray[np.int32], numbers: NDArray[np.float64], grades: int) -> list[NDArray[np.float64]]:
    """Divide the expected grades by true grade, without those that are not numbers.

    Args:
        truth: True grades, int32 [n].
        numbers: Expected grades, float64 [n].
        grades: Number of grades.
    """
    finite = np.isfinite(numbers)
    return [numbers[finite & (truth == grade)] for grade in range(grades)]


def _expected(grade: int, given: NDArray[np.float64]) -> ExpectedGrade:
    images = len(given)
    return ExpectedGrade(
        grade=grade,
        images=images,
        mean=float(given.mean()) if images else None,
        sd=float(given.std(ddof=1)) if images >= _TWO else None,
        quartiles=_quartiles(given) if images else None,
    )


def _quartiles(given: Sequence[float] | NDArray[np.float64]) -> tuple[float, float, float]:
    low, middle, high = np.quantile(given, (0.25, 0.5, 0.75))
    return float(low), float(middle), float(high)
