"""Figures of each tag by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.inference.predictions import Predictions
from kit.metrics.auc import area_under_roc
from kit.metrics.average_precision import average_precision
from kit.metrics.counts import Counts, count
from kit.metrics.f_scores import f_of_counts, precision_of_counts, recall_of_counts
from kit.targets.tags import EVEN

Figures = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFigures:
    """Figures of each tag, float [tags] in the target's order; NaN where a tag has none.

    Precision, recall and F1 are 0 where nothing is decided for a tag that some image has, and NaN where neither truth
    nor decisions hold the tag, so that their means are the metrics `precision`, `recall` and `macro_f1`.

    Attributes:
        counts: Hits, decisions and images of each tag.
        auc: Area under the ROC curve.
        average_precision: Mean precision over recall.
        threshold: Probability from which the tag is decided for.
    """

    counts: Counts
    auc: Figures
    average_precision: Figures
    threshold: Figures

    @property
    def support(self) -> NDArray[np.int64]:
        """Images of each tag."""
        return self.counts.actual.astype(np.int64)

    @property
    def f1(self) -> Figures:
        """Harmonic mean of precision and recall."""
        return f_of_counts(1)(self.counts)

    @property
    def precision(self) -> Figures:
        """Share of the decisions for the tag that are right."""
        return precision_of_counts(self.counts)

    @property
    def recall(self) -> Figures:
        """Share of the tag's images that it is decided for."""
        return recall_of_counts(self.counts)

    @property
    def pooled(self) -> Counts:
        """Sums of the counts over all tags, float [1] each."""
        return Counts(
            *(np.array([each.sum()]) for each in (self.counts.hits, self.counts.predicted, self.counts.actual))
        )

    def columns(self) -> dict[str, Figures]:
        """Return the figures by name."""
        names = ("auc", "average_precision", "f1", "precision", "recall", "threshold")
        return {name: getattr(self, name) for name in names}

    def weakest(self) -> list[int]:
        """List the tags that some image has, by ascending F1, those of most images first in a tie."""
        order = np.lexsort((-self.support, self.f1))
        return [int(index) for index in order[self.support[order] > 0]]


def tag_figures(scores: Predictions) -> TagFigures:
    """Compute the figures of each tag.

    Args:
        scores: Predictions of tags. Images whose outputs are not numbers count as decided for no tag, and are left out
            of areas and average precision.
    """
    numbers = scores.are_numbers
    truth, chances = scores.labels.astype(bool), scores.outputs
    ranked, ranks = truth[numbers], chances[numbers]
    return TagFigures(
        counts=count(truth, scores.predicted, None),
        auc=np.array([float(area_under_roc(true, column)) for true, column in zip(ranked.T, ranks.T, strict=True)]),
        average_precision=np.asarray(average_precision(ranked, ranks), np.float64),
        threshold=np.asarray(scores.decision.thresholds or (EVEN,) * truth.shape[1], np.float64),
    )
