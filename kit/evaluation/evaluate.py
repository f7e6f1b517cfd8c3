"""One run in depth, on one split."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.arguments import checked_arguments
from kit.datasets import Dataset
from kit.errors import RunError, SpecError, option, require, unknown, worded
from kit.evaluation.class_measures import ClassMeasures
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
class Predictor:
    """A run, or several whose predictions are averaged, and the way in which they predict.

    Attributes:
        path: Folder of the run or of the runs; the first's where they were named one by one.
        weights: Epoch whose weights predict, "best" or "last".
        runs: Number of runs; one where nothing says otherwise.
        views: Views of each image whose predictions are averaged.
        makers: Runs, with hashes of their settings and weights.
    """

    path: Path
    weights: Weights
    runs: int = 1
    views: Views = ONE_VIEW
    makers: tuple[Maker, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a run, or several whose predictions are averaged, do on a split.

    Attributes:
        predictor: Run or runs that predicted.
        dataset: Dataset that holds the split.
        split: Name of the split; "out-of-fold" for the images of several folds, each predicted by runs that did not
            learn from it.
        measures: Predictions of every image, and what they come to.
        held_out: The same predictions by fold; None for other splits.
    """

    predictor: Predictor
    dataset: Dataset
    split: str
    measures: ClassMeasures
    held_out: OutOfFold | None = None

    @property
    def scores(self) -> Predictions:
        """Predictions of every image."""
        return self.measures.scores

    @property
    def accuracy(self) -> float:
        """Share of images whose likeliest class is the true one."""
        return self.measures.accuracy

    @property
    def auc(self) -> float | None:
        """Area under the ROC curve; see `ClassMeasures.auc`."""
        return self.measures.auc

    @property
    def provenance(self) -> Provenance:
        """What made the files, as seal.json beside them says it."""
        return Provenance(
            kind="evaluation",
            dataset=self.dataset.manifest.name,
            fingerprint=self.dataset.manifest.fingerprint,
            split=self.split,
            weights=self.predictor.weights,
            views=str(self.predictor.views),
            made_by=self.predictor.makers,
        )

    @property
    def folder(self) -> Path:
        """Folder that it is written into unless the caller says otherwise.

        Raises:
            SpecError: Several runs that were named one by one have no folder of their own.
        """
        by = self.predictor
        is_one = (by.path / "spec.json").is_file()
        given = worded("-o DIR", "the folder to write into")
        require(by.runs == 1 or not is_one, f"several runs have no folder of their own for tables; add {given}")
        return evaluation_folder(by.path, self.split, by.weights, str(by.views))

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits of the dataset in which the images lie."""
        return ("train", "validation") if self.split == "out-of-fold" else (self.split,)

    @functools.cached_property
    def folds(self) -> FoldResult | None:
        """Figures of each fold and their spread; None unless the images are of several."""
        return self.held_out.result() if self.held_out and self.split == "out-of-fold" else None

    def figures(self) -> dict[str, Any]:
        """All but the images, as evaluation.json holds it and `--json` prints it; NaN becomes null there."""
        return {
            "run": str(self.predictor.path),
            "dataset": self.dataset.manifest.name,
            "fingerprint": self.dataset.manifest.fingerprint,
            "split": self.split,
            "weights": self.predictor.weights,
            "runs": self.predictor.runs,
            "views": self.predictor.views.count,
            **self.measures.figures(),
            "folds": self.folds,
        }


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
        RunError: No such run, runs of different datasets, or runs without images that none of them learned from.
        ShardError: No such split, or it has no labels.
        SpecError: Views or a recall that cannot be, no such class, or a recall without a class where there
            are more than two.
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
    predictor = Predictor(
        path=ensemble.folder or ensemble.runs[0].path,
        weights=ensemble.weights,
        runs=len(ensemble.runs),
        views=ensemble.views,
        makers=makers,
    )
    measures = ClassMeasures(
        scores=held_out.scores if held_out else ensemble.score(split, progress),
        classes=dataset.manifest.classes,
        positive=index,
        wanted=recall,
    )
    return Evaluation(
        predictor=predictor,
        dataset=dataset if len(folds) != 1 else dataset.for_fold(folds[0]),
        split="out-of-fold" if len(folds) > 1 and held_out else split,
        measures=measures,
        held_out=held_out,
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
