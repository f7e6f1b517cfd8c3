"""One run in depth, on one split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from kit.errors import ShardError
from kit.files import write_whole
from kit.progress import NO_PROGRESS, Progress
from kit.reports.matrix import plot_matrix
from kit.reports.table import NOTHING, Table
from kit.runs import open_run
from kit.shards import find_dataset
from kit.sources import UNLABELLED
from kit.training.score import Scores, Weights, score_split
from kit.workspace import Workspace

_SCORES = ("precision", "recall", "f1-score")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How a run does on a split.

    Attributes:
        run: folder.
        split: name.
        weights: "best" or "last" epoch.
        classes: names.
        confusion: int [classes, classes]; rows are the true classes.
        report: precision, recall, f1-score and support of each class and their averages, as scikit-learn gives them.
        accuracy: share of images whose likeliest class is the true one.
        auc: area under the ROC curve, of the second of two classes, or the mean of each class against the rest;
            None where a class is missing from the split.
    """

    run: Path
    split: str
    weights: Weights
    classes: tuple[str, ...]
    confusion: NDArray[np.int64]
    report: dict[str, dict[str, float]]
    accuracy: float
    auc: float | None

    @property
    def title(self) -> str:
        """What was measured."""
        return f"{self.split}, {self.weights} weights"

    @property
    def folder(self) -> Path:
        """Where it is written unless the caller says otherwise."""
        return self.run / f"evaluation-{self.split}-{self.weights}"

    def tables(self) -> list[Table]:
        """Lay out the confusion matrix and the classification report."""
        confusion = tuple(
            (name, *(f"{count:,}" for count in row)) for name, row in zip(self.classes, self.confusion, strict=True)
        )
        report = tuple(
            (name, *(f"{row[score]:.4f}" for score in _SCORES), f"{row['support']:,.0f}")
            for name, row in self.report.items()
        )
        auc = NOTHING if self.auc is None else f"{self.auc:.4f}"
        return [
            Table(f"{self.title}: rows true, columns predicted", ("class", *self.classes), confusion),
            Table(f"accuracy {self.accuracy:.4f}, AUC {auc}", ("class", *_SCORES, "support"), report),
        ]

    def write(self, folder: Path) -> list[Path]:
        """Write both tables as CSV and as PNG into `folder`.

        Returns:
            The files.
        """
        confusion, report = self.tables()
        files: dict[str, str | bytes] = {
            "confusion_matrix.csv": confusion.csv(),
            "confusion_matrix.png": self._plot_confusion(),
            "classification_report.csv": report.csv(),
            "classification_report.png": self._plot_report(),
        }
        for name, data in files.items():
            write_whole(folder / name, data)
        return [folder / name for name in files]

    def _plot_confusion(self) -> bytes:
        shares = self.confusion / np.maximum(self.confusion.sum(axis=1, keepdims=True), 1)
        cells = [
            [f"{share:.1%}\n{count:,}" for share, count in zip(*rows, strict=True)]
            for rows in zip(shares, self.confusion, strict=True)
        ]
        title = f"{self.title}, n = {self.confusion.sum():,}: share of each true class"
        return plot_matrix(shares, cells, self.classes, self.classes, title=title, axis_names=("predicted", "true"))

    def _plot_report(self) -> bytes:
        values = np.array([[row[score] for score in _SCORES] for row in self.report.values()])
        cells = [[f"{value:.3f}" for value in row] for row in values]
        names = tuple(f"{name}\nn = {row['support']:,.0f}" for name, row in self.report.items())
        auc = "" if self.auc is None else f", AUC {self.auc:.4f}"
        title = f"{self.title}: accuracy {self.accuracy:.4f}{auc}"
        return plot_matrix(values, cells, names, _SCORES, title=title)


def evaluate(
    run: str | Path,
    *,
    split: str = "validation",
    weights: Weights = "best",
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Evaluation:
    """Measure a run on a labelled split.

    Args:
        run: path, or name below runs/.
        split: a labelled one.
        weights: "best" or "last" epoch.
        root: of the workspace; KIT_ROOT or the current folder otherwise.
        progress: sees every batch.

    Raises:
        RunError: no such run, or it is of other data.
        ShardError: no such split, or it has no labels.
    """
    workspace = Workspace.at(root)
    directory = open_run(run, workspace)
    dataset = find_dataset(directory.spec().dataset, root=root)
    if UNLABELLED in dataset.manifest.counts.get(split, {}):
        raise ShardError(f"split '{split}' of {dataset.manifest.name} has no labels; evaluate on another")
    scores = score_split(directory, dataset, split, weights=weights, progress=progress)
    return measure(scores, directory.path, split, weights, dataset.manifest.classes)


def measure(scores: Scores, run: Path, split: str, weights: Weights, classes: tuple[str, ...]) -> Evaluation:
    """Compute an evaluation's figures from predictions."""
    predicted = scores.probabilities.argmax(axis=1)
    places = list(range(len(classes)))
    report: dict[str, Any] = metrics.classification_report(
        scores.labels,
        predicted,
        labels=places,
        target_names=classes,
        output_dict=True,
        zero_division=0.0,
    )
    accuracy = float(metrics.accuracy_score(scores.labels, predicted))
    return Evaluation(
        run=run,
        split=split,
        weights=weights,
        classes=classes,
        confusion=metrics.confusion_matrix(scores.labels, predicted, labels=places),
        report={name: row for name, row in report.items() if isinstance(row, dict)},
        accuracy=accuracy,
        auc=_auc(scores, len(classes)),
    )


def _auc(scores: Scores, classes: int) -> float | None:
    if len(np.unique(scores.labels)) < classes or not np.isfinite(scores.probabilities).all():
        return None
    if classes == 2:  # noqa: PLR2004 (the second of two classes)
        return float(metrics.roc_auc_score(scores.labels, scores.probabilities[:, 1]))
    rows = scores.probabilities.astype(np.float64)
    return float(
        metrics.roc_auc_score(
            scores.labels,
            rows / rows.sum(axis=1, keepdims=True),
            multi_class="ovr",
            average="macro",
        )
    )
