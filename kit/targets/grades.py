"""One of several ordered grades an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kit.errors import SpecError, option, require
from kit.targets.cells.grades import GradeCells
from kit.targets.decision import NO_DECISION, Decision
from kit.targets.head import Head
from kit.targets.label import Truth
from kit.targets.reading import Reading
from kit.targets.single_label import OneName, one_hot
from kit.targets.target import Fitted, Target

_OF_NAMES = ("crossentropy", "focal", "addons/SigmoidFocalCrossEntropy")
NUMBER = "grade"  # column of the predictions of head "value"


class Grades(OneName, GradeCells, Target, frozen=True, kw_only=True):
    """One of G ordered grades an image: a softmax, G - 1 cumulative sigmoids (CORAL), or one number.

    Attributes:
        names: Names of the grades from the lowest to the highest.
    """

    noun: ClassVar[str] = "grade"
    default_metric: ClassVar[str] = "qwk"
    usual_metrics: ClassVar[tuple[str, ...]] = ("qwk", "accuracy", "balanced_accuracy", "mae", "spearman")
    heads: ClassVar[tuple[str, ...]] = ("classes", "cumulative", "value")
    losses: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "classes": (*_OF_NAMES, "addons/WeightedKappaLoss"),
        "cumulative": _OF_NAMES,
        "value": ("mse", "mae", "huber", "crossentropy", "addons/PinballLoss"),
    }
    is_partition: ClassVar[bool] = True
    fitted: ClassVar[Fitted] = "between"

    def reading(self, columns: Sequence[str]) -> Reading:
        """Describe the order of the grades."""
        del columns
        detail = f" ({' < '.join(self.names)}){_gap(self.names)}"
        return Reading(f"{len(self.names)} grades", detail, f"{option('target', 'classes')} leaves them unordered")

    def _head(self, name: str, loss: str) -> Head:
        count = len(self.names)
        if name == "classes":  # one unit a grade, also of two
            return Head(name=name, units=count, activation="softmax")
        if name == "cumulative":
            return Head(name=name, units=count - 1, activation="sigmoid", is_shared=True)
        top = float(count - 1)
        if loss == "crossentropy":
            return Head(name=name, units=1, activation="sigmoid", shift=(0.0,), scale=(top,))
        return Head(name=name, units=1, activation="linear", shift=(top / 2,), scale=(max(top / 2, 1.0),))

    def are_probabilities(self, width: int) -> bool:
        """Whether there is a probability of each grade; the head "value" predicts one number."""
        return width > 1

    def columns(self, width: int) -> tuple[str, ...]:
        """Name the columns of predictions: the grades, or the number of the head "value"."""
        return (NUMBER,) if width == 1 else super().columns(width)

    def probabilities(self, predictions: NDArray[Any]) -> NDArray[Any]:
        """Return probabilities of the grades [n, grades]."""
        if predictions.shape[1] == 1:
            raise SpecError("head value predicts a number, not the probability of each grade")
        return predictions

    def numbers(self, predictions: NDArray[Any]) -> NDArray[np.float64]:
        """Compute the expected grade: float64 [n], 0 for the lowest."""
        if predictions.shape[1] == 1:
            return np.asarray(predictions[:, 0], np.float64)
        return np.asarray(predictions, np.float64) @ np.arange(len(self.names))

    def decide(self, predictions: NDArray[Any], decision: Decision = NO_DECISION) -> NDArray[Any]:
        """Take the likeliest grade, or the one between whose cut-offs the expected grade lies: int [n]; -1 for NaN."""
        are_numbers = np.isfinite(predictions).all(axis=1)
        if predictions.shape[1] > 1 and not decision.thresholds:
            return np.where(are_numbers, predictions.argmax(axis=1), -1)
        cuts = np.asarray(decision.thresholds or np.arange(len(self.names) - 1) + 0.5)
        return np.where(are_numbers, np.searchsorted(cuts, self.numbers(predictions), side="right"), -1)

    def constants(self, truth: Truth) -> dict[str, NDArray[np.float32]]:
        """The shares of the grades, and the commonest and the median grade for all images."""
        counts = np.bincount(truth, minlength=len(self.names))
        middle = int(np.sort(truth)[(len(truth) - 1) // 2])
        return {
            "the commonest grade for all images": one_hot(int(counts.argmax()), len(self.names)),
            "the median grade for all images": one_hot(middle, len(self.names)),
            "the shares of the grades": np.asarray(counts / len(truth), np.float32),
        }

    def check_decision(self, decision: Decision) -> None:
        """Refuse a rule that is of another target; see `Target.check_decision`."""
        super().check_decision(decision)
        cuts = decision.thresholds
        require(list(cuts) == sorted(cuts), f"cut-offs must ascend, got {', '.join(f'{cut:g}' for cut in cuts)}")

    def _thresholds(self) -> int:
        return len(self.names) - 1


def _gap(grades: Sequence[str]) -> str:
    """Say that whole numbers stand at uneven distances, because each grade counts as one step above the one before.

    >>> _gap(["0", "1", "3"]), _gap(["0", "2", "4"]), _gap(["low", "high"])
    (', of which 1 and 3 count as one step apart', '', '')
    """
    numbers = [int(name) for name in grades if name.isdecimal()]
    steps = [high - low for low, high in pairwise(numbers)]
    if len(numbers) < len(grades) or len(set(steps)) <= 1:
        return ""
    widest = steps.index(max(steps))
    return f", of which {grades[widest]} and {grades[widest + 1]} count as one step apart"
