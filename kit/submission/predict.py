"""Writes submission.csv: the sample submission's ids, order and columns, with the predictions of one run or several."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

from kit.arguments import checked_arguments
from kit.engines import Part
from kit.errors import SpecError
from kit.evaluation.chosen_rule import ChosenRule, fitted_rule
from kit.evaluation.threshold import Threshold, Wanted
from kit.inference.ensemble import Ensemble, open_ensemble
from kit.inference.kept_batches import BatchFolder
from kit.inference.out_of_fold import OutOfFold, ScoredOn
from kit.locks import locked_part, refuse_parts
from kit.metrics import Metric, find_metric
from kit.metrics.score import Judges
from kit.progress import NO_PROGRESS, Progress
from kit.runs.provenance import Maker
from kit.specs.train import Weights
from kit.specs.views import parse_views
from kit.submission.cells import Cells
from kit.submission.form import Sample, choose_cells, named_metric, read_sample, refuse_decisions
from kit.submission.kept_predictions import kept_text
from kit.submission.origin import Origin, command_line, kept_file, now, read_origin, refuse_existing, write_csv
from kit.submission.rule import (
    AskedRule,
    Scored,
    ask_rule,
    choose_threshold,
    crossed_threshold,
    fewest_tags,
    refuse_threshold,
    refuse_unfitted,
    score_cells,
)
from kit.targets import Decision
from kit.workspace import Workspace, root_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A finished submission file.

    Attributes:
        path: CSV written.
        rows: Number of rows, without the header.
        columns: Names of the columns.
        target: Kind of the target: "classes", "tags", "grades" or "values".
        names: Names of the target.
        runs: Number of averaged runs.
        views: Number of averaged views of each image.
        holds: Contents of the cells: "probabilities", "decisions", "ranks" or "numbers".
        predictions: File of the predictions kept beside the CSV.
        threshold: Chosen threshold; None if none was to be chosen.
        decided: Rule fitted to a metric; None if none was to be fitted.
        metric: Metric of the score: the dataset's; of classes without one, "auc" for probabilities and "accuracy" for
            classes. None without a score.
        score: Score on images that no run was trained on, predicted in the same way.
        is_crossed: Whether the score is cross-fitted, with a rule chosen without each fold; otherwise a chosen rule is
            scored on the same images that it was chosen on.
        scored_on: Name of the scored images.
    """

    path: Path
    rows: int
    columns: tuple[str, ...]
    target: str
    names: tuple[str, ...]
    runs: int
    views: int
    holds: Judges
    predictions: Path
    threshold: Threshold | None
    decided: ChosenRule | None
    metric: str | None
    score: float | None
    is_crossed: bool
    scored_on: ScoredOn | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedPart:
    """Part of a split's images, as `kit.predict` returns it for `part`.

    Attributes:
        part: Part as I/N.
        folder: Folder of the predictions of all parts.
        images: Number of images of this part.
        missing: Number of images of the split that not every run has predicted yet.
        path: CSV, if it is complete already; None otherwise.
    """

    part: str
    folder: Path
    images: int
    missing: int
    path: Path | None = None


@overload
def predict(
    *runs: str | Path,
    split: str = "test",
    output: Path | str | None = None,
    threshold: float | str | None = None,
    decide: float | str | None = None,
    tta: str | int | None = None,
    weights: Weights | None = None,
    part: None = None,
    force: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Submission: ...


@overload
def predict(
    *runs: str | Path,
    split: str = "test",
    output: Path | str | None = None,
    threshold: float | str | None = None,
    decide: float | str | None = None,
    tta: str | int | None = None,
    weights: Weights | None = None,
    part: str | None,
    force: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Submission | PredictedPart: ...


@checked_arguments
def predict(
    *runs: str | Path,
    split: str = "test",
    output: Path | str | None = None,
    threshold: float | str | None = None,
    decide: float | str | None = None,
    tta: str | int | None = None,
    weights: Weights | None = None,
    part: str | None = None,
    force: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Submission | PredictedPart:
    """Predict a split and write a submission, with side files of its origin and of the predictions themselves.

    The probabilities of several runs, and of several views of an image, are averaged. The score is measured on images
    that no run was trained on: out-of-fold for runs on folds, otherwise the validation split.

    For the test split of a dataset with a sample submission, the file has its ids, order, columns and kind of cells;
    otherwise classes get a column of probabilities each, and tags, grades and values what the labels are. Where the
    sample leaves open what cells hold, they hold what the dataset's metric judges. A single value column of two classes
    gets the probability of the class that it is called after, otherwise of the second (by name, so 1 of 0 and 1), or
    with a rule the class; of more than two classes the likeliest. Where no cell of the sample is empty, and no word
    stands for none, each image gets one tag or more.

    The probabilities or numbers stay beside the file, in <file>.predictions.csv, for `kit.blend`.

    Args:
        runs: Paths, or names below runs/; a folder, such as a fold set or an ablation's arm, means all runs in it.
        split: Split to predict.
        output: File to write; submissions/<run>.csv of the workspace by default.
        threshold: Probability from which an image counts as the second class, or a goal for choosing it on
            images that no run was trained on: "best-f1", "best-accuracy" or "recall:0.95".
        decide: Rule for decisions of any target: "none" for its own, a probability from which the second of two classes
            or each tag is decided for, or "best" for thresholds, cut-offs between grades and numbers of tags chosen for
            the dataset's metric on images that no run was trained on.
        tta: Views to average: "flips" (4), "d4" (the 8 of a square), or a number: the unchanged image plus random draws
            of the run's own augmentation.
        weights: Weights to predict with, those of the "best" or the "last" epoch; the runs' setting `train.evaluate` by
            default.
        part: Part of the images to predict, as one of several commands at once: "2/4" is the second of four; "auto" or
            "auto/4" ask the array job, see `kit.engines.part.Part`. Their predictions are kept in .<file>.partial/; the
            same call without it predicts the rest, and writes the file, whose bytes are those of a single call. A part
            of a file that is complete has nothing to do.
        force: Whether to replace an existing file.
        root: Root of the workspace; by default KIT_ROOT, the workspace of the runs, or the current folder.
        progress: Receiver of every batch.

    Returns:
        The submission; for a part, what it predicted.

    Raises:
        SubmissionError: The predictions do not fit the sample submission's ids, columns or cells.
        RunError: No such run, runs of different datasets, or no images to choose a rule on.
        SpecError: Invalid threshold, rule or views.
        WorkspaceError: The file exists and `force` is not set, or for a part, another file of this name.
        BusyError: Parts are to be joined, and one is at work.
    """
    own = None if part is None else Part.parse(part)
    workspace = Workspace.holding(runs, root)
    asked, views = ask_rule(threshold, decide), parse_views(tta)
    ensemble = open_ensemble(runs, weights=weights, views=views, root=root)
    path = Path(output) if output else workspace.submission(_flat_name(ensemble, workspace))
    options = {
        "--split": None if split == "test" else split,
        "--threshold": threshold,
        "--decide": decide,
        "--tta": tta,
        "--weights": weights,
    }
    if not own:
        refuse_existing(path, force=force)
    ensemble.refuse(split)
    plan = _Plan.of(ensemble, split, asked)
    batches = BatchFolder(path.with_name(f".{path.name}.partial"), ensemble, split)
    if own:
        return _predict_part(own, path, batches, options, force=force, progress=progress)
    refuse_parts(path)
    with ensemble.steady() as makers:
        made = plan.decide(ensemble.hold_out(progress))
        scores = batches.join(makers, progress) if batches.path.is_dir() else ensemble.score(split, progress)
    table = made.cells.table(scores, plan.sample.ids if plan.sample else None)
    origin = Origin(
        command=command_line("predict", runs, {**options, "--output": path, "--root": root_text(root)}),
        dataset=ensemble.dataset.manifest.name,
        fingerprint=ensemble.dataset.manifest.fingerprint,
        runs=[maker.run for maker in makers],
        made_by=makers,
        created=now(),
        metric=made.scored.metric,
        score=made.scored.score,
        scored_on=made.scored_on,
        holds=made.holds,
        rule=made.cells.decision,
        is_crossed=made.scored.is_crossed,
    )
    text = table.to_csv(index=False, lineterminator="\n")
    write_csv(path, text, origin, force=force, predictions=kept_text(scores))
    shutil.rmtree(batches.path, ignore_errors=True)
    return Submission(
        path=path,
        rows=len(table),
        columns=tuple(table.columns),
        target=ensemble.dataset.manifest.target.kind(),
        names=ensemble.dataset.manifest.target.names,
        runs=len(ensemble.runs),
        views=views.count,
        holds=made.holds,
        predictions=kept_file(path),
        threshold=made.threshold,
        decided=made.decided,
        metric=made.scored.metric,
        score=made.scored.score,
        is_crossed=made.scored.is_crossed,
        scored_on=made.scored_on,
    )


def _predict_part(
    part: Part, csv: Path, batches: BatchFolder, options: Mapping[str, object], *, force: bool, progress: Progress
) -> PredictedPart:
    """Predict a part of the images, beside other commands that predict the others."""
    with locked_part(csv), batches.ensemble.steady() as makers:
        if not force and _is_made(csv, batches.ensemble, makers, options):
            return PredictedPart(part=str(part), folder=batches.path, images=0, missing=0, path=csv)
        refuse_existing(csv, force=force)
        images = batches.predict(makers, part, progress)
        return PredictedPart(part=str(part), folder=batches.path, images=images, missing=batches.missing(makers))


def _is_made(csv: Path, ensemble: Ensemble, makers: Sequence[Maker], options: Mapping[str, object]) -> bool:
    """Whether a file is there that the same runs made with the same options, and nobody changed since."""
    with contextlib.suppress(FileNotFoundError, SpecError):
        origin, sha256 = read_origin(csv), hashlib.sha256(csv.read_bytes()).hexdigest()
        return (
            origin is not None
            and origin.is_of(sha256)
            and origin.fingerprint == ensemble.dataset.manifest.fingerprint
            and origin.made_by == tuple(makers)
            and origin.answers(options)
        )
    return False


_UNSCORED = Scored()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """Cells with their rule, and the score of both."""

    cells: Cells
    scored: Scored = _UNSCORED
    scored_on: ScoredOn | None = None
    threshold: Threshold | None = None
    decided: ChosenRule | None = None

    @property
    def holds(self) -> Judges:
        """Contents of the cells."""
        return self.cells.form.holds or "probabilities"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What a file is to hold, before anything is predicted.

    Attributes:
        cells: Cells with the rule that was given.
        sample: Sample submission to fill; None for a file of kit's own form.
        asked: Rule that was asked for.
        metric: Metric that the dataset was given; None for its target's default.
    """

    cells: Cells
    sample: Sample | None
    asked: AskedRule
    metric: Metric | None

    @classmethod
    def of(cls, ensemble: Ensemble, split: str, asked: AskedRule) -> _Plan:
        """Choose the cells, and refuse rules that do not fit them."""
        dataset = ensemble.dataset
        target, metric = dataset.manifest.target, named_metric(dataset)
        sample = read_sample(dataset) if split == "test" and dataset.manifest.sample_submission else None
        form = sample.form if sample else None
        if asked.threshold is not None:
            refuse_threshold(target, form)
        elif asked.is_given:
            refuse_decisions(form, target)
        cells = choose_cells(target, sample, metric, is_decided=asked.is_given)
        refuse_unfitted(asked, cells, metric, knows_held_out=ensemble.knows_held_out)
        return cls(cells=replace(cells, decision=asked.given(target)), sample=sample, asked=asked, metric=metric)

    def decide(self, held_out: OutOfFold | None) -> _Made:
        """Fit the rule where one is to be fitted, and score what it decides."""
        least = fewest_tags(self.cells, self.sample, held_out)
        given = replace(self.cells, decision=self.cells.decision.at_least(least))
        if held_out is None:
            return _Made(cells=given)
        if isinstance(self.asked.threshold, Wanted):
            return self._by_threshold(self.asked.threshold, held_out)
        if self.asked.decide.is_fitted:
            return self._by_metric(held_out, least)
        return _Made(cells=given, **self._scored(given, held_out))

    def _by_threshold(self, wanted: Wanted, held_out: OutOfFold) -> _Made:
        chosen = choose_threshold(wanted, held_out)
        cells = replace(self.cells, decision=Decision(thresholds=(chosen.threshold,)))
        crossed = crossed_threshold(wanted, held_out, self.metric)
        return _Made(cells=cells, threshold=chosen, **self._scored(cells, held_out, crossed))

    def _by_metric(self, held_out: OutOfFold, least: int) -> _Made:
        decided = fitted_rule(held_out, self.metric or find_metric(self.cells.target.default_metric), least)
        cells = replace(self.cells, decision=decided.rule)
        return _Made(cells=cells, decided=decided, **self._scored(cells, held_out, decided.crossed))

    def _scored(self, cells: Cells, held_out: OutOfFold, crossed: float | None = None) -> dict[str, Any]:
        scored = score_cells(cells, held_out, self.metric)
        if crossed is not None:
            scored = replace(scored, score=crossed, is_crossed=True)
        return {"scored": scored, "scored_on": held_out.scored_on if scored.metric else None}


def _flat_name(ensemble: Ensemble, workspace: Workspace) -> str:
    """Name a file after the folder of the runs; for several runs, after the first and the number of others."""
    path = ensemble.folder or ensemble.runs[0].path
    below = workspace.run_name(path)
    name = path.resolve().name if below.startswith("/") else below.replace("/", "-")
    return name if ensemble.folder else f"{name}-and-{len(ensemble.runs) - 1}-more"
