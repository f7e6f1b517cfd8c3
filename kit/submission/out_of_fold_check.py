"""Whether out-of-fold predictions are of the runs that made a file: scored as the file was, they have its score."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kit.errors import RunError, SpecError, option, worded
from kit.evaluation.chosen_rule import fitted_rule
from kit.inference.out_of_fold import OutOfFold
from kit.metrics import find_metric
from kit.submission.origin import Origin
from kit.submission.rule import ask_rule, choose_threshold, crossed_threshold
from kit.targets import Decision

_CLOSE = 1e-6  # largest difference between two scores of the same predictions


def refuse_others(path: Path, origin: Origin | None, held_out: OutOfFold, name: str | Path, positive: str = "") -> None:
    """Refuse out-of-fold predictions whose score, or fitted rule, differs from the one in a file's origin.

    Args:
        path: CSV of predictions.
        origin: Origin of the file; None where it is unknown.
        held_out: Out-of-fold predictions that are given for it.
        name: Name of these, for messages.
        positive: One of two classes, which the file is about; see `kit.targets.judge`.

    Raises:
        RunError: They have another score or rule, or no score.
    """
    if origin is None or origin.scored_on != "out-of-fold" or origin.score is None or _is_unknown(origin):
        return
    found = list(_scored(origin, held_out, positive))
    if any(_is_close(score, origin.score) and _is_like(rule, origin.rule) for rule, score in found):
        return
    raise RunError(
        f"{name} does not belong to {path}: {_difference(origin, [score for _, score in found])}; give {option('oof')}"
        f" in the order of the CSVs, and for a file made with {option('tta')} the folder that"
        f" {worded('kit evaluate --tta', 'kit.write_evaluation')} wrote for the same views"
    )


def _is_unknown(origin: Origin) -> bool:
    """Whether the rule or the weights behind a score are unknown: of an earlier version, or of a fitted blend."""
    is_earlier = origin.metric != "auc" and not origin.holds
    return is_earlier or (origin.is_crossed and origin.command[1:2] != ["predict"])


def _difference(origin: Origin, scores: Sequence[float]) -> str:
    called, own = "AUC" if origin.metric == "auc" else origin.metric, f"{origin.score:.6f}"
    if any(_is_close(score, origin.score) for score in scores):
        return f"its {called} is that of the file, {own}, but it gives another rule for decisions"
    return f"its {called} is {f'{scores[0]:.6f}' if scores else 'unknown'}, that of the file's own runs {own}"


def _is_close(score: float, other: float | None) -> bool:
    return other is not None and abs(score - other) <= _CLOSE


def _is_like(rule: Decision, other: Decision) -> bool:
    limits = (rule.least, rule.most) == (other.least, other.most)
    return limits and len(rule.thresholds) == len(other.thresholds) and np.allclose(rule.thresholds, other.thresholds)


def _scored(origin: Origin, held_out: OutOfFold, positive: str) -> Iterator[tuple[Decision, float]]:
    """Make the rule of a file and score predictions as the file was; several where there may be several ways."""
    try:
        found = list(_crossed(origin, held_out)) if origin.is_crossed else [_decided(origin, held_out, positive)]
    except (RunError, SpecError):
        return
    yield from ((rule, score) for rule, score in found if score is not None and not math.isnan(score))


def _decided(origin: Origin, held_out: OutOfFold, positive: str) -> tuple[Decision, float]:
    return origin.rule, held_out.scores.judge(find_metric(origin.metric or ""), origin.rule, positive).value


def _crossed(origin: Origin, held_out: OutOfFold) -> Iterator[tuple[Decision, float | None]]:
    """Choose the rule anew, of all images and without each fold, as the file's command did."""
    asked, metric = ask_rule(origin.given("threshold"), origin.given("decide")), find_metric(origin.metric or "")
    if asked.threshold is not None and not isinstance(asked.threshold, float):
        chosen = choose_threshold(asked.threshold, held_out).threshold
        yield Decision(thresholds=(chosen,)), crossed_threshold(asked.threshold, held_out, metric)
        return
    for least in range(min(origin.rule.least, 1) + 1):  # at least one tag, if the file asked for it
        fitted = fitted_rule(held_out, metric, least)
        yield fitted.rule, fitted.crossed
