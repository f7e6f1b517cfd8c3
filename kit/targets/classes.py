"""One class an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kit.targets.best import MOST, are_best, keep_best
from kit.targets.decision import NO_DECISION, Decision
from kit.targets.head import Head
from kit.targets.label import Truth
from kit.targets.names import OneName, one_hot
from kit.targets.target import Target

_TWO = 2
_CONSTANTS = 20  # commonest classes that are tried for all images


class Classes(OneName, Target, frozen=True, kw_only=True):
    """One of n classes an image: a sigmoid for the second of two, else a softmax over all.

    Attributes:
        names: Names of the classes, sorted.
    """

    noun: ClassVar[str] = "class"
    default_metric: ClassVar[str] = "accuracy"
    usual_metrics: ClassVar[tuple[str, ...]] = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "log_loss", "auc")
    always_recorded: ClassVar[tuple[str, ...]] = ("accuracy",)
    heads: ClassVar[tuple[str, ...]] = ("classes",)
    losses: ClassVar[Mapping[str, tuple[str, ...]]] = {"classes": ("crossentropy", "focal")}
    is_partition: ClassVar[bool] = True

    def _head(self, name: str, loss: str) -> Head:
        del loss
        is_pair = len(self.names) == _TWO
        return Head(name=name, units=1 if is_pair else len(self.names), activation="sigmoid" if is_pair else "softmax")

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

    def _thresholds(self) -> int:
        return 1 if len(self.names) == _TWO else 0
