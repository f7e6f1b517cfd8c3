"""One class an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kit.errors import option
from kit.targets.cells.classes import ClassCells
from kit.targets.cells.text import SEPARATORS, number_of, parts_of
from kit.targets.decision import NO_DECISION, Decision
from kit.targets.head import Head
from kit.targets.label import Truth
from kit.targets.reading import Reading, listed
from kit.targets.single_label import OneName, one_hot
from kit.targets.target import Fitted, Target
from kit.targets.top_classes import MOST, are_best, keep_best

_MOST_GRADES = 20  # names that may be ordered grades
_CONSTANTS = 20  # commonest classes that are tried for all images


class Classes(OneName, ClassCells, Target, frozen=True, kw_only=True):
    """One of n classes an image: a sigmoid for the second of two, else a softmax over all.

    Attributes:
        names: Names of the classes, sorted.
    """

    noun: ClassVar[str] = "class"
    default_metric: ClassVar[str] = "accuracy"
    usual_metrics: ClassVar[tuple[str, ...]] = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "log_loss", "auc")
    always_recorded: ClassVar[tuple[str, ...]] = ("accuracy",)
    heads: ClassVar[tuple[str, ...]] = ("classes",)
    losses: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "classes": ("crossentropy", "focal", "addons/SigmoidFocalCrossEntropy")
    }
    is_partition: ClassVar[bool] = True
    is_first_kind: ClassVar[bool] = True
    has_class_figures: ClassVar[bool] = True
    fitted: ClassVar[Fitted] = "second"

    def reading(self, columns: Sequence[str]) -> Reading:
        """Describe the classes, and whether they may be tags, grades or values."""
        what, detail = f"{len(self.names)} classes", f" ({listed(self.names)})"
        if len(columns) > 1:
            other = f"{option('target', 'tags')} takes each column by itself"
            return Reading(what, f"{detail}, one 1 in each row", other)
        return Reading(what, detail, self._other(is_table=bool(columns)))

    def _other(self, *, is_table: bool) -> str:
        are_numbers = all(number_of(name) is not None for name in self.names)
        may_be_grades = not self.is_pair and len(self.names) <= _MOST_GRADES  # two grades are two classes
        grades = option("target", "grades")
        if are_numbers and may_be_grades:
            return f"{grades} makes them ordered"
        if are_numbers:
            return f"{option('target', 'values')} takes them as numbers" if is_table else ""
        if is_table and any(len(parts_of(name, sign)) > 1 for name in self.names for sign in SEPARATORS):
            return f"{option('target', 'tags')} splits them at a sign"
        order = option("class_names", ("LOWEST", "HIGHEST"), typed="LOWEST,…,HIGHEST")
        return f"{grades} {order} makes them ordered" if may_be_grades else ""

    def _head(self, name: str, loss: str) -> Head:
        del loss
        if self.is_pair:
            return Head(name=name, units=1, activation="sigmoid")
        return Head(name=name, units=len(self.names), activation="softmax")

    @property
    def keeps_best(self) -> bool:
        """Whether there are more than 1,000 classes, whose probabilities would fill the memory."""
        return len(self.names) > MOST

    def kept(self, predictions: NDArray[Any]) -> NDArray[Any]:
        """Keep the 20 likeliest of more than 1,000 classes; see `Target.kept`."""
        return keep_best(predictions) if self.keeps_best and not are_best(predictions) else predictions

    def decide(self, predictions: NDArray[Any], decision: Decision = NO_DECISION) -> NDArray[Any]:
        """Take the likeliest class, the first of equals, or the second of two from a threshold: int [n]; -1 for NaN."""
        if are_best(predictions):
            return np.asarray(predictions["index"][:, 0], np.int64)
        if decision.thresholds:
            chosen = np.asarray(predictions[:, 1] >= decision.thresholds[0], np.int64)
        else:
            chosen = predictions.argmax(axis=1)
        return np.where(np.isfinite(predictions).all(axis=1), chosen, -1)

    def constants(self, truth: Truth) -> dict[str, NDArray[np.float32]]:
        """The shares of the classes, and each class for all images, the commonest first."""
        shares = np.bincount(truth, minlength=len(self.names)) / len(truth)
        order = np.argsort(-shares, kind="stable")[:_CONSTANTS].tolist()
        return {
            "the shares of the classes": np.asarray(shares, np.float32),
            **{f"class {self.names[index]} for all images": one_hot(index, len(self.names)) for index in order},
        }

    def uniform(self, threshold: float) -> Decision:
        """Decide for the second of two classes from a probability on; see `Target.uniform`."""
        return Decision(thresholds=(threshold,)) if self._thresholds() else super().uniform(threshold)

    def why_no_threshold(self) -> str:
        """Count the classes where there are not two."""
        return "" if self.is_pair else str(len(self.names))

    def _thresholds(self) -> int:
        return int(self.is_pair)
