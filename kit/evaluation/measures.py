"""Measures of predictions, whatever the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.chosen_rule import ChosenRule
from kit.evaluation.metric_scores import MetricScore
from kit.inference.predictions import Predictions


@dataclass(frozen=True, slots=True)
class Focus:
    """Class or grade that is looked at alone.

    Attributes:
        positive: Index of the class that curves, calibration and threshold are about; None for all of more than two.
        recall: Recall of that class to find a threshold for; None for none.
    """

    positive: int | None = None
    recall: float | None = None


NO_FOCUS = Focus()


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Measures of predictions; kinds of targets have subclasses with more, see `kit.evaluation.registry`.

    Attributes:
        kind: Kind of target, as `Target.kind` names it; empty for all that have no subclass.
        scores: Predictions of every image, with the true labels.
        metrics: Values of metrics, the dataset's first.
        decided: Rule for decisions that was given or fitted; None for the target's own.
        focus: Class or grade that is looked at alone; nothing for other targets.
        folds: Fold of each image where predictions are out-of-fold, int32 [n]; None elsewhere.
    """

    kind: ClassVar[str] = ""

    scores: Predictions
    metrics: tuple[MetricScore, ...] = ()
    decided: ChosenRule | None = None
    focus: Focus = NO_FOCUS
    folds: NDArray[np.int32] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes, tags, grades or values."""
        return self.scores.target.names

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.scores.keys)

    @property
    def not_numbers(self) -> int:
        """Images for which the model gave no number."""
        return int((~self.scores.are_numbers).sum())

    @property
    def accuracy(self) -> float | None:
        """Share of images whose class or grade, as decided, is the true one; None for other targets."""
        return None

    @property
    def auc(self) -> float | None:
        """Area under the ROC curve of classes or grades; None for other targets."""
        return None

    def figures(self) -> dict[str, Any]:
        """All but the images; NaN becomes null in evaluation.json."""
        return {
            self.scores.target.kind(): self.names,
            "images": self.images,
            "not_numbers": self.not_numbers,
            **({"metrics": self.metrics} if self.metrics else {}),
            **({"decided": self.decided} if self.decided else {}),
        }
