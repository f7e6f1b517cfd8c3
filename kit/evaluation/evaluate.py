"""One run in depth, on one split."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.arguments import checked_arguments
from kit.datasets import Dataset
from kit.errors import RunError, require, worded
from kit.evaluation.chosen_rule import fitted_rule, given_rule
from kit.evaluation.decisions import parse_decide
from kit.evaluation.measure_request import MeasureRequest, find_focus
from kit.evaluation.measures import Measures
from kit.evaluation.metric_scores import AskedMetrics, parse_metrics
from kit.evaluation.sampled_predictions import read_sampled
from kit.evaluation.subgroup_columns import open_subgroups
from kit.evaluation.subgroups import Subgroups
from kit.inference.dataset_metric import dataset_metric
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
    """Results of a run, or of several whose predictions are averaged, on a split.

    Attributes:
        predictor: Run or runs that predicted.
        dataset: Dataset that holds the split.
        split: Name of the split; "out-of-fold" for the images of several folds, each predicted by runs that were not
            trained on it.
        measures: Predictions of every image, and their measures, of the kind of the target.
        held_out: The same predictions by fold; None for other splits.
        subgroups: The first metric by subgroup; None unless asked for.
    """

    predictor: Predictor
    dataset: Dataset
    split: str
    measures: Measures
    held_out: OutOfFold | None = None
    subgroups: Subgroups | None = None

    @property
    def scores(self) -> Predictions:
        """Predictions of every image."""
        return self.measures.scores

    @property
    def accuracy(self) -> float | None:
        """Share of images whose class or grade, as decided, is the true one; None for tags and values."""
        return self.measures.accuracy

    @property
    def auc(self) -> float | None:
        """Area under the ROC curve, see `ClassMeasures.auc`; None without probabilities of classes or grades."""
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
        return _splits(self.split)

    @functools.cached_property
    def folds(self) -> FoldResult | None:
        """Figures of each fold and their spread; None unless the images are of several."""
        return (
            self.held_out.result(dataset_metric(self.dataset))
            if self.held_out and self.split == "out-of-fold"
            else None
        )

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
            **({"subgroups": self.subgroups.figures()} if self.subgroups else {}),
        }


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
    by: str | None = None,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Evaluation:
    """Measure a run, or several whose predictions are averaged, on a labelled split.

    Of runs on several folds "validation" is all of those folds, each image predicted by the runs that were not
    trained on it: out-of-fold.

    Args:
        runs: Paths, or names below runs/; a folder, such as a fold set or an ablation's arm, stands for all runs in it.
        split: Name of a labelled split.
        weights: Epoch whose weights predict, "best" or "last"; the runs' setting `train.evaluate` by default.
        tta: Views to average; see `kit.predict`.
        recall: Recall of `positive`, to find the highest threshold that reaches it.
        positive: Class that `recall`, curves and calibration are about; the second of two unless named.
        metric: Metrics to compute instead of the dataset's and the usual ones of its target: names between commas, such
            as "f1,mcc" or `file.py:function`, a function, or several in a list. The first one is what `decide` is
            fitted to.
        decide: Rule for decisions: "none" for the target's own, a probability from which the second of two classes or
            each tag is decided for, or "best" for the rule that scores best on images that no run was trained on.
        by: Subgroups of the images to compare by the first metric: "class" or "grade", "group", a column of the label
            file, or `FILE.csv:COLUMN` for a table of your own with ids.
        root: Root of the workspace; otherwise KIT_ROOT, the workspace that the runs lie in, or the current folder.
        progress: Progress that sees every batch.

    Raises:
        RunError: No such run, runs of different datasets, or runs without images that none of them was trained on.
        ShardError: No such split, or it has no labels.
        SpecError: Views or a recall that cannot be, no such class, a recall without a class where there are more than
            two, or no such column.
        SourceError: A table of subgroups that cannot be read, or lacks images.
        WorkspaceError: The label file is gone, or was changed since the dataset was made.
    """
    ensemble = open_ensemble(runs, weights=weights, views=parse_views(tta), root=root)
    asked = MeasureRequest(
        focus=find_focus(ensemble, positive, recall),
        metrics=tuple(parse_metrics(metric)),
        decide=parse_decide(decide),
        by=by or "",
        divide=None if by is None else open_subgroups(by, ensemble.dataset),
    )
    asked.refuse(ensemble)
    refuse_unlabelled(ensemble.dataset, split)
    with ensemble.steady() as makers:
        return _evaluate(ensemble, split, makers, asked, progress)


def _evaluate(
    ensemble: Ensemble,
    split: str,
    makers: tuple[Maker, ...],
    asked: MeasureRequest,
    progress: Progress,
) -> Evaluation:
    dataset, folds = ensemble.dataset, ensemble.folds
    held_out, decided = None, given_rule(asked.decide, dataset.manifest.target)
    is_held_out = split == "validation" and (len(folds) > 1 or len(ensemble.runs) > 1)
    if is_held_out or asked.decide.is_fitted:
        held_out = ensemble.hold_out(progress)
        if held_out is None:
            raise RunError(
                "runs on folds and runs on the dataset's own split were trained on each other's validation images;"
                " evaluate them apart"
            )
        if asked.decide.is_fitted:
            decided = fitted_rule(held_out, asked.goal(dataset))
    held_out = held_out if is_held_out else None
    scores = held_out.scores if held_out else ensemble.score(split, progress)
    if decided:
        scores = scores.decided_by(decided.rule)
        held_out = held_out and dataclasses.replace(held_out, scores=scores)
    crossed = held_out.folds if held_out and len(folds) > 1 else None
    predictor = Predictor(
        path=ensemble.folder or ensemble.runs[0].path,
        weights=ensemble.weights,
        runs=len(ensemble.runs),
        views=ensemble.views,
        makers=makers,
    )
    name = "out-of-fold" if len(folds) > 1 and held_out else split
    seen = dataset if len(folds) != 1 else dataset.for_fold(folds[0])
    drawn = read_sampled(scores, seen, _splits(name), progress)
    return Evaluation(
        predictor=predictor,
        dataset=seen,
        split=name,
        measures=dataclasses.replace(asked.measures(drawn, dataset, decided, progress), folds=crossed),
        held_out=held_out,
        subgroups=asked.subgroups(drawn, dataset, progress),
    )


def _splits(split: str) -> tuple[str, ...]:
    """Name the splits of a dataset in which the images lie."""
    return ("train", "validation") if split == "out-of-fold" else (split,)
