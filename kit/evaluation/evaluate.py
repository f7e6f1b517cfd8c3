"""One run in depth, on one split."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from kit.datasets import Dataset
from kit.errors import RunError, SpecError, unknown
from kit.evaluation.threshold import Threshold, find_threshold
from kit.inference.ensemble import Ensemble, open_ensemble
from kit.inference.out_of_fold import OutOfFold
from kit.inference.predict_split import refuse_unlabelled
from kit.inference.predictions import Predictions
from kit.progress import NO_PROGRESS, Progress
from kit.reports.calibration import Calibration, calibrate
from kit.reports.confusion import MANY, confused_pairs, weakest_classes
from kit.reports.evaluation import write_evaluation
from kit.reports.fold_table import fold_table
from kit.reports.mistakes import mistakes_in
from kit.reports.roc import Curve, Kind, ranking_curves
from kit.reports.table import NOTHING, Table
from kit.runs.directory import evaluation_folder
from kit.runs.fold_set import FoldResult
from kit.runs.provenance import Maker, Provenance
from kit.specs.settings import require
from kit.specs.train import Weights
from kit.specs.views import ONE_VIEW, Views, parse_views

AVERAGED = ("precision", "recall", "f1-score")
_AVERAGES = ("macro avg", "weighted avg")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a run, or several whose predictions are averaged, do on a split.

    Attributes:
        run: folder, of the run or of the runs; the first's where they were named one by one.
        dataset: that holds the split.
        split: name; "out-of-fold" for the images of several folds, each predicted by runs that did not learn from it.
        weights: "best" or "last" epoch.
        scores: of every image.
        runs: whose predictions were averaged; one where nothing says otherwise.
        views: of each image, likewise.
        held_out: the same predictions by fold; None for other splits.
        positive: place of the class that curves, calibration and threshold are about; None for all of more than two.
        wanted: recall that a threshold was asked for; None where none was.
        makers: The runs, with hashes of their settings and weights.
    """

    run: Path
    dataset: Dataset
    split: str
    weights: Weights
    scores: Predictions
    runs: int = 1
    views: Views = ONE_VIEW
    held_out: OutOfFold | None = None
    positive: int | None = None
    wanted: float | None = None
    makers: tuple[Maker, ...] = ()

    @property
    def provenance(self) -> Provenance:
        """What made the files, as seal.json beside them says it."""
        return Provenance(
            kind="evaluation",
            dataset=self.dataset.manifest.name,
            fingerprint=self.dataset.manifest.fingerprint,
            split=self.split,
            weights=self.weights,
            views=str(self.views),
            made_by=self.makers,
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Names."""
        return self.dataset.manifest.classes

    @property
    def images(self) -> int:
        """Of the split."""
        return len(self.scores.keys)

    @property
    def not_numbers(self) -> int:
        """Images for which the model gave no number."""
        return int((~self.scores.are_numbers).sum())

    @property
    def accuracy(self) -> float:
        """Share of images whose likeliest class is the true one."""
        return self.scores.accuracy

    @property
    def title(self) -> str:
        """What was measured."""
        views = f", {self.views.count} views" if self.views.count > 1 else ""
        runs = f", {self.runs} runs" if self.runs > 1 else ""
        return f"{self.split}, {self.weights} weights{views}{runs}, n = {self.images:,}"

    @property
    def folder(self) -> Path:
        """Where it is written unless the caller says otherwise.

        Raises:
            SpecError: several runs that were named one by one have no folder of their own.
        """
        is_one = (self.run / "spec.json").is_file()
        require(self.runs == 1 or not is_one, "several runs have no folder of their own for tables; add -o DIR")
        return evaluation_folder(self.run, self.split, self.weights, str(self.views))

    @property
    def splits(self) -> tuple[str, ...]:
        """Of the dataset, in which the images lie."""
        return ("train", "validation") if self.split == "out-of-fold" else (self.split,)

    @functools.cached_property
    def folds(self) -> FoldResult | None:
        """Figures of each fold and their spread; None unless the images are of several."""
        return self.held_out.result() if self.held_out and self.split == "out-of-fold" else None

    @functools.cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Int [classes, classes]; rows are the true classes. Images whose outputs are no numbers are not in it."""
        places = range(len(self.classes))
        return np.asarray(metrics.confusion_matrix(self.scores.labels, self.scores.predicted, labels=places))

    @property
    def confusion_shares(self) -> NDArray[np.float64]:
        """Float [classes, classes]: the confusion matrix, each row divided by the images of its class."""
        support = np.bincount(self.scores.labels, minlength=len(self.classes))
        return np.asarray(self.confusion / np.maximum(support, 1)[:, None])

    @functools.cached_property
    def report(self) -> dict[str, dict[str, float]]:
        """Precision, recall, f1-score and support of each class and their averages, as scikit-learn gives them."""
        report: dict[str, Any] = metrics.classification_report(
            self.scores.labels,
            self.scores.predicted,
            labels=range(len(self.classes)),
            target_names=self.classes,
            output_dict=True,
            zero_division=0.0,
        )
        return {name: report[name] for name in (*self.classes, *_AVERAGES)}

    @functools.cached_property
    def auc(self) -> float | None:
        """Area under the ROC curve: of two classes, or the mean of each class against the rest.

        None where a class is missing from the split, or an output is not a number.
        """
        return self.scores.auc

    def curves(self, kind: Kind) -> list[Curve]:
        """Compute the curve of each class against the rest; of two classes that of `positive`."""
        return ranking_curves(kind, self.scores, self.classes, self._curved)

    @functools.cached_property
    def calibration(self) -> Calibration:
        """Of the probability of `positive`, or of the likeliest class where that is None."""
        numbers = self.scores.are_numbers
        if self.positive is None:
            of, truth, probabilities = "the likeliest class", ~self.scores.mislabelled, self.scores.confidence
        else:
            of, truth = self.classes[self.positive], self.scores.labels == self.positive
            probabilities = self.scores.probabilities[:, self.positive]
        return calibrate(f"probability of {of}", truth[numbers], np.clip(probabilities[numbers], 0, 1))

    @functools.cached_property
    def threshold(self) -> Threshold | None:
        """The highest that reaches `wanted`; None where none was asked for, or none does."""
        if self.wanted is None or self.positive is None:
            return None
        truth, probabilities = self.scores.labels == self.positive, self.scores.probabilities[:, self.positive]
        return find_threshold(truth, probabilities, self.wanted, self.classes[self.positive])

    @functools.cached_property
    def mistakes(self) -> list[int]:
        """Places of the mislabelled images, the most confident mistakes first."""
        return mistakes_in(self.scores)

    def figures(self) -> dict[str, Any]:
        """All but the images, as evaluation.json holds it and `--json` prints it; NaN becomes null there."""
        return {
            "run": str(self.run),
            "dataset": self.dataset.manifest.name,
            "fingerprint": self.dataset.manifest.fingerprint,
            "split": self.split,
            "weights": self.weights,
            "runs": self.runs,
            "views": self.views.count,
            "classes": self.classes,
            "images": self.images,
            "not_numbers": self.not_numbers,
            "accuracy": self.accuracy,
            "loss": self.scores.loss,
            "auc": self.auc,
            "roc_auc": {curve.name: curve.area for curve in self.curves("ROC")},
            "average_precision": {curve.name: curve.area for curve in self.curves("precision-recall")},
            "calibration_error": self.calibration.error,
            "mislabelled": {"images": len(self.mistakes), "share": len(self.mistakes) / self.images},
            "confusion": self.confusion.tolist(),
            "confusion_shares": self.confusion_shares.tolist(),
            "report": self.report,
            "threshold": None if self.threshold is None else dataclasses.asdict(self.threshold),
            "folds": self.folds,
        }

    def tables(self) -> list[Table]:
        """Lay out the confusion matrix, counts above shares, the classification report, and the folds if there are."""
        confusion = tuple((name, *row) for name, row in zip(self.classes, self.confusion_cells(), strict=True))
        report = tuple(
            (name, *(f"{row[score]:.4f}" for score in AVERAGED), f"{row['support']:,.0f}")
            for name, row in self.report.items()
        )
        return [
            Table(f"{self.title}: rows true, columns predicted", ("class", *self.classes), confusion),
            Table(self.headline, ("class", *AVERAGED, "support"), report),
            *([fold_table(self.folds)] if self.folds else []),
        ]

    def shown_tables(self) -> list[Table]:
        """Lay out what a screen has room for: of more than twenty classes a summary, else what `tables` gives."""
        confusion, report, *others = self.tables()
        if len(self.classes) <= MANY:
            return [confusion, report, *others]
        support = np.bincount(self.scores.labels, minlength=len(self.classes))
        words, rows = weakest_classes(self.report, self.classes, {row[0]: row for row in report.rows})
        pairs = confused_pairs(self.confusion, support, self.classes)
        return [
            Table(f"{self.title}: {pairs.title}", pairs.columns, pairs.rows),
            Table(f"{report.title}; {words}", report.columns, rows),
            *others,
        ]

    def confusion_cells(self) -> list[list[str]]:
        """Write each cell of the confusion matrix as its count above its share of the row."""
        return [
            [f"{count:,}\n{share:.1%}" for count, share in zip(*rows, strict=True)]
            for rows in zip(self.confusion, self.confusion_shares, strict=True)
        ]

    @property
    def headline(self) -> str:
        """The split's few figures in a line."""
        figures = {
            "accuracy": self.accuracy,
            "loss": self.scores.loss,
            "AUC": self.auc,
            "calibration error": self.calibration.error,
        }
        return ", ".join(f"{name} {NOTHING if value is None else f'{value:.4f}'}" for name, value in figures.items())

    def remarks(self) -> list[str]:
        """Say in a line each how many images are mislabelled, the threshold, and what is no number."""
        lines = [f"mislabelled: {len(self.mistakes):,} of {self.images:,} images ({1 - self.accuracy:.1%})"]
        if self.threshold is not None:
            lines.append(str(self.threshold))
        elif self.wanted is not None and self.positive is not None:
            name = self.classes[self.positive]
            why = "its outputs are not numbers" if self.report[name]["support"] else f"{self.split} has none of it"
            lines.append(f"no threshold reaches recall {self.wanted:g} of class {name}: {why}")
        if self.not_numbers:
            lines.append(
                f"warning: {self.not_numbers:,} of {self.images:,} outputs are not numbers: the training diverged;"
                " they count as mislabelled, and are in no curve. Lower train.learning_rate and train again"
            )
        return lines

    def write(self, folder: Path, *, html: bool = False) -> list[Path]:
        """Write figures, predictions, tables and pictures into `folder`, and with `html` one page of all.

        Returns:
            The files.

        Raises:
            WorkspaceError: The folder holds another evaluation, or files of one that were changed since.
        """
        return write_evaluation(self, folder, html=html)

    @property
    def _curved(self) -> list[int]:
        """Places of the classes that have curves: of two, each mirrors the other."""
        two = len(self.classes) == 2  # noqa: PLR2004
        return [self.positive] if two and self.positive is not None else list(range(len(self.classes)))


def evaluate(
    *runs: str | Path,
    split: str = "validation",
    weights: Weights | None = None,
    tta: str | int | None = None,
    recall: float | None = None,
    positive: str | None = None,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Evaluation:
    """Measure a run, or several whose predictions are averaged, on a labelled split.

    Of runs on several folds "validation" is all of those folds, each image predicted by the runs that did not learn
    from it: out-of-fold.

    Args:
        runs: paths, or names below runs/; a folder, such as a fold set or an ablation's arm, stands for all runs in it.
        split: a labelled one.
        weights: Epoch whose weights predict, "best" or "last"; the runs' setting `train.evaluate` by default.
        tta: views to average; see `kit.predict`.
        recall: of `positive`, to find the highest threshold that reaches it.
        positive: class; the second of two unless named.
        root: Root of the workspace; otherwise KIT_ROOT, the workspace that the runs lie in, or the current folder.
        progress: sees every batch.

    Raises:
        RunError: no such run, runs of different datasets, or runs without images that none of them learned from.
        ShardError: no such split, or it has no labels.
        SpecError: views or a recall that cannot be, no such class, or a recall of which of more than two classes
            nobody knows.
    """
    ensemble = open_ensemble(runs, weights=weights, views=parse_views(tta), root=root)
    place = _positive_place(positive, ensemble.dataset.manifest.classes, recall)
    refuse_unlabelled(ensemble.dataset, split)
    with ensemble.steady() as makers:
        return _evaluate(ensemble, split, makers, place=place, recall=recall, progress=progress)


def _evaluate(
    ensemble: Ensemble,
    split: str,
    makers: tuple[Maker, ...],
    *,
    place: int | None,
    recall: float | None,
    progress: Progress,
) -> Evaluation:
    dataset, folds = ensemble.dataset, ensemble.folds
    held_out = None
    if split == "validation" and (len(folds) > 1 or len(ensemble.runs) > 1):
        held_out = ensemble.hold_out(progress)
        if held_out is None:
            raise RunError("runs on folds beside runs on the dataset's own split learned from each other's validation")
    return Evaluation(
        run=ensemble.folder or ensemble.runs[0].path,
        dataset=dataset if len(folds) != 1 else dataset.for_fold(folds[0]),
        split="out-of-fold" if len(folds) > 1 and held_out else split,
        weights=ensemble.weights,
        scores=held_out.scores if held_out else ensemble.score(split, progress),
        runs=len(ensemble.runs),
        views=ensemble.views,
        held_out=held_out,
        positive=place,
        wanted=recall,
        makers=makers,
    )


def _positive_place(positive: str | None, classes: tuple[str, ...], recall: float | None) -> int | None:
    require(recall is None or 0 < recall <= 1, f"recall must be above 0 and at most 1, got {recall}")
    if positive is not None:
        if positive not in classes:
            raise SpecError(unknown("class", positive, classes))
        return classes.index(positive)
    if len(classes) == 2:  # noqa: PLR2004 (the second of two)
        return 1
    named = ", ".join(classes)
    require(recall is None, f"--recall needs --positive CLASS where there are more than two: one of {named}")
    return None
