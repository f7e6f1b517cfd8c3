"""Table and gallery of misclassified images."""

from __future__ import annotations

from collections.abc import Sequence

from kit.datasets import Dataset
from kit.inference.predictions import NO_CLASS, Predictions
from kit.reports.stored_images import MOST, plot_stored
from kit.reports.table import NOTHING, Table
from kit.targets.top_classes import chances


def mistakes_table(
    scores: Predictions, mistakes: list[int], classes: tuple[str, ...], order: str = "most confident"
) -> Table:
    """Tabulate every mistake: id, true class, predicted class and its probability, or the predicted number."""
    predicted = scores.predicted
    rows = tuple(
        (scores.keys[index], classes[scores.labels[index]], *_prediction(scores, index, int(predicted[index]), classes))
        for index in mistakes
    )
    value = "probability" if scores.are_probabilities else "number"
    return Table(f"misclassified images, {order} first", ("id", "label", "predicted", value), rows)


def plot_mistakes(dataset: Dataset, splits: Sequence[str], table: Table, title: str) -> bytes:
    """Draw the first mistakes of a table, as stored in the given splits.

    Returns:
        A PNG.
    """
    return plot_stored(dataset, splits, [(key, _caption(*others)) for key, *others in table.rows[:MOST]], title)


def describe_count(table: Table, images: int) -> str:
    """Describe the number of mistakes, and of those shown in the gallery."""
    mistakes = len(table.rows)
    if not mistakes:
        return f"none of {images:,} images is misclassified"
    shown = f"the first {MOST} of {mistakes:,}" if mistakes > MOST else f"{mistakes:,}"
    order = table.title.rpartition(", ")[2]
    return f"{shown} misclassified of {images:,} images, {order}"


def _prediction(scores: Predictions, index: int, predicted: int, classes: tuple[str, ...]) -> tuple[str, str]:
    if predicted == NO_CLASS:
        return NOTHING, "nan"
    given = chances(scores.outputs)[index]
    column = predicted if scores.have_all else 0  # the number, or the likeliest class of many
    return classes[predicted], f"{given[column]:.9g}"


def _caption(label: str, predicted: str, probability: str) -> str:
    return f"true {label}\npredicted {predicted} ({float(probability):.4f})"
