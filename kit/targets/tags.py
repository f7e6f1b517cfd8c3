"""Any number of tags per image, also none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kit.errors import option, require
from kit.targets.cells.tags import TagCells
from kit.targets.decision import NO_DECISION, Decision
from kit.targets.head import Head
from kit.targets.label import LABEL, Features, Stores, Truth
from kit.targets.reading import Reading, listed
from kit.targets.target import Fitted, Target

_NONE = ("no ", "none", "nothing", "normal")  # beginnings of tags that may mean none
EVEN = 0.5  # probability from which a tag is decided for, unless a rule says otherwise


class Tags(TagCells, Target, frozen=True, kw_only=True):
    """Any of n tags per image: n sigmoids.

    Attributes:
        names: Names of the tags, sorted, or in the order of their columns.
        separator: Sign between the tags of one cell; "|" where labels are columns of 0 and 1.
        no_tag: Word that stands where an image has no tag; empty for none.
        are_columns: Whether labels are columns of 0 and 1.
    """

    noun: ClassVar[str] = "tag"
    default_metric: ClassVar[str] = "micro_f1"
    usual_metrics: ClassVar[tuple[str, ...]] = (
        "micro_f1",
        "macro_f1",
        "samples_f1",
        "accuracy",
        "column_auc",
        "average_precision",
        "log_loss",
    )
    heads: ClassVar[tuple[str, ...]] = ("tags",)
    losses: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "tags": ("crossentropy", "focal", "addons/SigmoidFocalCrossEntropy")
    }
    is_partition: ClassVar[bool] = False
    may_have_several: ClassVar[bool] = True
    stores: ClassVar[Stores] = "indices"
    fitted: ClassVar[Fitted] = "each"

    separator: str = " "
    no_tag: str = ""
    are_columns: bool = False

    def encode(self, labels: Sequence[str | None]) -> Truth:
        """Mark the tags: int8 [n, tags]."""
        indices = {name: index for index, name in enumerate(self.names)}
        marks = np.zeros((len(labels), len(self.names)), np.int8)
        for row, label in zip(marks, labels, strict=True):
            if label is None:
                row[:] = -1
                continue
            for name in self.named(label):
                if name not in indices:
                    raise ValueError(name)
                row[indices[name]] = 1
        return marks

    def text(self, truth: Any) -> str | None:
        """Join the tags of a row; the word for none where there are none."""
        if len(truth) and truth[0] < 0:
            return None
        return self.join(name for name, mark in zip(self.names, truth, strict=True) if mark)

    def features(self, truth: Any) -> Features:
        """Store the indices of the tags; -1 for an unlabelled image."""
        return {LABEL: (-1,) if truth[0] < 0 else tuple(np.flatnonzero(truth).tolist())}

    def stored(self, features: Mapping[str, object]) -> Any:
        """Read the marks back: int8 [tags]."""
        found = features.get(LABEL)
        indices = found if isinstance(found, tuple) else (found,)
        row = np.full(len(self.names), -int(indices == (-1,)), np.int8)
        if indices == (-1,):
            return row
        for index in indices:
            if not isinstance(index, int) or not 0 <= index < len(row):
                raise ValueError(LABEL)
            row[index] = 1
        return row

    def named(self, label: str) -> Iterable[str]:
        """Name the tags."""
        if label == self.no_tag:
            return ()
        parts = label.split(None if self.separator == " " else self.separator)
        return [part.strip() for part in parts if part.strip()]

    def strata(self, labels: Sequence[str]) -> list[tuple[str, ...]]:
        """Name the tags of each image; those without any are a stratum of their own."""
        return [tuple(self.named(label)) or ("",) for label in labels]

    def reading(self, columns: Sequence[str]) -> Reading:
        """Describe the tags, how they are joined, and which of them may mean none."""
        detail = f" ({listed(self.names)})" if len(columns) <= 1 else " of 0 and 1"
        if self.are_columns:
            return Reading(self.counted(), detail, f"{option('target', 'values')} takes them as numbers")
        other = f"{option('target', 'classes')} makes each combination a class"
        may_be_none = [name for name in self.names if name.lower().startswith(_NONE)] if not self.no_tag else []
        if may_be_none:
            none = option("no_tag", may_be_none[0], typed=f"'{may_be_none[0]}'")
            other += f", {none} takes that for none"
        return Reading(self.counted(), f"{detail}, joined by '{self.separator}'", other)

    def _head(self, name: str, loss: str) -> Head:
        del loss
        return Head(name=name, units=len(self.names), activation="sigmoid")

    def decide(self, predictions: NDArray[Any], decision: Decision = NO_DECISION) -> NDArray[Any]:
        """Mark the tags whose probability reaches their threshold, as many as the rule allows: bool [n, tags].

        More than `most` leave out those that exceed their thresholds least; fewer than `least` take those that come
        nearest. Nothing is marked where a prediction is NaN.
        """
        thresholds = np.asarray(decision.thresholds or (EVEN,) * len(self.names))
        margins = np.where(np.isfinite(predictions), predictions - thresholds, -np.inf)
        marks = margins >= 0
        most = len(self.names) if decision.most is None else decision.most
        if decision.least or most < len(self.names):
            order = np.argsort(-margins, axis=1, kind="stable")
            ranks = np.empty_like(order)
            np.put_along_axis(ranks, order, np.arange(order.shape[1])[None, :], axis=1)
            marks = ((marks | (ranks < decision.least)) & (ranks < most)) & np.isfinite(margins)
        return marks

    def constants(self, truth: Truth) -> dict[str, NDArray[np.float32]]:
        """No tag, the commonest combination, and the share of the images that have each tag."""
        combinations, counts = np.unique(truth, axis=0, return_counts=True)
        return {
            "no tag for any image": np.zeros(len(self.names), np.float32),
            "the commonest combination of tags": np.asarray(combinations[counts.argmax()], np.float32),
            "the shares of the tags": np.asarray(truth.mean(axis=0), np.float32),
        }

    def check_decision(self, decision: Decision) -> None:
        """Refuse a rule that is of another target; see `Target.check_decision`."""
        count, most = len(self.names), decision.most
        require(
            len(decision.thresholds) in {0, count},
            f"decide needs a threshold for each of the {count} tags, got {len(decision.thresholds)}",
        )
        require(
            0 <= decision.least <= (count if most is None else most) <= count and (most is None or most >= 1),
            f"numbers of tags must lie between 0 and {count}, the least first; got {decision.least} to {most}",
        )

    def uniform(self, threshold: float) -> Decision:
        """Mark every tag from the same probability on."""
        return Decision(thresholds=(threshold,) * len(self.names))

    def _thresholds(self) -> int:
        return len(self.names)
