"""Metrics of runs on whole splits, computed once and stored beside each run."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.datasets import find_dataset
from kit.errors import KitError, RunError, SpecError, option, require
from kit.files import write_whole
from kit.inference.dataset_metric import dataset_metric, own_score
from kit.inference.predict_split import predict_split, refuse_unlabelled
from kit.inference.predictions import Predictions
from kit.metrics import Metric
from kit.metrics.score import known
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory, RunSnapshot
from kit.runs.mean_and_sd import MeanAndSD, mean_and_sd_of
from kit.seals import read_sealed, seal
from kit.specs import from_json
from kit.specs.train import Weights

TRAIN = "train"


class SplitFigures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Metrics of a run's weights on a split.

    Attributes:
        weights: XXH128 of the weights' file; the metrics are invalid for other weights.
        images: Number of images of the split.
        loss: Mean cross-entropy of the probabilities; None if an output was not a number, or outputs are no
            probabilities of classes or grades.
        accuracy: Share of images whose class or grade, as decided, is the true one; None for tags and values.
        recall: Recall of the second of two classes, or the mean over more; None if the split has no images of them, and
            for tags and values.
        recall_of: Class of `recall`; empty for tags and values.
        misclassified: Number of misclassified images; None for tags and values.
        not_numbers: Number of images whose output is not a number; they count as misclassified.
        metric: Name of the dataset's metric, unless that is the accuracy.
        score: Value of that metric; None if it has none.
        seal: XXH128 over all other fields; see `kit.seals`.
    """

    weights: str
    images: int
    loss: float | None
    accuracy: float | None
    recall: float | None
    recall_of: str
    misclassified: int | None
    not_numbers: int
    metric: str | msgspec.UnsetType = msgspec.UNSET
    score: float | msgspec.UnsetType | None = msgspec.UNSET
    seal: str = ""

    @property
    def own_metric(self) -> str:
        """Name of the dataset's metric."""
        return "accuracy" if self.metric is msgspec.UNSET else self.metric

    @property
    def own(self) -> float:
        """Value of the dataset's metric; NaN if it has none."""
        value = self.accuracy if self.score is msgspec.UNSET else self.score
        return math.nan if value is None else value


@dataclass(frozen=True, slots=True)
class Measured:
    """Metrics of a run on the train split and on another split, with the weights of its setting `train.evaluate`.

    Attributes:
        train: Metrics on the train split.
        split: Metrics on the other split.
        loaded: Number of the two that were loaded instead of computed.
        weights: Epoch of the weights, "best" or "last".
    """

    train: SplitFigures
    split: SplitFigures
    loaded: int
    weights: Weights = "best"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSummary:
    """Metrics of an arm's runs on whole splits, with the weights of each run's setting `train.evaluate`.

    Attributes:
        train_loss: Loss on the train split, without augmentation or dropout.
        train_accuracy: Accuracy on the train split, without augmentation or dropout.
        loss: Loss on the other split.
        accuracy: Accuracy on the other split.
        loss_difference: Difference train_loss minus loss, of each run.
        accuracy_difference: Difference train_accuracy minus accuracy, of each run.
        recall: Recall of the second of two classes, or the mean over more.
        train_recall: The same recall on the train split.
        misclassified: Number of misclassified images of the other split.
        images: Number of images of the other split.
        recall_of: Class of `recall`.
        metric: Name of the dataset's metric, unless that is the accuracy; empty otherwise.
        train_score: Value of that metric on the train split.
        score: Value of that metric on the other split.
        score_difference: Difference train_score minus score, of each run.
        weights: Epochs of the weights, "best" or "last".
    """

    train_loss: MeanAndSD | None
    train_accuracy: MeanAndSD | None
    loss: MeanAndSD | None
    accuracy: MeanAndSD | None
    loss_difference: MeanAndSD | None
    accuracy_difference: MeanAndSD | None
    recall: MeanAndSD | None
    train_recall: MeanAndSD | None
    misclassified: MeanAndSD | None
    images: int
    recall_of: str
    metric: str = ""
    train_score: MeanAndSD | None = None
    score: MeanAndSD | None = None
    score_difference: MeanAndSD | None = None
    weights: str = "best"


def summarize_measured(runs: Sequence[Measured | None]) -> MeasuredSummary | None:
    """Average over an arm's runs; None unless all runs have metrics."""
    measured = [run for run in runs if run is not None]
    if not measured or len(measured) < len(runs):
        return None
    loss, score = _pair(measured, _loss), _pair(measured, _score)
    accuracy = _pair(measured, lambda figures: figures.accuracy)
    first = measured[0].split
    return MeasuredSummary(
        train_loss=loss.train,
        train_accuracy=accuracy.train,
        loss=loss.split,
        accuracy=accuracy.split,
        loss_difference=loss.difference,
        accuracy_difference=accuracy.difference,
        recall=mean_and_sd_of([run.split.recall for run in measured if run.split.recall is not None]),
        train_recall=mean_and_sd_of([run.train.recall for run in measured if run.train.recall is not None]),
        misclassified=mean_and_sd_of(
            [float(many) for run in measured if (many := run.split.misclassified) is not None]
        ),
        images=first.images,
        recall_of=first.recall_of,
        metric="" if first.metric is msgspec.UNSET else first.metric,
        train_score=score.train,
        score=score.split,
        score_difference=score.difference,
        weights=" and ".join(sorted({run.weights for run in measured})),
    )


def measure_runs(
    runs: Sequence[RunDirectory], split: str, *, root: Path | str | None = None, progress: Progress = NO_PROGRESS
) -> list[Measured]:
    """Compute the metrics of finished runs, each on its own dataset's train split and on `split`.

    Args:
        runs: Runs in order.
        split: Labelled split besides train.
        root: Workspace; KIT_ROOT or the current folder otherwise.
        progress: Receiver of every split of every run that is computed.

    Raises:
        RunError: There is no run, or the weights of one are missing or damaged.
        ShardError: There is no such split, or it has no labels.
        SpecError: The split is the train split.
    """
    require(split != TRAIN, "split train is always measured too; name validation or test")
    if not runs:
        raise RunError(f"{option('split')} measures runs; histories from elsewhere have no weights")
    runs = [RunSnapshot.of(run) for run in runs]
    wanted = [(run, name) for run in runs for name in (TRAIN, split)]
    metrics = _metrics(runs, root)
    loaded = {_file(*one): known for one in wanted if (known := _load(*one, metrics))}
    missing = [one for one in wanted if _file(*one) not in loaded]
    computed = _compute_all(missing, split, root, progress) if missing else {}
    figures = loaded | computed
    return [
        Measured(
            train=figures[_file(run, TRAIN)],
            split=figures[_file(run, split)],
            loaded=sum(_file(run, name) in loaded for name in (TRAIN, split)),
            weights=run.spec().train.evaluate,
        )
        for run in runs
    ]


def _file(run: RunDirectory, split: str) -> Path:
    folder = run.evaluation(split, run.spec().train.evaluate)
    return folder.with_name(f"{folder.name}.json")


def _load(run: RunDirectory, split: str, metrics: Mapping[str, str]) -> SplitFigures | None:
    """Load stored metrics; None if there are none of the present weights, or the dataset has another metric now."""
    try:
        if not from_json(_file(run, split), SplitFigures).seal:  # of an earlier version
            return None
        figures = read_sealed(_file(run, split), SplitFigures, what="evaluation")
        is_of_metric = figures.own_metric == metrics.get(run.spec().dataset, figures.own_metric)
        return figures if is_of_metric and figures.weights == run.hash_of(run.checked(run.weights())) else None
    except (FileNotFoundError, SpecError):  # an unreadable file is computed again
        return None


def _metrics(runs: Sequence[RunDirectory], root: Path | str | None) -> dict[str, str]:
    """Name the metric of each dataset that still exists."""
    found = {}
    for name in dict.fromkeys(run.spec().dataset for run in runs):
        with contextlib.suppress(KitError):
            found[name] = dataset_metric(find_dataset(name, root=root)).name
    return found


def _compute_all(
    missing: Sequence[tuple[RunDirectory, str]], split: str, root: Path | str | None, progress: Progress
) -> dict[Path, SplitFigures]:
    datasets = {name: find_dataset(name, root=root) for name in dict.fromkeys(run.spec().dataset for run, _ in missing)}
    for dataset in datasets.values():  # before the first is computed
        dataset.shards(split)
        refuse_unlabelled(dataset, split)
    progress.start(f"measure on {TRAIN} and {split}", len(missing))
    computed: dict[Path, SplitFigures] = {}
    for run, name in missing:
        dataset = datasets[run.spec().dataset]
        scores = predict_split(run, dataset, name)
        figures = split_figures(scores, run.hash_of(run.weights()), dataset_metric(dataset))
        write_whole(_file(run, name), seal(figures))
        computed[_file(run, name)] = figures
        spec = run.spec()
        progress.advance(1, f"{spec.arm}, seed {spec.seed}: {name} {_described(figures)}")
    progress.finish()
    return computed


def split_figures(scores: Predictions, weights: str, metric: Metric) -> SplitFigures:
    """Compute metrics from the predictions of the weights with that checksum.

    Args:
        scores: Predictions of the split.
        weights: XXH128 of the weights' file.
        metric: Metric of the dataset.
    """
    target = scores.target
    names, is_named = target.names, target.is_partition
    loss = scores.loss if is_named and scores.have_all else math.nan
    recall_of = names[1] if len(names) == 2 else f"the {target.kind()}, mean"  # noqa: PLR2004 (the second of two)
    score = own_score(scores, metric)
    return SplitFigures(
        weights=weights,
        images=len(scores.keys),
        loss=known(loss),
        accuracy=scores.accuracy if is_named else None,
        recall=scores.recall if is_named else None,
        recall_of=recall_of if is_named else "",
        misclassified=int(scores.mislabelled.sum()) if is_named else None,
        not_numbers=int((~scores.are_numbers).sum()),
        metric=msgspec.UNSET if score is msgspec.UNSET else metric.name,
        score=score,
    )


def _described(figures: SplitFigures) -> str:
    parts = [] if figures.metric is msgspec.UNSET else [(str(figures.metric), _score(figures))]
    parts += [] if figures.accuracy is None else [("loss", _loss(figures)), ("accuracy", figures.accuracy)]
    return ", ".join(f"{name} {value:.4f}" for name, value in parts if value is not None)


def _loss(figures: SplitFigures) -> float | None:
    """Return the loss, NaN for a diverged run; None without probabilities."""
    return math.nan if figures.loss is None and figures.not_numbers else figures.loss


def _score(figures: SplitFigures) -> float | None:
    return None if figures.score is msgspec.UNSET else figures.score


@dataclass(frozen=True, slots=True)
class _Pair:
    """Means over the runs on the train split, on the other split, and of their differences."""

    train: MeanAndSD | None
    split: MeanAndSD | None
    difference: MeanAndSD | None


def _pair(runs: Sequence[Measured], figure: Callable[[SplitFigures], float | None]) -> _Pair:
    values = [(figure(run.train), figure(run.split)) for run in runs]
    known = [(train, split) for train, split in values if train is not None and split is not None]
    if len(known) < len(values):
        return _Pair(None, None, None)
    return _Pair(
        mean_and_sd_of([train for train, _ in known]),
        mean_and_sd_of([split for _, split in known]),
        mean_and_sd_of([train - split for train, split in known]),
    )
