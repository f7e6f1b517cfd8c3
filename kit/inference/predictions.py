"""Predictions of images, what they come to, and the file that keeps them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.errors import RunError, SpecError
from kit.metrics import Metric, Score
from kit.metrics.auc import area_under_roc
from kit.targets import NO_DECISION, Decision, Target, Truth, judge
from kit.targets.classes import Classes

NO_CLASS = -1  # what is predicted where an output is not a number

_SMALLEST = 1e-7  # probability; Keras' epsilon, so that losses are those that Keras would give
_TWO = 2  # classes; also the fewest that there are


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions of images, in the order of their split unless said otherwise.

    Attributes:
        keys: Keys of the n examples.
        labels: Labels as the target encodes them, see `kit.targets.Truth`.
        outputs: Float32 [n, columns]: the probability of each class, tag or grade, or numbers; see
            `kit.targets.Head.predictions`.
        target: Meaning of labels and outputs.
        decision: Rule by which outputs become classes, grades or tags.
    """

    keys: list[str]
    labels: Truth
    outputs: NDArray[np.float32]
    target: Target
    decision: Decision = NO_DECISION

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Float32 [n, names]; each row of classes and grades sums to 1.

        Raises:
            SpecError: The outputs are numbers.
        """
        return self.target.probabilities(self.outputs)

    def judge(self, metric: Metric) -> Score:
        """Judge the predictions, as decided; see `kit.targets.judge`."""
        return judge(self.target, metric, self.labels, self.outputs, decision=self.decision)

    def decided_by(self, decision: Decision) -> Predictions:
        """Give the same predictions another rule for decisions.

        Raises:
            SpecError: It is of another target.
        """
        self.target.check_decision(decision)
        return replace(self, decision=decision)

    @property
    def are_probabilities(self) -> bool:
        """Whether the outputs are probabilities of the target's names, not numbers."""
        return self.target.are_probabilities(self.outputs.shape[1])

    @property
    def are_numbers(self) -> NDArray[np.bool_]:
        """Bool [n]: false where the model of a training that diverged gave something else."""
        return np.asarray(np.isfinite(self.outputs).all(axis=1))

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Int [n]: the class or grade decided for, NO_CLASS where the output is not a number; or bool [n, tags].

        A class is the likeliest, the first of equals; see `Target.decide` for other targets.
        """
        return np.asarray(self.target.decide(self.outputs, self.decision))

    @property
    def confidence(self) -> NDArray[np.float32]:
        """Float32 [n]: probability of the likeliest class, NaN where the output is not a number."""
        return np.asarray(self.probabilities.max(axis=1))

    @property
    def mislabelled(self) -> NDArray[np.bool_]:
        """Bool [n]: where the class or grade decided for is not the true one."""
        return np.asarray(self.predicted != self.labels)

    @property
    def accuracy(self) -> float:
        """Share of examples whose class or grade, as decided, is the true one."""
        return float((~self.mislabelled).mean())

    @property
    def loss(self) -> float:
        """Mean cross-entropy of the probabilities in nats, whatever loss the model was trained by.

        Penalties on weights are not part of it, so that models with and without them compare. NaN if an output is.
        """
        given = self.probabilities[np.arange(len(self.labels)), self.labels].astype(np.float64)
        return float(-np.log(np.clip(given, _SMALLEST, 1 - _SMALLEST)).mean())

    @property
    def recall(self) -> float | None:
        """Share of the second of two classes' examples that are found; of more, the mean over those the split has.

        None without any.
        """
        classes = self.probabilities.shape[1]
        indices = [1] if classes == _TWO else range(classes)  # the second of two
        found = [float((~self.mislabelled)[here].mean()) for index in indices if (here := self.labels == index).any()]
        return float(np.mean(found)) if found else None

    @property
    def auc(self) -> float | None:
        """Area under the ROC curve of the second of two classes; of more, the mean of each class against the rest.

        None where a class is missing, or an output is not a number.
        """
        classes = self.probabilities.shape[1]
        support = np.bincount(self.labels, minlength=classes)
        if not self.are_numbers.all() or not support.all():
            return None
        indices = [1] if classes == _TWO else range(classes)  # the second of two
        areas = [area_under_roc(self.labels == index, self.probabilities[:, index]) for index in indices]
        return float(np.mean(areas))

    def ordered(self, keys: Sequence[str]) -> Predictions:
        """Bring the images into the order of `keys`, which are among them."""
        indices = {key: index for index, key in enumerate(self.keys)}
        return self.at([indices[key] for key in keys])

    def at(self, indices: Sequence[int] | NDArray[np.intp]) -> Predictions:
        """Take some of the images."""
        keys = [self.keys[index] for index in indices]
        return replace(self, keys=keys, labels=self.labels[indices], outputs=self.outputs[indices])

    def csv(self) -> str:
        """Write id, label and each column of the outputs; nine digits tell float32 numbers apart."""
        text, target = io.StringIO(), self.target
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["id", "label", *target.columns(self.outputs.shape[1])])
        for key, label, row in zip(self.keys, self.labels, self.outputs, strict=True):
            writer.writerow([key, target.text(label), *(f"{value:.9g}" for value in row)])
        return text.getvalue()


def average(scores: Sequence[Predictions]) -> Predictions:
    """Average what several models predict of the same images, in the same order.

    Raises:
        RunError: Some predict a number, others the probability of each grade.
    """
    first = scores[0]
    refuse_mixed_heads(scores)
    mean = np.asarray(np.mean([one.outputs for one in scores], axis=0, dtype=np.float64), np.float32)
    return Predictions(first.keys, first.labels, mean, first.target)


def refuse_mixed_heads(scores: Sequence[Predictions]) -> None:
    """Refuse predictions of different columns.

    Raises:
        RunError: Some are a number, others the probability of each grade.
    """
    if len({one.outputs.shape[1] for one in scores}) > 1:
        raise RunError(
            "runs with head value predict a number, others the probability of each grade: name runs of one kind of head"
        )


def join(parts: Sequence[Predictions]) -> Predictions:
    """Put the predictions of different images one after another.

    Raises:
        RunError: Some are a number, others the probability of each grade.
    """
    refuse_mixed_heads(parts)
    return Predictions(
        [key for part in parts for key in part.keys],
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.outputs for part in parts]),
        parts[0].target,
    )


def read_predictions(path: Path, target: Target | None = None) -> Predictions:
    """Read what `Predictions.csv` wrote.

    Args:
        path: CSV of predictions.
        target: Target of the run's dataset; None takes the columns for classes.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        text = path.read_bytes().decode()
        (_, _, *columns), *rows = csv.reader(io.StringIO(text, newline=""))
        target = target or Classes(names=tuple(columns))
        labels = target.encode([row[1] for row in rows])
        outputs = np.asarray([row[2:] for row in rows], np.float64).reshape(len(rows), len(columns))
        is_sound = tuple(columns) == target.columns(len(columns))
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing") from error
    except (ValueError, KeyError, IndexError, csv.Error, SpecError) as error:
        raise RunError(f"{path} is damaged; remove the run's folder and run its command again") from error
    if not is_sound:
        raise RunError(f"{path} has other columns than its dataset's target: {', '.join(columns)}")
    if not rows or not columns or not text.endswith("\n"):
        raise RunError(f"{path} is {'cut short' if rows else 'empty'}")
    return Predictions([row[0] for row in rows], labels, outputs.astype(np.float32), target)
