"""Confusion matrix, classification report, most confused pairs and weakest classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from kit.inference.predictions import NO_CLASS, Predictions

Report: TypeAlias = Mapping[str, Mapping[str, float]]

AVERAGES = ("macro avg", "weighted avg")
_NOTHING = {"precision": 0.0, "recall": 0.0, "f1-score": 0.0, "support": 0.0}


class ConfusedPair(NamedTuple):
    """A pair of classes: images of one are predicted as the other.

    Attributes:
        true: Index of the true class.
        predicted: Index of the predicted class.
        images: Number of images of the true class for which the other one is predicted.
        support: Number of all images of the true class.
    """

    true: int
    predicted: int
    images: int
    support: int


def confusion_matrix(scores: Predictions, classes: int) -> NDArray[np.int64]:
    """Count images by true and predicted class, with scikit-learn.

    Args:
        scores: Predictions of all images.
        classes: Number of classes.

    Returns:
        Int [classes, classes]; rows are the true classes. Images whose outputs are not numbers are left out.
    """
    return np.asarray(metrics.confusion_matrix(scores.labels, scores.predicted, labels=range(classes)))


def confusion_among(scores: Predictions, indices: Sequence[int]) -> NDArray[np.int64]:
    """Count images by true and predicted class among some classes of however many, int [m, m].

    Args:
        scores: Predictions of all images.
        indices: Indices of the m classes, ascending.
    """
    known, labels = np.asarray(indices), np.stack([scores.labels, scores.predicted])
    here = labels[:, np.isin(labels, known).all(axis=0)]
    size = len(known)
    true, predicted = np.searchsorted(known, here)
    return np.bincount(true * size + predicted, minlength=size * size).reshape(size, size)


def most_confused(pairs: Sequence[ConfusedPair], most: int) -> list[int]:
    """List the classes of the first pairs, as many as there is room for, ascending.

    Args:
        pairs: Pairs of confused classes in order.
        most: Number of classes that there is room for.
    """
    found: dict[int, None] = {}
    for pair in pairs:
        wider = found | dict.fromkeys((pair.true, pair.predicted))
        if len(wider) > most:
            break
        found = wider
    return sorted(found)


def class_support(scores: Predictions, classes: int) -> NDArray[np.int64]:
    """Count the images of each true class, int [classes].

    Args:
        scores: Predictions of all images.
        classes: Number of classes.
    """
    return np.bincount(scores.labels, minlength=classes)


def classification_report(scores: Predictions, classes: Sequence[str]) -> dict[str, dict[str, float]]:
    """Compute precision, recall, f1-score and support of each class and their averages, with scikit-learn.

    Averages are over the classes that an image has or is predicted as; the others have zeros.

    Args:
        scores: Predictions of all images.
        classes: Names of the classes.
    """
    there = {*scores.labels.tolist(), *scores.predicted.tolist()} - {NO_CLASS}
    report: dict[str, Any] = metrics.classification_report(
        scores.labels,
        scores.predicted,
        labels=sorted(there),
        target_names=[classes[index] for index in sorted(there)],
        output_dict=True,
        zero_division=0.0,
    )
    of_classes = {name: report[name] if index in there else dict(_NOTHING) for index, name in enumerate(classes)}
    return {**of_classes, **{name: report[name] for name in AVERAGES}}


def confused_pairs(scores: Predictions, classes: int) -> list[ConfusedPair]:
    """List the pairs of confused classes by number of images, and by share of the true class in a tie, descending.

    Args:
        scores: Predictions of all images.
        classes: Number of classes, which may be too many for a matrix.
    """
    predicted, support = scores.predicted, class_support(scores, classes)
    wrong = scores.mislabelled & (predicted != NO_CLASS)
    found, counts = np.unique(np.stack([scores.labels[wrong], predicted[wrong]]), axis=1, return_counts=True)
    of = support[found[0]]
    order = np.lexsort((-counts / of, -counts))
    rows = np.stack([*found, counts, of], axis=1)[order].tolist()
    return [ConfusedPair(*row) for row in rows]


def weakest_classes(report: Report, classes: Sequence[str]) -> list[str]:
    """List the classes with images by ascending f1-score, those of most images first in a tie.

    Args:
        report: Metrics by class and average, from `classification_report`.
        classes: Names of the classes.
    """
    present = [name for name in classes if report[name]["support"]]
    return sorted(present, key=lambda name: (report[name]["f1-score"], -report[name]["support"]))
