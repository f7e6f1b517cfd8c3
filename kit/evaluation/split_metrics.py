"""Runs measured on whole splits, each by the weights of its setting; it keeps its figures: they are computed once."""

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
    """What a run's weights come to on a split.

    Attributes:
        weights: XXH128 of their file; other weights make these figures void.
        images: Images of the split.
        loss: Mean cross-entropy of the probabilities; None where an output was not a number.
        accuracy: Share of images whose likeliest class is the true one.
        recall: Recall of the second of two classes, or the mean over more; None where the split has none of them.
        recall_of: Class that `recall` is about.
        misclassified: Images that are misclassified.
        not_numbers: Images for which the model gave no number; they count as misclassified.
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
    """A run's figures on the train split and on another, both by the weights that it is evaluated by.

    Attributes:
        train: Figures on the train split.
        split: Figures on the other split.
        loaded: Number of the two that were computed before.
        weights: Epoch whose weights were measured.
    """

    train: SplitFigures
    split: SplitFigures
    loaded: int
    weights: Weights = "best"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSummary:
    """An arm's runs on whole splits, by the weights that each is evaluated by.

    Attributes:
        train_loss: Loss on the train split, without augmentation or dropout.
        train_accuracy: Accuracy on the train split, without augmentation or dropout.
        loss: Loss on the split that was asked for.
        accuracy: Accuracy on the split that was asked for.
        loss_difference: Difference train_loss minus loss, of each run.
        accuracy_difference: Difference train_accuracy minus accuracy, of each run.
        recall: Recall of the second of two classes, or the mean over more.
        train_recall: The same on the train split.
        misclassified: Misclassified images of the split.
        images: Images of the split.
        recall_of: Class that `recall` is about.
        weights: Epochs whose weights were measured.
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
    """Average over an arm's runs; None unless all of them were measured."""
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
    """Measure finished runs, each on its own dataset's train split and on `split`.

    Args:
        runs: Runs in order.
        split: Labelled split to measure besides train.
        root: Workspace; KIT_ROOT or the current folder otherwise.
        progress: Listener that sees every split of every run that was not measured before.

    Raises:
        RunError: no run, or one whose weights are missing or damaged.
        ShardError: no such split, or it has no labels.
        SpecError: the split is the train split.
    """
    require(split != TRAIN, "split train stands beside every other one; name validation or test")
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
    """Read figures that were computed before; None where there are none of the weights that are there now."""
    try:
        if not from_json(_file(run, split), SplitFigures).seal:  # of an earlier version
            return None
        figures = read_sealed(_file(run, split), SplitFigures, what="evaluation")
        return figures if figures.weights == run.hash_of(run.checked(run.weights())) else None
    except (FileNotFoundError, SpecError):  # what cannot be read is computed again
        return None


def _compute_all(
    missing: Sequence[tuple[RunDirectory, str]], split: str, root: Path | str | None, progress: Progress
) -> dict[Path, SplitFigures]:
    datasets = {name: find_dataset(name, root=root) for name in dict.fromkeys(run.spec().dataset for run, _ in missing)}
    for dataset in datasets.values():  # before any of them is measured
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
    """Compute figures from predictions by the weights of that checksum."""
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
