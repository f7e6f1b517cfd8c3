"""One or several numbers an image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kit.errors import SpecError, option
from kit.targets.cells.values import ValueCells
from kit.targets.decision import NO_DECISION, Decision
from kit.targets.head import Head
from kit.targets.label import VALUES, Features, Stores, Truth
from kit.targets.reading import Reading, listed
from kit.targets.target import Target

QUANTILES = 10  # strata that a division keeps in proportion
_SPANS = 4  # ranges that a line lists
_FEWEST = 10  # images of a stratum: fewer cannot be divided in proportion


def numbers_of(label: str) -> tuple[float, ...]:
    """Read the numbers of a label.

    Raises:
        ValueError: A part is no number.
    """
    return tuple(map(float, label.split()))


class Values(ValueCells, Target, frozen=True, kw_only=True):
    """k numbers an image: k linear units, standardised inside.

    Attributes:
        names: Names of the values, as their columns are called.
        mean: Mean of each value over the labelled images.
        deviation: Standard deviation of each value over the labelled images; 1 where all are equal.
        lowest: Smallest of each value.
        highest: Largest of each value.
        are_whole: Whether all labels are whole numbers, as counts are.
    """

    noun: ClassVar[str] = "value"
    is_named: ClassVar[bool] = False
    is_counted: ClassVar[bool] = False
    stores: ClassVar[Stores] = "numbers"
    default_metric: ClassVar[str] = "rmse"
    usual_metrics: ClassVar[tuple[str, ...]] = ("rmse", "mae", "r2", "pearson", "spearman")
    heads: ClassVar[tuple[str, ...]] = ("value",)
    losses: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "value": ("mse", "mae", "huber", "crossentropy", "addons/PinballLoss")
    }
    is_partition: ClassVar[bool] = False

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    are_whole: bool = False

    @classmethod
    def of(cls, names: Sequence[str], labels: Sequence[str]) -> Values:
        """Describe the values of n images.

        Args:
            names: Names of the k values.
            labels: Texts, the k numbers of each image with blanks between them.
        """
        numbers = np.asarray([numbers_of(label) for label in labels], np.float64).reshape(len(labels), len(names))
        deviations = numbers.std(axis=0)
        return cls(
            names=tuple(names),
            mean=tuple(numbers.mean(axis=0).tolist()),
            deviation=tuple(np.where(np.ptp(numbers, axis=0) > 0, deviations, 1.0).tolist()),
            lowest=tuple(numbers.min(axis=0).tolist()),
            highest=tuple(numbers.max(axis=0).tolist()),
            are_whole=bool((numbers % 1 == 0).all()),
        )

    def encode(self, labels: Sequence[str | None]) -> Truth:
        """Stack the numbers: float32 [n, values]."""
        blank = (np.nan,) * len(self.names)
        rows = [blank if label is None else numbers_of(label) for label in labels]
        return np.asarray(rows, np.float32).reshape(len(labels), len(self.names))

    def text(self, truth: Any) -> str | None:
        """Write the numbers with blanks between them; nine digits tell float32 numbers apart."""
        return None if np.isnan(truth).any() else " ".join(f"{float(value):.9g}" for value in truth)

    def features(self, truth: Any) -> Features:
        """Store the numbers; NaN for an unlabelled image."""
        return {VALUES: tuple(map(float, truth))}

    def stored(self, features: Mapping[str, object]) -> Any:
        """Read the numbers back: float32 [values]."""
        match features.get(VALUES):
            case tuple(numbers) if len(numbers) == len(self.names):
                return np.asarray(numbers, np.float32)
        raise ValueError(VALUES)

    def named(self, label: str) -> Iterable[str]:
        """Name every value: each image has all."""
        del label
        return self.names

    def reading(self, columns: Sequence[str]) -> Reading:
        """Count the numbers, and describe their ranges."""
        count = len(self.names)
        spans = [f"{low:.4g} to {high:.4g}" for low, high in zip(self.lowest, self.highest, strict=True)]
        one = f"{option('label_column')} takes one of them"
        other = one if len(columns) > 1 else f"{option('target', 'classes')} makes each number a class"
        return Reading("a number" if count == 1 else f"{count} numbers", f" ({listed(spans, _SPANS)})", other)

    def statistics(self) -> Mapping[str, tuple[float, ...]]:
        """Return mean, standard deviation and range of each value."""
        return {"mean": self.mean, "sd": self.deviation, "lowest": self.lowest, "highest": self.highest}

    def strata(self, labels: Sequence[str]) -> list[tuple[str, ...]]:
        """Name the quantile of each value: one of ten, or of as many as leave ten images in each."""
        numbers = self.encode(labels)
        cuts = np.linspace(0, 1, max(1, min(QUANTILES, len(labels) // _FEWEST)) + 1)[1:-1]
        found = []
        for name, column in zip(self.names, numbers.T, strict=True):
            edges = np.unique(np.quantile(column, cuts)) if len(column) else column
            found.append([f"{name} {index}" for index in np.searchsorted(edges, column, side="right")])
        return list(zip(*found, strict=True))

    def _head(self, name: str, loss: str) -> Head:
        spans = [high - low or 1.0 for low, high in zip(self.lowest, self.highest, strict=True)]
        if loss == "crossentropy":
            return Head(name=name, units=len(self.names), activation="sigmoid", shift=self.lowest, scale=tuple(spans))
        return Head(name=name, units=len(self.names), activation="linear", shift=self.mean, scale=self.deviation)

    def are_probabilities(self, width: int) -> bool:
        """Numbers are no probabilities."""
        del width
        return False

    def numbers(self, predictions: NDArray[Any]) -> NDArray[np.float64]:
        """Return the numbers: float64 [n, values]."""
        return np.asarray(predictions, np.float64)

    def probabilities(self, predictions: NDArray[Any]) -> NDArray[Any]:
        """Refuse: numbers have no probabilities."""
        del predictions
        raise SpecError("values are numbers, not probabilities")

    def constants(self, truth: Truth) -> dict[str, NDArray[np.float32]]:
        """Return the mean and the median of each value: no constant has a lower squared or absolute error."""
        return {
            "the mean of the values": np.asarray(truth.mean(axis=0, dtype=np.float64), np.float32),
            "the median of the values": np.asarray(np.median(truth, axis=0), np.float32),
        }

    def uniform(self, threshold: float) -> Decision:
        """Refuse: nothing is decided about numbers."""
        del threshold
        raise SpecError(f"values are numbers, about which nothing is decided; leave out {option('decide')}")

    def why_no_threshold(self) -> str:
        """Explain that nothing is decided."""
        return f"{self.counted()}; about numbers nothing is decided"

    def decide(self, predictions: NDArray[Any], decision: Decision = NO_DECISION) -> NDArray[Any]:
        """Return the numbers as they are."""
        self.check_decision(decision)
        return np.asarray(predictions)
