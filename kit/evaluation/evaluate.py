"""One run in depth, on one split."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.arguments import checked_arguments
from kit.datasets import Dataset
from kit.errors import RunError, SpecError, option, require, unknown, worded
from kit.evaluation.calibration import Calibration, calibrate
from kit.evaluation.confusion import class_support, classification_report, confusion_matrix
from kit.evaluation.mistakes import mistakes_in
from kit.evaluation.roc import Curve, Kind, ranking_curves
from kit.evaluation.threshold import Threshold, find_threshold
from kit.inference.ensemble import Ensemble, open_ensemble
from kit.inference.out_of_fold import OutOfFold
from kit.inference.predict_split import refuse_unlabelled
from kit.inference.predictions import Predictions
from kit.progress import NO_PROGRESS, Progress
from kit.runs.directory import evaluation_folder
from kit.runs.fold_set import FoldResult
from kit.runs.provenance import Maker, Provenance
from kit.specs.train import Weights
from kit.specs.views import ONE_VIEW, Views, parse_views


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a run, or several whose predictions are averaged, do on a split.

    Attributes:
        run: Folder of the run or of the runs; the first's where they were named one by one.
        dataset: Dataset that holds the split.
        split: Name of the split; "out-of-fold" for the images of several folds, each predicted by runs that did not
            learn from it.
        weights: Epoch whose weights predicted, "best" or "last".
        scores: Predictions of every image.
        runs: Number of runs whose predictions were averaged; one where nothing says otherwise.
        views: Views of each image whose predictions were averaged.
        held_out: The same predictions by fold; None for other splits.
        positive: Index of the class that curves, calibration and threshold are about; None for all of more than two.
        wanted: Recall that a threshold was asked for; None where none was.
        makers: Runs, with hashes of their settings and weights.
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
        """Names of the classes."""
        return self.dataset.manifest.classes

    @property
    def images(self) -> int:
        """Number of images."""
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
    def folder(self) -> Path:
        """Folder that it is written into unless the caller says otherwise.

        Raises:
            SpecError: several runs that were named one by one have no folder of their own.
        """
        is_one = (self.run / "spec.json").is_file()
        given = worded("-o DIR", "the folder to write into")
        require(self.runs == 1 or not is_one, f"several runs have no folder of their own for tables; add {given}")
        return evaluation_folder(self.run, self.split, self.weights, str(self.views))

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits of the dataset in which the images lie."""
        return ("train", "validation") if self.split == "out-of-fold" else (self.split,)

    @functools.cached_property
    def folds(self) -> FoldResult | None:
        """Figures of each fold and their spread; None unless the images are of several."""
        return self.held_out.result() if self.held_out and self.split == "out-of-fold" else None

    @functools.cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Int [classes, classes]; rows are the true classes. Images whose outputs are no numbers are not in it."""
        return confusion_matrix(self.scores, len(self.classes))

    @property
    def support(self) -> NDArray[np.int64]:
        """Images of each true class, int [classes]."""
        return class_support(self.scores, len(self.classes))

    @property
    def confusion_shares(self) -> NDArray[np.float64]:
        """Float [classes, classes]: the confusion matrix, each row divided by the images of its class."""
        return np.asarray(self.confusion / np.maximum(self.support, 1)[:, None])

    @functools.cached_property
    def report(self) -> dict[str, dict[str, float]]:
        """Precision, recall, f1-score and support of each class and their averages, as scikit-learn gives them."""
        return classification_report(self.scores, self.classes)

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
        """Calibration of the probability of `positive`, or of the likeliest class where that is None."""
        numbers = self.scores.are_numbers
        if self.positive is None:
            of, truth, probabilities = "the likeliest class", ~self.scores.mislabelled, self.scores.confidence
        else:
            of, truth = self.classes[self.positive], self.scores.labels == self.positive
            probabilities = self.scores.probabilities[:, self.positive]
        return calibrate(f"probability of {of}", truth[numbers], np.clip(probabilities[numbers], 0, 1))

    @functools.cached_property
    def threshold(self) -> Threshold | None:
        """Highest threshold that reaches `wanted`; None where none was asked for, or none does."""
        if self.wanted is None or self.positive is None:
            return None
        truth, probabilities = self.scores.labels == self.positive, self.scores.probabilities[:, self.positive]
        return find_threshold(truth, probabilities, self.wanted, self.classes[self.positive])

    @functools.cached_property
    def mistakes(self) -> list[int]:
        """Indices of the mislabelled images, the most confident mistakes first."""
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

    @property
    def _curved(self) -> list[int]:
        """Places of the classes that have curves: of two, each mirrors the other."""
        two = len(self.classes) == 2  # noqa: PLR2004
        return [self.positive] if two and self.positive is not None else list(range(len(self.classes)))


@checked_arguments
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
        runs: Paths, or names below runs/; a folder, such as a fold set or an ablation's arm, stands for all runs in it.
        split: Name of a labelled split.
        weights: Epoch whose weights predict, "best" or "last"; the runs' setting `train.evaluate` by default.
        tta: Views to average; see `kit.predict`.
        recall: Recall of `positive`, to find the highest threshold that reaches it.
        positive: Class that `recall`, curves and calibration are about; the second of two unless named.
        root: Root of the workspace; otherwise KIT_ROOT, the workspace that the runs lie in, or the current folder.
        progress: Progress that sees every batch.

    Raises:
        RunError: no such run, runs of different datasets, or runs without images that none of them learned from.
        ShardError: no such split, or it has no labels.
        SpecError: views or a recall that cannot be, no such class, or a recall of which of more than two classes
            nobody knows.
    """
    ensemble = open_ensemble(runs, weights=weights, views=parse_views(tta), root=root)
    index = _positive_place(positive, ensemble.dataset.manifest.classes, recall)
    refuse_unlabelled(ensemble.dataset, split)
    with ensemble.steady() as makers:
        return _evaluate(ensemble, split, makers, index=index, recall=recall, progress=progress)


def _evaluate(
    ensemble: Ensemble,
    split: str,
    makers: tuple[Maker, ...],
    *,
    index: int | None,
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
        positive=index,
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
    require(
        recall is None,
        f"{option('recall')} needs {option('positive', typed='CLASS')} where there are more than two: one of {named}",
    )
    return None
