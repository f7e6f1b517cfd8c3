"""Agreement beyond chance: Cohen's kappa, plain and quadratically weighted, and Matthews' correlation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics.averages import ImageWeights, ScoreValues, centred, mean, ratio
from kit.metrics.counts import count
from kit.metrics.declaration import LABELS, registered


@registered("kappa", judges="decisions", targets=LABELS)
def kappa(truth: NDArray[Any], decisions: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Cohen's kappa: agreement beyond that of decisions drawn at random with the same shares of classes.

    Higher is better, at most 1, 0 by chance; classes and grades; judges decisions.

    (o - e) / (1 - e), where o is the accuracy and e the one expected (Cohen 1960, doi:10.1177/001316446002000104). NaN
    where truth and decisions are one and the same class.
    """
    counts = count(truth, decisions, weights)
    if np.count_nonzero(counts.actual + counts.predicted) < 2:  # noqa: PLR2004 (classes)
        return np.nan
    total = counts.actual.sum()
    expected = ratio(counts.actual @ counts.predicted, total**2)
    return float(ratio(ratio(counts.hits.sum(), total) - expected, 1 - expected))


@registered("qwk", judges="decisions", targets=LABELS)
def qwk(truth: NDArray[Any], decisions: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Quadratic weighted kappa: one minus the squared distance of grades, as a share of that expected by chance.

    Higher is better, at most 1, 0 by chance; grades, and classes whose order means something; judges decisions.

    1 - mean (t - d)² / mean over all pairs of (t - d)², pairs of any image's truth and any one's decision (Cohen 1968,
    doi:10.1037/h0026256). Distances are those of the grades themselves, also where one of them occurs nowhere. NaN
    where truth and decisions are one and the same grade. Used by aptos2019-blindness-detection,
    diabetic-retinopathy-detection, prostate-cancer-grade-assessment.
    """
    true, decided = truth.astype(np.float64), decisions.astype(np.float64)
    apart = mean(true, weights) - mean(decided, weights)
    spread = mean(centred(true, weights) ** 2 + centred(decided, weights) ** 2, weights)
    return float(1 - ratio(mean((true - decided) ** 2, weights), spread + apart**2))


@registered("mcc", judges="decisions", targets=LABELS)
def mcc(truth: NDArray[Any], decisions: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Matthews' correlation coefficient of truth and decisions, of any number of classes.

    Higher is better, at most 1, 0 by chance; classes and grades; judges decisions.

    (s h - t·d) / √((s² - t·t)(s² - d·d)), where s are the images, h the hits, t and d the images and decisions of each
    class (Matthews 1975, doi:10.1016/0005-2795(75)90109-9; Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006). 0
    where truth or decisions are one class.
    """
    counts = count(truth, decisions, weights)
    total = counts.actual.sum()
    shared = total * counts.hits.sum() - counts.actual @ counts.predicted
    spreads = [total**2 - each @ each for each in (counts.actual, counts.predicted)]
    if np.count_nonzero(counts.actual) < 2 or np.count_nonzero(counts.predicted) < 2:  # noqa: PLR2004 (classes)
        return 0.0 if total else np.nan
    return float(ratio(shared, np.sqrt(spreads[0]) * np.sqrt(spreads[1])))
