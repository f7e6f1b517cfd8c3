"""One run in depth, on one split."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.arguments import checked_arguments
from kit.datasets import Dataset
from kit.errors import RunError, SpecError, option, require, unknown
from kit.evaluation.calibration import Calibration, calibrate
from kit.evaluation.confusion import class_support, classification_report, confusion_matrix
from kit.evaluation.decided import Decided, fitted_rule, given_rule
from kit.evaluation.decisions import Decide, parse_decide, refuse_undecided
from kit.evaluation.metric_scores import (
    AskedMetrics,
    MetricScore,
    fitting_metrics,
    parse_metrics,
    refuse_unfitting,
    score_metrics,
)
from kit.evaluation.mistakes import mistakes_in
from kit.evaluation.roc import Curve, Kind, ranking_curves
from kit.evaluation.threshold import Threshold, find_threshold
from kit.inference.dataset_metric import dataset_metric
from kit.inference.ensemble import Ensemble, open_ensemble
from kit.inference.out_of_fold import OutOfFold
from kit.inference.predict_split import refuse_unlabelled
from kit.inference.predictions import Predictions
from kit.metrics import Metric
from kit.progress import NO_PROGRESS, Progress
from kit.runs.directory import evaluation_folder
from kit.runs.fold_set import FoldResult
from kit.runs.provenance import Maker, Provenance
from kit.specs.train import Weights
from kit.specs.views import ONE_VIEW, Views, parse_views
from kit.targets import Target


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
        metrics: Values of metrics, the dataset's first; empty for classes that are judged by accuracy, unless asked.
        decided: Rule for decisions that was given or fitted; None for the target's own.
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
    metrics: tuple[MetricScore, ...] = ()
    decided: Decided | None = None
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
        """Names of the classes, tags, grades or values."""
        return self.dataset.manifest.classes

    @property
    def has_names(self) -> bool:
        """Whether each image has one class or grade, which can be taken for another."""
        return self.scores.target.is_partition

    @property
    def has_chances(self) -> bool:
        """Whether each image has one class or grade, and the probability of each was predicted."""
        return self.has_names and self.scores.are_probabilities

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
        require(self.runs == 1 or not is_one, "several runs have no folder of their own for tables; add -o DIR")
        return evaluation_folder(self.run, self.split, self.weights, str(self.views))

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits of the dataset in which the images lie."""
        return ("train", "validation") if self.split == "out-of-fold" else (self.split,)

    @functools.cached_property
    def folds(self) -> FoldResult | None:
        """Figures of each fold and their spread; None unless the images are of several."""
        return (
            self.held_out.result(dataset_metric(self.dataset))
            if self.held_out and self.split == "out-of-fold"
            else None
        )

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
        kind = self.scores.target.kind()
        return {
            "run": str(self.run),
            "dataset": self.dataset.manifest.name,
            "fingerprint": self.dataset.manifest.fingerprint,
            "split": self.split,
            "weights": self.weights,
            "runs": self.runs,
            "views": self.views.count,
            kind: self.classes,
            "images": self.images,
            "not_numbers": self.not_numbers,
            **({"metrics": self.metrics} if self.metrics else {}),
            **({"decided": self.decided} if self.decided else {}),
            **(self._figures_of_names() if self.has_names else {}),
            "folds": self.folds,
        }

    def _figures_of_names(self) -> dict[str, Any]:
        """Figures of classes and grades; those of probabilities only where there are some."""
        return {
            "accuracy": self.accuracy,
            **(self._figures_of_chances() if self.has_chances else {}),
            "mislabelled": {"images": len(self.mistakes), "share": len(self.mistakes) / self.images},
            "confusion": self.confusion.tolist(),
            "confusion_shares": self.confusion_shares.tolist(),
            "report": self.report,
            "threshold": None if self.threshold is None else dataclasses.asdict(self.threshold),
        }

    def _figures_of_chances(self) -> dict[str, Any]:
        return {
            "loss": self.scores.loss,
            "auc": self.auc,
            "roc_auc": {curve.name: curve.area for curve in self.curves("ROC")},
            "average_precision": {curve.name: curve.area for curve in self.curves("precision-recall")},
            "calibration_error": self.calibration.error,
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
    metric: AskedMetrics = None,
    decide: str | float | None = None,
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
        metric: Metrics to compute instead of all that fit the dataset's target: names between commas, such as "f1,mcc"
            or `file.py:function`, a function, or several in a list. The first one is what `decide` is fitted to.
        decide: Rule for decisions: "none" for the target's own, a probability from which the second of two classes or
            each tag is decided for, or "best" for the rule that scores best on images that no run learned from.
        root: Root of the workspace; otherwise KIT_ROOT, the workspace that the runs lie in, or the current folder.
        progress: Progress that sees every batch.

    Raises:
        RunError: no such run, runs of different datasets, or runs without images that none of them learned from.
        ShardError: no such split, or it has no labels.
        SpecError: views or a recall that cannot be, no such class, a recall of which of more than two classes nobody
            knows, or a metric or rule that does not fit the target.
    """
    ensemble = open_ensemble(runs, weights=weights, views=parse_views(tta), root=root)
    asked = _Asked(
        index=_positive_index(ensemble, positive, recall),
        recall=recall,
        metrics=tuple(parse_metrics(metric)),
        decide=parse_decide(decide),
    )
    asked.refuse(ensemble)
    refuse_unlabelled(ensemble.dataset, split)
    with ensemble.steady() as makers:
        return _evaluate(ensemble, split, makers, asked, progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is to be measured.

    Attributes:
        index: Index of the positive class; None for all.
        recall: Recall to find a threshold for; None for none.
        metrics: Metrics that were named; none for all that fit.
        decide: Way to decide.
    """

    index: int | None
    recall: float | None
    metrics: tuple[Metric, ...]
    decide: Decide

    def goal(self, dataset: Dataset) -> Metric:
        """Choose the metric that rules are fitted to: the first named, else the dataset's."""
        return self.metrics[0] if self.metrics else dataset_metric(dataset)

    def refuse(self, ensemble: Ensemble) -> None:
        """Refuse metrics and rules that do not fit the target, before anything is predicted."""
        target = ensemble.dataset.manifest.target
        for metric in self.metrics:
            refuse_unfitting(target, metric, are_probabilities=ensemble.predicts_probabilities)
        given_rule(self.decide, target)
        if self.decide.is_fitted:
            refuse_undecided(target, self.goal(ensemble.dataset))

    def shown(self, scores: Predictions, dataset: Dataset) -> Sequence[Metric]:
        """Choose the metrics to compute; none for classes that are judged by accuracy, which have their own figures."""
        own = dataset_metric(dataset)
        if self.metrics or (scores.target.kind() == "classes" and own.name == "accuracy"):
            return self.metrics
        return fitting_metrics(scores.target, own, are_probabilities=scores.are_probabilities)


def _evaluate(
    ensemble: Ensemble,
    split: str,
    makers: tuple[Maker, ...],
    asked: _Asked,
    progress: Progress,
) -> Evaluation:
    dataset, folds = ensemble.dataset, ensemble.folds
    held_out, decided = None, given_rule(asked.decide, dataset.manifest.target)
    is_held_out = split == "validation" and (len(folds) > 1 or len(ensemble.runs) > 1)
    if is_held_out or asked.decide.is_fitted:
        held_out = ensemble.hold_out(progress)
        if held_out is None:
            raise RunError("runs on folds beside runs on the dataset's own split learned from each other's validation")
        if asked.decide.is_fitted:
            decided = fitted_rule(held_out, asked.goal(dataset))
    held_out = held_out if is_held_out else None
    scores = held_out.scores if held_out else ensemble.score(split, progress)
    if decided:
        scores = scores.decided_by(decided.rule)
        held_out = held_out and dataclasses.replace(held_out, scores=scores)
    return Evaluation(
        run=ensemble.folder or ensemble.runs[0].path,
        dataset=dataset if len(folds) != 1 else dataset.for_fold(folds[0]),
        split="out-of-fold" if len(folds) > 1 and held_out else split,
        weights=ensemble.weights,
        scores=scores,
        runs=len(ensemble.runs),
        views=ensemble.views,
        held_out=held_out,
        positive=asked.index,
        wanted=asked.recall,
        metrics=score_metrics(scores, asked.shown(scores, dataset)),
        decided=decided,
        makers=makers,
    )


def _positive_index(ensemble: Ensemble, positive: str | None, recall: float | None) -> int | None:
    target = ensemble.dataset.manifest.target
    require(recall is None or 0 < recall <= 1, f"recall must be above 0 and at most 1, got {recall}")
    if not (target.is_partition and ensemble.predicts_probabilities):
        require(
            positive is None and recall is None,
            f"{option('recall')} and {option('positive')} need probabilities of classes or grades; this dataset's"
            f" target is {target.kind()}" + (", and the run predicts a number" if target.is_partition else ""),
        )
        return None
    return _positive_place(target, positive, recall)


def _positive_place(target: Target, positive: str | None, recall: float | None) -> int | None:
    if positive is not None:
        if positive not in target.names:
            raise SpecError(unknown(target.noun, positive, target.names))
        return target.names.index(positive)
    if len(target.names) == 2:  # noqa: PLR2004 (the second of two)
        return 1
    named = ", ".join(target.names)
    require(
        recall is None,
        f"{option('recall')} needs {option('positive', typed='CLASS')} where there are more than two: one of {named}",
    )
    return None
