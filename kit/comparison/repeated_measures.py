"""Repeated-measures analysis of variance: the subjects are seeds, each measured under every setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

_ROUNDING = 1e-6  # relative: Keras reports float32, with seven significant digits


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedMeasures:
    """Test of an effect against its own interaction with the seed.

    Attributes:
        f: Ratio of the effect's mean square to that of its interaction with the seed.
        df1: Degrees of freedom of the effect, with the Greenhouse-Geisser correction.
        df2: Degrees of freedom of its interaction with the seed, with the same correction.
        p: Probability of an F at least this large without an effect.
        share: Partial eta squared: sum of squares of the effect divided by the sum of its own and its interaction's.
    """

    f: float
    df1: float
    df2: float
    p: float
    share: float


def analyse_repeated(values: Floats, axes: Sequence[int]) -> RepeatedMeasures | None:
    """Test a main effect, or the interaction of several settings, within seeds.

    Figures of one seed are correlated: the momentum of batch norm, for instance, affects validation alone, so a seed's
    runs are copies of one training. The effect is therefore computed within each seed, as orthonormal contrasts of the
    seed's means, and tested against the variation of these contrasts over the seeds; anything common to the runs of a
    seed cancels. An effect of one degree of freedom is a paired t test (F = t²). For more, both degrees of freedom are
    multiplied by epsilon as estimated by Greenhouse & Geisser (1959, doi:10.1007/BF02289823, after Box 1954), because
    differences between levels need not vary alike.

    Args:
        values: Figures of every combination of levels, [seeds, levels of the first setting, levels of the second, ...];
            no NaN, at least two seeds.
        axes: Indices of the effect's settings, counted from 0 without the seeds; others are averaged over.

    Returns:
        Test result; None if the contrasts do not vary between seeds beyond rounding.
    """
    others = tuple(axis + 1 for axis in range(values.ndim - 1) if axis not in axes)
    means = values.mean(axis=others)
    contrasts: Floats = np.ones((1, 1))
    for levels in means.shape[1:]:
        contrasts = np.asarray(np.kron(contrasts, _contrasts(levels)), np.float64)
    found = means.reshape(len(means), -1) @ contrasts.T
    seeds, freedom = found.shape
    covariance = np.atleast_2d(np.cov(found, rowvar=False))
    error = float(np.trace(covariance))
    if error <= (_ROUNDING * float(np.abs(values).max())) ** 2:
        return None
    from scipy.stats import f as distribution

    effect = seeds * float(np.sum(found.mean(axis=0) ** 2))
    epsilon = error**2 / (freedom * float(np.sum(covariance**2)))
    df1, df2 = freedom * epsilon, freedom * epsilon * (seeds - 1)
    ratio = effect / error
    return RepeatedMeasures(
        f=ratio,
        df1=df1,
        df2=df2,
        p=float(distribution.sf(ratio, df1, df2)),
        share=effect / (effect + (seeds - 1) * error),
    )


def _contrasts(levels: int) -> Floats:
    """Orthonormal Helmert contrasts of a number of levels: [levels - 1, levels]."""
    from scipy.linalg import helmert

    return np.asarray(helmert(levels))
