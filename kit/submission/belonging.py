"""Whether out-of-fold predictions are of the runs that made a file: scored as the file was, they have its score."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from kit.errors import RunError, SpecError, option, worded
from kit.evaluation.decided import fitted_rule
from kit.inference.out_of_fold import OutOfFold
from kit.metrics import find_metric
from kit.submission.origin import Origin
from kit.submission.rule import ask_rule, crossed_threshold

_CLOSE = 1e-6  # largest difference between two scores of the same predictions


def refuse_others(path: Path, origin: Origin | None, held_out: OutOfFold, name: str | Path, positive: str = "") -> None:
    """Refuse out-of-fold predictions whose score differs from the one in a file's origin.

    Args:
        path: CSV of predictions.
        origin: Origin of the file; None where it is unknown.
        held_out: Out-of-fold predictions that are given for it.
        name: Name of these, for messages.
        positive: One of two classes, which the file is about; see `kit.targets.judge`.

    Raises:
        RunError: They have another score, or none.
    """
    if origin is None or origin.scored_on != "out-of-fold" or origin.score is None or _is_unknown(origin):
        return
    found = list(_scores(origin, held_out, positive))
    if any(abs(score - origin.score) <= _CLOSE for score in found):
        return
    called = "AUC" if origin.metric == "auc" else origin.metric
    raise RunError(
        f"{name} does not belong to {path}: its {called} is"
        f" {f'{found[0]:.6f}' if found else 'unknown'}, that of the file's own runs {origin.score:.6f}; give"
        f" {option('oof')} in the order of the CSVs, and for a file made with {option('tta')} the folder that"
        f" {worded('kit evaluate --tta', 'kit.write_evaluation')} wrote for the same views"
    )


def _is_unknown(origin: Origin) -> bool:
    """Whether the rule or the weights behind a score are unknown: of an earlier version, or of a fitted blend."""
    is_earlier = origin.metric != "auc" and not origin.holds
    return is_earlier or (origin.is_crossed and origin.command[1:2] != ["predict"])


def _scores(origin: Origin, held_out: OutOfFold, positive: str) -> Iterator[float]:
    """Score out-of-fold predictions as the file was scored; several where it may have been scored in several ways."""
    try:
        values = list(_crossed(origin, held_out)) if origin.is_crossed else [_decided(origin, held_out, positive)]
    except (RunError, SpecError):
        return
    yield from (value for value in values if value is not None and not math.isnan(value))


def _decided(origin: Origin, held_out: OutOfFold, positive: str) -> float:
    return held_out.scores.judge(find_metric(origin.metric or ""), origin.rule, positive).value


def _crossed(origin: Origin, held_out: OutOfFold) -> Iterator[float | None]:
    """Choose the rule anew without each fold, as the file's command did."""
    asked, metric = ask_rule(origin.given("threshold"), origin.given("decide")), find_metric(origin.metric or "")
    if asked.threshold is not None and not isinstance(asked.threshold, float):
        yield crossed_threshold(asked.threshold, held_out, metric)
        return
    for least in range(min(origin.rule.least, 1) + 1):  # at least one tag, if the file asked for it
        yield fitted_rule(held_out, metric, least).crossed
