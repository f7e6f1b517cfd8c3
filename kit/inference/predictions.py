"""Predictions of images, their metrics, and their CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.errors import RunError, SpecError
from kit.inference.columns import classes_of, column_names, expected_names, outputs_of, row_texts
from kit.metrics import Metric, Score
from kit.metrics.auc import area_under_roc
from kit.targets import NO_DECISION, Decision, Target, Truth, judge
from kit.targets.common_columns import align
from kit.targets.top_classes import are_best, chances

NO_CLASS = -1  # predicted class if an output is not a number

SMALLEST = 1e-7  # probability; Keras' epsilon, so that losses equal those of Keras
_TWO = 2  # classes, the smallest number


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions of images, by default in the order of their split.

    Attributes:
        keys: Keys of the n examples.
        labels: Labels as the target encodes them, see `kit.targets.Truth`.
        outputs: Float32 [n, columns]: the probability of each class, tag or grade, or numbers; see
            `kit.targets.Head.predictions`. Above 1,000 classes, `kit.targets.top_classes.BEST` [n, 20]: the likeliest
            classes of each image.
        target: Meaning of labels and outputs.
        decision: Rule by which outputs become classes, grades or tags.
    """

    keys: list[str]
    labels: Truth
    outputs: NDArray[Any]
    target: Target
    decision: Decision = NO_DECISION

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Float32 [n, names]; each row of classes and grades sums to 1.

        Raises:
            SpecError: The outputs are numbers, or the likeliest of very many classes.
        """
        return self.target.probabilities(self.outputs)

    def judge(self, metric: Metric, decision: Decision | None = None, positive: str = "") -> Score:
        """Judge the predictions, decided by their own rule or by another one; see `kit.targets.judge`."""
        rule = self.decision if decision is None else decision
        return judge(self.target, metric, self.labels, self.outputs, decision=rule, positive=positive)

    def decided_by(self, decision: Decision) -> Predictions:
        """Return the same predictions with another rule for decisions.

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
    def have_all(self) -> bool:
        """Whether there is a probability of each of the target's names, not of the likeliest only."""
        return self.are_probabilities and not are_best(self.outputs)

    @property
    def are_numbers(self) -> NDArray[np.bool_]:
        """Bool [n]: whether the outputs are finite; false for those of a diverged model."""
        return np.asarray(np.isfinite(chances(self.outputs)).all(axis=1))

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Int [n]: class or grade as decided, NO_CLASS if the output is not a number; or bool [n, tags].

        A class is the likeliest, the first one in a tie; see `Target.decide` for other targets.
        """
        return np.asarray(self.target.decide(self.outputs, self.decision))

    @property
    def confidence(self) -> NDArray[np.float32]:
        """Float32 [n]: probability of the likeliest class; NaN if the output is not a number."""
        given = chances(self.outputs) if are_best(self.outputs) else self.probabilities
        return np.asarray(given.max(axis=1))

    @property
    def mislabelled(self) -> NDArray[np.bool_]:
        """Bool [n]: whether the class or grade, as decided, is not the true one."""
        return np.asarray(self.predicted != self.labels)

    @property
    def accuracy(self) -> float:
        """Share of examples whose class or grade, as decided, is the true one."""
        return float((~self.mislabelled).mean())

    @property
    def loss(self) -> float:
        """Mean cross-entropy of the probabilities in nats, independent of the loss of the training.

        It excludes penalties on weights, so that models with and without them are comparable. NaN if an output is NaN.

        Raises:
            SpecError: The outputs are numbers, or the likeliest of very many classes.
        """
        given = self.probabilities[np.arange(len(self.labels)), self.labels].astype(np.float64)
        return float(-np.log(np.clip(given, SMALLEST, 1 - SMALLEST)).mean())

    @property
    def recall(self) -> float | None:
        """Recall of the second of two classes; for more classes, the mean over those in the split.

        None without images of these classes.
        """
        classes = len(self.target.names)
        hits, images = (np.bincount(each, minlength=classes) for each in (self.labels[~self.mislabelled], self.labels))
        wanted = slice(1, 2) if classes == _TWO else slice(None)  # the second of two
        there = images[wanted] > 0
        return float(np.mean(hits[wanted][there] / images[wanted][there])) if there.any() else None

    @property
    def auc(self) -> float | None:
        """Area under the ROC curve of the second of two classes; for more, the mean of each class against the rest.

        A class that no image has, or all, is left out. None if none is left, an output is not a number, or only the
        likeliest of very many classes are kept.
        """
        if are_best(self.outputs):
            return None
        classes = self.probabilities.shape[1]
        support = np.bincount(self.labels, minlength=classes)
        are_ranked = (support > 0) & (support < len(self.labels))
        indices = [index for index in ([1] if classes == _TWO else range(classes)) if are_ranked[index]]
        if not self.are_numbers.all() or not indices:
            return None
        areas = [area_under_roc(self.labels == index, self.probabilities[:, index]) for index in indices]
        return float(np.mean(areas))

    def ordered(self, keys: Sequence[str]) -> Predictions:
        """Select and sort the images by `keys`, which are among them."""
        indices = {key: index for index, key in enumerate(self.keys)}
        return self.at([indices[key] for key in keys])

    def at(self, indices: Sequence[int] | NDArray[np.intp]) -> Predictions:
        """Select some of the images."""
        keys = [self.keys[index] for index in indices]
        return replace(self, keys=keys, labels=self.labels[indices], outputs=self.outputs[indices])

    def csv(self) -> str:
        """Write id, label and each column of the outputs as CSV; nine digits distinguish float32 numbers.

        Above 1,000 classes the columns are guess_1, probability_1 and so on to the 20th.
        """
        text, target = io.StringIO(), self.target
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["id", "label", *column_names(target, self.outputs)])
        for key, label, row in zip(self.keys, self.labels, row_texts(target, self.outputs), strict=True):
            writer.writerow([key, target.text(label), *row])
        return text.getvalue()


def average(scores: Sequence[Predictions]) -> Predictions:
    """Average the outputs of several models for the same images in the same order.

    Above 1,000 classes, those that any model kept of an image are averaged, with a probability of 0 where a model did
    not keep one, and the 20 best means are kept.

    Raises:
        RunError: Some models predict a number, others the probability of each grade.
    """
    first = scores[0]
    refuse_mixed_heads(scores)
    return Predictions(first.keys, first.labels, align([one.outputs for one in scores]).mean(), first.target)


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
    """Concatenate the predictions of different images.

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
    """Read a file written by `Predictions.csv`.

    Args:
        path: CSV of predictions.
        target: Target of the run's dataset; None takes the columns for classes. More than 1,000 need it.

    Raises:
        RunError: The file is missing or damaged, or without its target it is none of classes.
    """
    try:
        text = path.read_bytes().decode()
        (_, _, *columns), *rows = csv.reader(io.StringIO(text, newline=""))
        texts = [row[1] for row in rows]
        target = target or _classes(path, columns, texts)
        labels = target.encode(texts)
        _refuse_columns(path, target, columns)
        values = list(zip(*(row[2:] for row in rows), strict=True))
        outputs = outputs_of(target, columns, values, len(rows))
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing") from error
    except (ValueError, KeyError, IndexError, csv.Error, SpecError) as error:
        raise RunError(f"{path} is damaged; remove the run's folder and run its command again") from error
    if not rows or not columns or not text.endswith("\n"):
        raise RunError(f"{path} is {'cut short' if rows else 'empty'}")
    return Predictions([row[0] for row in rows], labels, outputs, target)


def _classes(path: Path, columns: Sequence[str], labels: Sequence[str]) -> Target:
    """Take columns for classes where nothing else tells what they are.

    Raises:
        RunError: They are the likeliest of very many, or labels are none of them, as those of tags and numbers are.
    """
    found = classes_of(path, columns)
    if others := set(labels) - set(columns):
        raise RunError(
            f"{path} holds no predictions of classes, as its labels are no columns ('{min(others)}'), and the run's"
            " dataset, which tells what they are, is gone or was made anew: bring it back into tfrecords/"
        )
    return found


def _refuse_columns(path: Path, target: Target, columns: Sequence[str]) -> None:
    if tuple(columns) != expected_names(target, columns):
        raise RunError(f"{path} has other columns than its dataset's target: {', '.join(columns)}")
