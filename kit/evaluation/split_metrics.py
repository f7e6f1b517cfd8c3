"""Metrics of runs on whole splits, computed once and stored beside each run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.datasets import find_dataset
from kit.errors import RunError, SpecError, option, require
from kit.files import write_whole
from kit.inference.predict_split import predict_split, refuse_unlabelled
from kit.inference.predictions import Predictions
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
        loss: Mean cross-entropy of the probabilities; None if an output was not a number.
        accuracy: Share of images whose likeliest class is the true one.
        recall: Recall of the second of two classes, or the mean over more; None if the split has no images of them.
        recall_of: Class of `recall`.
        misclassified: Number of misclassified images.
        not_numbers: Number of images whose output is not a number; they count as misclassified.
        seal: XXH128 over all other fields; see `kit.seals`.
    """

    weights: str
    images: int
    loss: float | None
    accuracy: float
    recall: float | None
    recall_of: str
    misclassified: int
    not_numbers: int
    seal: str = ""


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
    weights: str = "best"


def summarize_measured(runs: Sequence[Measured | None]) -> MeasuredSummary | None:
    """Average over an arm's runs; None unless all runs have metrics."""
    measured = [run for run in runs if run is not None]
    if not measured or len(measured) < len(runs):
        return None
    losses = [(_number(run.train.loss), _number(run.split.loss)) for run in measured]
    return MeasuredSummary(
        train_loss=mean_and_sd_of([train for train, _ in losses]),
        train_accuracy=mean_and_sd_of([run.train.accuracy for run in measured]),
        loss=mean_and_sd_of([loss for _, loss in losses]),
        accuracy=mean_and_sd_of([run.split.accuracy for run in measured]),
        loss_difference=mean_and_sd_of([train - loss for train, loss in losses]),
        accuracy_difference=mean_and_sd_of([run.train.accuracy - run.split.accuracy for run in measured]),
        recall=mean_and_sd_of([run.split.recall for run in measured if run.split.recall is not None]),
        train_recall=mean_and_sd_of([run.train.recall for run in measured if run.train.recall is not None]),
        misclassified=mean_and_sd_of([float(run.split.misclassified) for run in measured]),
        images=measured[0].split.images,
        recall_of=measured[0].split.recall_of,
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
    loaded = {_file(*one): known for one in wanted if (known := _load(*one))}
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


def _load(run: RunDirectory, split: str) -> SplitFigures | None:
    """Load stored metrics; None if there are none of the present weights."""
    try:
        if not from_json(_file(run, split), SplitFigures).seal:  # of an earlier version
            return None
        figures = read_sealed(_file(run, split), SplitFigures, what="evaluation")
        return figures if figures.weights == run.hash_of(run.checked(run.weights())) else None
    except (FileNotFoundError, SpecError):  # an unreadable file is computed again
        return None


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
        figures = split_figures(scores, dataset.manifest.classes, run.hash_of(run.weights()))
        write_whole(_file(run, name), seal(figures))
        computed[_file(run, name)] = figures
        spec = run.spec()
        said = f"{name} loss {scores.loss:.4f}, accuracy {figures.accuracy:.4f}"
        progress.advance(1, f"{spec.arm}, seed {spec.seed}: {said}")
    progress.finish()
    return computed


def split_figures(scores: Predictions, classes: Sequence[str], weights: str) -> SplitFigures:
    """Compute metrics from the predictions of the weights with that checksum."""
    return SplitFigures(
        weights=weights,
        images=len(scores.keys),
        loss=None if math.isnan(scores.loss) else scores.loss,
        accuracy=scores.accuracy,
        recall=scores.recall,
        recall_of=classes[1] if len(classes) == 2 else "the classes, mean",  # noqa: PLR2004 (the second of two)
        misclassified=int(scores.mislabelled.sum()),
        not_numbers=int((~scores.are_numbers).sum()),
    )


def _number(loss: float | None) -> float:
    return math.nan if loss is None else loss
