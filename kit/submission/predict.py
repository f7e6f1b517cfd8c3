"""Writes submission.csv: the sample submission's ids, order and columns, with the predictions of one run or several."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kit.arguments import checked_arguments
from kit.datasets import Dataset
from kit.errors import RunError
from kit.evaluation.threshold import Threshold, Wanted, parse_threshold
from kit.files import refuse_overwrite
from kit.inference.ensemble import Ensemble, open_ensemble
from kit.inference.out_of_fold import OutOfFold, ScoredOn
from kit.progress import NO_PROGRESS, Progress
from kit.specs.train import Weights
from kit.specs.views import parse_views
from kit.submission.cells import fill, read_sample, refuse_threshold
from kit.submission.origin import Origin, command_line, now, write_csv
from kit.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A finished submission file.

    Attributes:
        path: CSV written.
        rows: Number of rows, without the header.
        columns: Names of the columns.
        runs: Number of averaged runs.
        views: Number of averaged views of each image.
        threshold: Chosen threshold; None if none was to be chosen.
        metric: Metric of the score: "auc" for probabilities, "accuracy" for classes; None without a score.
        score: Score on images that no run was trained on, predicted in the same way.
        is_crossed: Whether the score is cross-fitted, with a threshold chosen without each fold; otherwise a chosen
            threshold is scored on the same images that it was chosen on.
        scored_on: Name of the scored images.
    """

    path: Path
    rows: int
    columns: tuple[str, ...]
    runs: int
    views: int
    threshold: Threshold | None
    metric: str | None
    score: float | None
    is_crossed: bool
    scored_on: ScoredOn | None


@checked_arguments
def predict(
    *runs: str | Path,
    split: str = "test",
    output: Path | str | None = None,
    threshold: float | str | None = None,
    tta: str | int | None = None,
    weights: Weights | None = None,
    force: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Submission:
    """Predict a split and write a submission, with a side file that records its origin.

    The probabilities of several runs, and of several views of an image, are averaged. The score is measured on images
    that no run was trained on: out-of-fold for runs on folds, otherwise the validation split.

    For the test split of a dataset with a sample submission, the file has its ids, order and columns; otherwise it
    has `id` and a probability for each class, or with `threshold` `id` and `label`. A single value column gets the
    probability of the second of two classes (by name, so 1 of 0 and 1), or with `threshold` the class; with more than
    two classes it gets the most likely one.

    Args:
        runs: Paths, or names below runs/; a folder, such as a fold set or an ablation's arm, means all runs in it.
        split: Split to predict.
        output: File to write; submissions/<run>.csv of the workspace by default.
        threshold: Probability from which an image counts as the second class, or a goal for choosing it on
            images that no run was trained on: "best-f1", "best-accuracy" or "recall:0.95".
        tta: Views to average: "flips" (4), "d4" (the 8 of a square), or a number: the unchanged image plus random draws
            of the run's own augmentation.
        weights: Weights to predict with, those of the "best" or the "last" epoch; the runs' setting `train.evaluate` by
            default.
        force: Whether to replace an existing file.
        root: Root of the workspace; by default KIT_ROOT, the workspace of the runs, or the current folder.
        progress: Receiver of every batch.

    Raises:
        SubmissionError: The predictions do not fit the sample submission's ids or columns.
        RunError: No such run, runs of different datasets, or no images to choose a threshold on.
        SpecError: Invalid threshold or views.
        WorkspaceError: The file exists and `force` is not set.
    """
    workspace = Workspace.holding(runs, root)
    wanted, views = parse_threshold(threshold), parse_views(tta)
    ensemble = open_ensemble(runs, weights=weights, views=views, root=root)
    dataset = ensemble.dataset
    path = Path(output) if output else workspace.submission(_flat_name(ensemble, workspace))
    refuse_overwrite(path, force=force)
    ensemble.refuse(split)
    sample = read_sample(dataset) if split == "test" and dataset.manifest.sample_submission else None
    if wanted is not None:
        refuse_threshold(dataset.manifest.classes, sample)
    if isinstance(wanted, Wanted) and not ensemble.knows_held_out:
        raise RunError(
            "runs on folds together with runs on the dataset's own split leave no images to choose a threshold on"
            " that none of them was trained on; give a number, or name runs of one kind"
        )
    with ensemble.steady() as makers:
        held_out = ensemble.hold_out(progress)
        chosen = _choose(wanted, held_out) if isinstance(wanted, Wanted) and held_out else None
        at = chosen.threshold if chosen else wanted if isinstance(wanted, float) else None
        scores = ensemble.score(split, progress)
    table = fill(scores, dataset.manifest.classes, sample, at)
    has_labels = at is not None or _is_most_likely(dataset, len(table.columns))
    metric, score = _score(held_out, at, has_labels=has_labels) if held_out else (None, None)
    crossed = _crossed(wanted, held_out) if isinstance(wanted, Wanted) and held_out else None
    score = score if crossed is None else crossed
    scored_on = held_out.scored_on if held_out and metric else None
    options = {
        "--split": None if split == "test" else split,
        "--threshold": threshold,
        "--tta": tta,
        "--weights": weights,
        "--output": path,
        "--root": root,
    }
    origin = Origin(
        command=command_line("predict", runs, options),
        dataset=dataset.manifest.name,
        fingerprint=dataset.manifest.fingerprint,
        runs=[maker.run for maker in makers],
        made_by=makers,
        created=now(),
        metric=metric,
        score=score,
        scored_on=scored_on,
    )
    write_csv(path, table.to_csv(index=False, lineterminator="\n"), origin, force=force)
    return Submission(
        path=path,
        rows=len(table),
        columns=tuple(table.columns),
        runs=len(ensemble.runs),
        views=views.count,
        threshold=chosen,
        metric=metric,
        score=score,
        is_crossed=crossed is not None,
        scored_on=scored_on,
    )


def _choose(wanted: Wanted, held_out: OutOfFold) -> Threshold:
    """Choose a threshold for the second of two classes."""
    scores, positive = held_out.scores, held_out.classes[1]
    chosen = wanted.choose(scores.labels == 1, scores.probabilities[:, 1], positive)
    if chosen is None:
        raise RunError(
            f"no threshold reaches {wanted.goal} of class {positive} on {held_out.scored_on} predictions: they have"
            " none of it, or are not numbers; give a number"
        )
    return chosen


def _crossed(wanted: Wanted, held_out: OutOfFold) -> float | None:
    scores = held_out.scores
    return wanted.crossed_accuracy(scores.labels == 1, scores.probabilities[:, 1], held_out.folds)


def _is_most_likely(dataset: Dataset, columns: int) -> bool:
    """Whether one column holds the most likely of more than two classes."""
    return len(dataset.manifest.classes) > 2 and columns == 2  # noqa: PLR2004 (an id and a value)


def _score(held_out: OutOfFold, threshold: float | None, *, has_labels: bool) -> tuple[str | None, float | None]:
    """Score held-out predictions in the form of the file: classes by accuracy, probabilities by AUC."""
    scores = held_out.scores
    if threshold is not None:
        return "accuracy", float(((scores.probabilities[:, 1] >= threshold) == (scores.labels == 1)).mean())
    if has_labels:
        return "accuracy", scores.accuracy
    return (None, None) if scores.auc is None else ("auc", scores.auc)


def _flat_name(ensemble: Ensemble, workspace: Workspace) -> str:
    """Name a file after the folder of the runs; for several runs, after the first and the number of others."""
    path = ensemble.folder or ensemble.runs[0].path
    below = workspace.run_name(path)
    name = path.resolve().name if below.startswith("/") else below.replace("/", "-")
    return name if ensemble.folder else f"{name}-and-{len(ensemble.runs) - 1}-more"
