"""Blends CSVs of predictions into one, with given, equal or fitted weights (on out-of-fold predictions)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pandas as pd

from kit.arguments import checked_arguments
from kit.datasets import Dataset
from kit.datasets.find import dataset_if_there
from kit.errors import RunError, SpecError, SubmissionError, option, require, worded
from kit.evaluation.decisions import Decide, parse_decide
from kit.inference.out_of_fold import read_out_of_fold
from kit.metrics import find_metric
from kit.progress import NO_PROGRESS, Progress
from kit.runs.fold_set import OUT_OF_FOLD, FoldSet
from kit.runs.provenance import read_provenance
from kit.runs.stored import fetch_named
from kit.submission.blend_inputs import read_alike
from kit.submission.blend_kept import KeptInputs, known_dataset, needs_kept
from kit.submission.blend_weights import LOSS, By, Fit, Values, combine, fit_blend, scaled
from kit.submission.form import named_metric
from kit.submission.kept_predictions import kept_text
from kit.submission.origin import Origin, command_line, now, read_origin, refuse_existing, write_csv
from kit.submission.out_of_fold_check import refuse_others
from kit.workspace import Workspace, root_text

_ORDERED = ("spearman",)  # metrics of values that their ranks keep


@dataclass(frozen=True, slots=True, kw_only=True)
class Blend:
    """A finished blend.

    Attributes:
        path: CSV written; None for weights alone.
        rows: Number of rows, without the header.
        columns: Names of the columns.
        weights: Weights of the inputs; they sum to 1.
        fit: Fit of the weights; None for given or equal weights.
    """

    path: Path | None
    rows: int
    columns: tuple[str, ...]
    weights: tuple[float, ...]
    fit: Fit | None


@checked_arguments
def blend(
    *files: str | Path,
    average: By = "probability",
    weights: str | Sequence[float] | None = None,
    oof: Sequence[str | Path] = (),
    metric: str | None = None,
    decide: float | str | None = None,
    output: Path | str | None = None,
    force: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Blend:
    """Blend CSVs of predictions into one, with a side file that records their origin.

    Files of probabilities and numbers are averaged as they are. Where their cells are names, such as tags or grades,
    the predictions that `kit.predict` keeps beside them are averaged instead, and written into cells as it does.

    Args:
        files: CSVs of the same ids and columns, such as those of `kit.predict` or the predictions beside them; the rows
            follow the first one's order. None fits weights only.
        average: Quantity to average: "probability", for probabilities and numbers; "rank", each column's ranks, 1/n to
            1: for metrics such as AUC that depend on the order only, and for models calibrated differently; or "vote",
            what each file decides by its own rule: the majority of the weights wins, and in a tie the mean of the
            predictions decides, see `kit.submission.votes.votes`.
        weights: One number for each file, as "2,1" or numbers; equal by default.
        oof: Out-of-fold predictions to choose weights on, one for each file in the same order: Parquet files, or
            folders with one, such as fold sets and their evaluations.
        metric: Metric to fit weights for: "loss" for classes, or any that fits the target. By default the one that the
            dataset was given; otherwise "loss" for classes, "auc" for their ranks, and the target's default for all
            else and above 1,000 classes.
        decide: Rule for decisions; see `kit.predict`. "best" is chosen on the blend of `oof`.
        output: File to write; submissions/blend.csv by default.
        force: Whether to replace an existing file.
        root: Root of the workspace; by default KIT_ROOT, the workspace of the runs, or the current folder.
        progress: Receiver of every held-out fold of the fit.

    Raises:
        SubmissionError: Files of different ids or columns, values that are not numbers, or classes instead of
            probabilities.
        RunError: Out-of-fold predictions are missing, of other images, or do not belong to their file.
        SpecError: Invalid weights.
        WorkspaceError: The file exists and `force` is not set.
    """
    paths = [Path(file) for file in files]
    workspace = Workspace.holding([*paths, *oof], root)
    way = parse_decide(decide)
    _check(paths, average, weights, oof, metric=metric, decide=way)
    path = Path(output) if output else workspace.submissions / "blend.csv"
    if paths:
        refuse_existing(path, force=force)
    origins = _origins(paths, progress)
    kept = KeptInputs.of(paths, workspace) if needs_kept(paths, origins, average, way) else None
    tables = [] if kept else _numeric(paths, origins)
    dataset = kept.dataset if kept else known_dataset(origins, workspace) or _dataset_of(oof, workspace)
    inputs = [
        read_out_of_fold(find_out_of_fold(name, workspace), dataset.manifest.target if dataset else None)
        for name in oof
    ]
    origins = [one.origin for one in kept.kept] if kept else origins
    positive = kept.positive if kept else _positive(tables, dataset)
    for one, origin, held_out, name in zip(paths, origins, inputs, oof, strict=False):
        refuse_others(one, origin, held_out, name, positive)
    goal = metric or _default_metric(dataset, average)
    _refuse_ranks(dataset, average, goal)
    rules = kept.rules if kept else ()
    fitted, crossed = (
        fit_blend(inputs, goal, average, progress, rules=rules, positive=positive) if inputs else (None, None)
    )
    shares = fitted.weights if fitted else _shares(weights, len(paths))
    if not paths:
        return Blend(path=None, rows=0, columns=(), weights=shares, fit=fitted)
    options = {
        "--average": average if average != "probability" else None,
        "--weights": None if weights is None else ",".join(f"{share:.9g}" for share in shares),
        "--metric": metric,
        "--decide": decide,
        "--output": path,
        "--root": root_text(root),
    }
    known = [origin for origin in origins if origin]
    origin = Origin(
        command=command_line("blend", [*paths, *(part for name in oof for part in ("--oof", name))], options),
        dataset=known[0].dataset if known else "",
        fingerprint=known[0].fingerprint if known else "",
        runs=list(dict.fromkeys(run for one in known for run in one.runs)),
        created=now(),
        metric=fitted.metric if fitted else None,
        score=fitted.blend if fitted else None,
        scored_on="out-of-fold" if fitted else None,
        inputs=[str(one) for one in paths],
        made_by=tuple(dict.fromkeys(maker for one in known for maker in one.made_by)),
        holds=known[0].holds if known else "",
        is_crossed=fitted is not None,
    )
    predictions = ""
    if kept:
        made = kept.blend(shares, average, way, crossed, goal if fitted else None)
        table, predictions = made.table, kept_text(made.scores)
        origin = msgspec.structs.replace(
            origin,
            metric=made.scored.metric,
            score=made.scored.score,
            scored_on="out-of-fold" if made.scored.metric else None,
            holds=made.cells.form.holds or "",
            rule=made.cells.decision,
        )
    else:
        table = _join(tables, shares, average)
    text = table.to_csv(index=False, lineterminator="\n", float_format="%.9g")
    write_csv(path, text, origin, force=force, predictions=predictions)
    return Blend(path=path, rows=len(table), columns=tuple(table.columns), weights=shares, fit=fitted)


def _numeric(paths: Sequence[Path], origins: Sequence[Origin | None]) -> list[pd.DataFrame]:
    """Read files of numbers, and refuse those of classes."""
    tables = read_alike(paths)
    for path, origin in zip(paths, origins, strict=True):
        if origin is not None:
            _of_probabilities(path, origin)
    return tables


def _dataset_of(oof: Sequence[str | Path], workspace: Workspace) -> Dataset | None:
    """Find the dataset of the first fold set or evaluation; None for Parquet files of other programs."""
    for name in oof:
        folder = find_out_of_fold(name, workspace).parent
        made = read_provenance(folder)
        runs = FoldSet(folder).finished()
        dataset = made.dataset if made else next((run.spec().dataset for run in runs.values()), "")
        if dataset and (found := dataset_if_there(dataset, workspace)):
            return found
    return None


def _positive(tables: Sequence[pd.DataFrame], dataset: Dataset | None) -> str:
    """Name the one of two classes that files of numbers are about; empty for other files, or without a dataset."""
    return dataset.manifest.target.positive(list(tables[0].columns)) if dataset and tables else ""


def _default_metric(dataset: Dataset | None, average: By) -> str:
    """Choose the metric to fit weights for: that of the dataset, or for classes up to 1,000 without one loss or AUC."""
    named = named_metric(dataset) if dataset else None
    if named:
        return named.name
    target = dataset.manifest.target if dataset else None
    if target is None or (target.has_class_figures and not target.keeps_best):
        return "auc" if average == "rank" else LOSS
    return target.default_metric


def _refuse_ranks(dataset: Dataset | None, average: By, goal: str) -> None:
    """Refuse ranks where the numbers themselves are judged.

    Raises:
        SpecError: The metric judges values by more than their order.
    """
    target = dataset.manifest.target if dataset else None
    are_numbers = target is not None and not target.are_probabilities(len(target.names))
    require(
        average != "rank" or not are_numbers or goal in _ORDERED,
        f"{option('average', 'rank')} writes ranks from 0 to 1, and {goal} judges the values themselves; give"
        f" {option('average', 'probability')}, which averages numbers as well",
    )


def find_out_of_fold(name: str | Path, workspace: Workspace) -> Path:
    """Find out-of-fold predictions by their file, their folder, or the folder's name below runs/.

    Raises:
        RunError: No such file, or no out-of-fold predictions in the folder.
    """
    name = fetch_named(name, workspace.runs)
    for path in (Path(name), workspace.runs / name):
        if path.is_file():
            return path
        if (path / OUT_OF_FOLD).is_file():
            return path / OUT_OF_FOLD
    makers = worded("kit train --folds and kit evaluate", "kit.train_folds and kit.write_evaluation")
    raise RunError(f"{name} is neither a file nor a folder with {OUT_OF_FOLD}; {makers} write it")


def _check(
    paths: Sequence[Path],
    average: str,
    weights: str | Sequence[float] | None,
    oof: Sequence[str | Path],
    *,
    metric: str | None,
    decide: Decide,
) -> None:
    """Refuse options that exclude each other."""
    require(average in get_args(By), f"{option('average')} must be one of {', '.join(get_args(By))}, got '{average}'")
    judged = None if metric in {None, LOSS} else find_metric(str(metric))
    require(
        metric is None or bool(oof),
        f"{option('metric')} is what {option('oof')} chooses weights for; add {option('oof')}",
    )
    require(
        not decide.is_fitted or bool(oof),
        f"{option('decide', 'best')} is chosen on out-of-fold predictions; add {option('oof')}",
    )
    require(len(paths) != 1 and max(len(paths), len(oof)) > 1, "a blend needs two files or more")
    require(
        not oof or not paths or len(oof) == len(paths),
        f"give {worded('--oof once', 'one of oof=')} for each of the {len(paths)} CSVs",
    )
    require(
        weights is None or not oof,
        f"{option('weights')} and {option('oof')} exclude each other: the one gives what the other chooses",
    )
    require(
        average != "rank" or metric != LOSS,
        f"ranks are no probabilities and have no loss; give {option('metric', 'auc')}",
    )
    require(
        average != "rank" or judged is None or judged.judges not in {"decisions", "ranks"},
        f"ranks of images are no {judged.judges if judged else ''}, which {metric} judges; give"
        f" {option('average', 'probability')} or vote",
    )
    require(
        average != "vote" or decide.way == "none",
        f"{option('average', 'vote')} counts what each file decides; leave out {option('decide')}",
    )


def _shares(weights: str | Sequence[float] | None, count: int) -> tuple[float, ...]:
    if weights is None:
        return (1 / count,) * count
    parts = weights.split(",") if isinstance(weights, str) else weights
    try:
        values = [float(part) for part in parts]
    except ValueError as error:
        raise SpecError(f"weights must be numbers such as 2,1, got '{weights}'") from error
    require(len(values) == count, f"weights must be {count} numbers, one for each file, got {len(values)}")
    total = sum(values)
    require(
        all(value >= 0 for value in values) and 0 < total < math.inf,
        f"weights must be 0 or more, one of them above 0, got {', '.join(f'{value:g}' for value in values)}",
    )
    return tuple(value / total for value in values)


def _join(tables: Sequence[pd.DataFrame], shares: Sequence[float], by: By) -> pd.DataFrame:
    values: Values = np.stack([table.to_numpy() for table in tables])
    first = tables[0]
    blended = pd.DataFrame(combine(scaled(values, by), shares), first.index, first.columns)
    return blended.reset_index(names=first.index.name)


def _origins(paths: Sequence[Path], progress: Progress) -> list[Origin | None]:
    """Read the origin of each CSV; None if unknown, or if the CSV was changed since, which is reported."""
    progress.start("read CSVs", len(paths))
    origins = []
    for path in paths:
        origin = read_origin(path)
        is_changed = origin is not None and not origin.is_of(hashlib.sha256(path.read_bytes()).hexdigest())
        note = f"{path} was changed after kit wrote it: its runs and its score are unknown"
        progress.advance(1, note if is_changed else "")
        origins.append(None if origin is None or is_changed else origin)
    progress.finish()
    return origins


def _of_probabilities(path: Path, origin: Origin) -> Origin:
    """Refuse a CSV of classes.

    Raises:
        SubmissionError: The file holds classes, even if they look like numbers.
    """
    if origin.has_decisions:
        raise SubmissionError(
            f"{path} holds classes; a blend takes probabilities, as kit predict writes them without"
            f" {option('threshold')}"
        )
    return origin
