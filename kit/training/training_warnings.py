"""Warnings about doubtful trainings: batch norm that cannot converge, metrics without a value, results by chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from kit.datasets import Dataset
from kit.datasets.manifest import Manifest
from kit.errors import first_three
from kit.inference.predictions import Predictions
from kit.metrics import find_metric
from kit.metrics.own import is_in_file
from kit.runs import History
from kit.runs.history import Row
from kit.significance import LEVEL
from kit.specs import RunSpec
from kit.targets import Target, Truth, judge
from kit.training.metrics import is_streamed

_SAME = 0.01  # of the standard deviation of the labels: numbers that differ by less are the same answer
_LEFT = 0.05  # largest tolerated share of the initial values in a moving average
_VARIANCE = "r2"  # metric of numbers, 0 for the mean of the labels
_MOMENTA = (0.99, 0.9, 0.5)  # usual values


def doubt_averages(spec: RunSpec, dataset: Dataset) -> str:
    """Warn if batch norm's moving averages cannot converge in the steps of a training; empty if they can.

    After n steps, a share of momentum^n of their initial values (mean 0, variance 1) remains, and validation uses them.
    """
    model = spec.model
    if model.bn_position == "none" or model.backbone.name:
        return ""
    steps = spec.train.epochs * dataset.full_batches("train", spec.train.batch_size)
    left = model.bn_momentum**steps
    if left <= _LEFT:
        return ""
    better = next((momentum for momentum in _MOMENTA if momentum**steps <= _LEFT), None)
    advice = "train more epochs" if better is None else f"set model.bn_momentum={better:g}, or train more epochs"
    return (
        f"batch norm cannot converge: with model.bn_momentum={model.bn_momentum:g}, {left:.0%} of its moving averages"
        f" are still their initial values after all {steps:,} steps ({model.bn_momentum:g}^{steps}), and validation"
        f" uses them; {advice}"
    )


def doubt_columns(metrics: Sequence[str], manifest: Manifest) -> str:
    """Warn of names that metrics leave out of their mean on validation, for want of images; empty for none.

    Args:
        metrics: Names of the metrics that a training records.
        manifest: Manifest of the dataset, or of a fold of it.
    """
    target, counts = manifest.target, manifest.counts.get("validation", {})
    if not target.is_counted or target.keeps_best or not counts:
        return ""
    truth = _least_truth(target, counts, manifest.records("validation"))
    chances = np.full((len(truth), len(target.names)), 1 / len(target.names), np.float32)
    exact = [name for name in metrics if not (is_in_file(name) or is_streamed(name, target))]
    left_out = {name: judge(target, find_metric(name), truth, chances).left_out for name in exact}
    names = [name for name, left in left_out.items() if left]
    if not names:
        return ""
    left = left_out[names[0]]
    return (
        f"val_{', val_'.join(names)}: the mean without {target.noun} {first_three(map(str, left), len(left))}, as"
        " validation has no image of it, or no other"
    )


def _least_truth(target: Target, counts: Mapping[str, int], images: int) -> Truth:
    """Make labels of as few images as have every name that some image has, and lack every one that some image lacks."""
    there = [name for name in target.names if counts.get(name)]
    if target.is_partition:
        return target.encode(there)
    has_all = [[name in there, counts.get(name) == images] for name in target.names]
    return np.asarray(has_all, np.int8).T


def note_undefined(history: History) -> str:
    """Name the metrics that are NaN for the first time in the last epoch; empty for none, and where a loss is NaN."""
    *before, last = history.metrics()
    if not _has_losses(last):
        return ""
    known = [row for row in before if _has_losses(row)]
    undefined = [name for name, value in last.items() if math.isnan(value)]
    new = [name for name in undefined if not any(math.isnan(row[name]) for row in known)]
    said = f"no value in epoch {len(history.rows)}: NaN in the history, and never the best epoch"
    return f"{', '.join(new)}: {said}" if new else ""


def _has_losses(row: Row) -> bool:
    return all(math.isfinite(row[name]) for name in ("loss", "val_loss"))


def doubt_result(scores: Predictions, names: Sequence[str]) -> str:
    """Warn if predictions are no better than one answer for every image; empty if they are better.

    Classes are held against the name of the largest, by the exact one-sided binomial test at 5 % of the right answers
    against its share; numbers against the mean of their labels. Tags and grades are only looked at for answers that are
    all the same.

    Args:
        scores: Predictions of the validation split.
        names: Names of the target.
    """
    if scores.target.has_class_figures:
        return _doubt_classes(scores, names)
    return _doubt_constant(scores) or (_doubt_numbers(scores) if _VARIANCE in scores.target.usual_metrics else "")


def _doubt_constant(scores: Predictions) -> str:
    """Say where all decisions are the same, numbers to within a hundredth of the deviation of their labels."""
    images, target = len(scores.labels), scores.target
    decided = target.decide(scores.outputs)
    columns, truth = (values.reshape(images, -1).astype(np.float64) for values in (decided, scores.labels))
    if images == 1 or not scores.are_numbers.all() or (np.ptp(columns, axis=0) > _SAME * truth.std(axis=0)).any():
        return ""
    is_number = decided.dtype.kind == "f"
    said = " ".join(f"{value:.4g}" for value in columns.mean(axis=0)) if is_number else target.text(decided[0])
    return f"predicts {said or f'no {target.noun}'} for all {images:,} validation images"


def _doubt_numbers(scores: Predictions) -> str:
    """Say where numbers explain nothing of the variance of the labels."""
    explained = scores.judge(find_metric(_VARIANCE)).value
    if not explained <= 0:
        return ""
    return (
        f"no better than chance: R² {explained:.4f} on the validation images, and the mean of their labels for every"
        f" image would have 0 (n = {len(scores.labels):,})"
    )


def _doubt_classes(scores: Predictions, classes: Sequence[str]) -> str:
    named, images = np.unique(scores.predicted), len(scores.labels)
    if len(named) == 1 and named[0] >= 0 and images > 1:
        return f"predicts {classes[named[0]]} for all {images:,} validation images{_ranks(scores)}"
    from scipy.stats import binomtest

    counts = np.bincount(scores.labels, minlength=len(classes))
    share, right = counts.max() / images, int((~scores.mislabelled).sum())
    if share == 1 or binomtest(right, images, share, alternative="greater").pvalue <= LEVEL:
        return ""
    largest = classes[int(counts.argmax())]
    return (
        f"no better than chance: validation accuracy {right / images:.4f}, and {largest} for every image would have"
        f" {share:.4f} (n = {images:,}){_ranks(scores)}"
    )


def _ranks(scores: Predictions) -> str:
    """Write the AUC, which shows whether probabilities rank images even if one class is always predicted."""
    area = scores.auc
    return "" if area is None else f"; AUC {area:.4f}, where chance has 0.5"
