"""What every kind of target answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from kit.errors import SpecError, option, require, unknown
from kit.metrics.score import Judges, Metric, TargetName
from kit.targets.cells.target_cells import TargetCells
from kit.targets.decision import NO_DECISION, Decision
from kit.targets.head import Head
from kit.targets.label import Truth
from kit.targets.top_classes import are_best

Fitted: TypeAlias = Literal["", "second", "each", "between"]


class Target(TargetCells, msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower):
    """What a dataset's labels are.

    Attributes:
        names: Names of the classes, tags or grades in order, or of the values.
    """

    usual_metrics: ClassVar[tuple[str, ...]]
    """Metrics that an evaluation shows unless others are named, after the dataset's own."""
    always_recorded: ClassVar[tuple[str, ...]] = ()
    """Metrics that every training records, whatever the dataset's metric."""
    heads: ClassVar[tuple[str, ...]]
    """Heads that a network may have, the default first."""
    losses: ClassVar[Mapping[str, tuple[str, ...]]]
    """Losses of each head, the default first."""
    has_class_figures: ClassVar[bool] = False
    """Whether loss, accuracy, recall and AUC of classes judge predictions, see `kit.inference.predictions`."""
    fitted: ClassVar[Fitted] = ""
    """Thresholds that are fitted to a metric: that of the second of two names, one of each name, or cut-offs between
    them; empty for none."""
    judged_as: ClassVar[TargetName | None] = None
    """Target whose metrics judge this one, as its labels and decisions have the same shape; None for its own."""

    names: tuple[str, ...]

    def takes(self, metric: Metric) -> bool:
        """Whether a metric is for this target."""
        return (self.judged_as or self.kind()) in metric.targets

    # Networks

    def head(self, name: str = "", loss: str = "") -> Head:
        """Choose a network's last layer.

        Args:
            name: One of `heads`; empty for the default.
            loss: One of the head's `losses`; empty for the default.

        Raises:
            SpecError: Neither of this target.
        """
        kind = name or self.heads[0]
        if kind not in self.heads:
            hint = unknown("head", kind, self.heads)
            raise SpecError(f"model.head: {hint}; this dataset's target is {self.kind()}")
        chosen = loss or self.losses[kind][0]
        taken = self.losses[kind]
        require(chosen in taken, f"train.loss: head {kind} takes {', '.join(taken)}, not {chosen}")
        return self._head(kind, chosen)

    def _head(self, name: str, loss: str) -> Head:
        raise NotImplementedError

    def are_probabilities(self, width: int) -> bool:
        """Whether predictions of so many columns are probabilities of the names, not numbers."""
        del width
        return True

    def columns(self, width: int) -> tuple[str, ...]:
        """Name the columns of predictions, by how many there are."""
        require(width == len(self.names), f"predictions have {width} columns, not {len(self.names)}")
        return self.names

    # Predictions

    @property
    def keeps_best(self) -> bool:
        """Whether only the likeliest names of each image are kept, not the probabilities of all."""
        return False

    def kept(self, predictions: NDArray[Any]) -> NDArray[Any]:
        """Reduce predictions to what is kept of them: all, or `kit.targets.top_classes.BEST` where `keeps_best`."""
        return predictions

    def decide(self, predictions: NDArray[Any], decision: Decision = NO_DECISION) -> NDArray[Any]:
        """Turn predictions [n, columns] into decisions, which are arrays like those of `encode`."""
        raise NotImplementedError

    def numbers(self, predictions: NDArray[Any]) -> NDArray[np.float64]:
        """Turn predictions into numbers: float64 [n, values], or [n] the expected grade.

        Raises:
            SpecError: Names have no number.
        """
        del predictions
        raise SpecError(f"{self.kind()} are names, not numbers")

    def probabilities(self, predictions: NDArray[Any]) -> NDArray[Any]:
        """Return predictions that are probabilities [n, names].

        Raises:
            SpecError: They are numbers, or the likeliest names only.
        """
        if are_best(predictions):
            best = predictions.shape[1]
            raise SpecError(f"only the {best} best of {len(self.names):,} {self.kind()} are kept of each image")
        return predictions

    def ranks(self, predictions: NDArray[Any], guesses: int) -> NDArray[np.int64]:
        """Index the likeliest names, best first, the first of equals: int [n, guesses]."""
        if are_best(predictions):
            return np.asarray(predictions["index"][:, :guesses], np.int64)
        probabilities = self.probabilities(predictions)
        return np.argsort(-probabilities, axis=1, kind="stable")[:, :guesses]

    def judged(
        self, predictions: NDArray[Any], judges: Judges, decision: Decision = NO_DECISION, guesses: int = 0
    ) -> NDArray[Any]:
        """Turn predictions into what a metric judges."""
        match judges:
            case "probabilities":
                return self.probabilities(predictions)
            case "decisions":
                return self.decide(predictions, decision)
            case "ranks":
                return self.ranks(predictions, guesses)
            case "numbers":
                return self.numbers(predictions)

    def constants(self, truth: Truth) -> dict[str, NDArray[np.float32]]:
        """Name predictions that say the same of every image, made of the truth of n images: float32 [columns] each."""
        raise NotImplementedError

    def check_decision(self, decision: Decision) -> None:
        """Refuse a rule that is of another target.

        Raises:
            SpecError: Wrong number of thresholds, or numbers of tags where there are none.
        """
        wanted = self._thresholds()
        require(
            len(decision.thresholds) in {0, wanted},
            f"decide needs {wanted} thresholds for {self.counted()}, got {len(decision.thresholds)}",
        )
        require(not (decision.least or decision.most), f"numbers of tags do not apply to {self.kind()}")

    def uniform(self, threshold: float) -> Decision:
        """Make the rule that decides for every name from the same probability on.

        Raises:
            SpecError: Decisions of this target are not made by a probability.
        """
        del threshold
        raise SpecError(
            f"one threshold does not decide between {self.counted()}; leave out {option('decide')}, or give"
            f" {option('decide', 'best')} for what suits a metric of decisions"
        )

    def why_no_threshold(self) -> str:
        """Explain why one threshold does not divide the images into two classes; empty where it does."""
        return f"{self.counted()}; {option('decide')} is for all targets of names"

    def _thresholds(self) -> int:
        """Count the thresholds of a rule; 0 where there can be none."""
        return 0
