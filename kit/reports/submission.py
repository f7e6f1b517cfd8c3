"""Summary of a submission: its cells, runs, rule and expected score."""

from __future__ import annotations

from kit.evaluation.chosen_rule import ChosenRule
from kit.reports.metric_scores import describe_thresholds
from kit.submission import Submission
from kit.submission.origin import origin_file

_IN_WORDS = {"auc": "AUC"}
_CELLS = {
    "probabilities": "probabilities",
    "decisions": "decisions",
    "ranks": "the likeliest names",
    "numbers": "numbers",
}


def describe_submission(made: Submission) -> list[str]:
    """Describe the rule and the score, one line each: "out-of-fold AUC 0.8944, 5 runs, 8 views"."""
    lines = [f"{made.scored_on}: {made.threshold}"] if made.threshold else []
    lines += [_rule(made.decided, made)] if made.decided else []
    if made.score is not None and made.metric is not None:
        counts = ((made.runs, "run"), (made.views, "view"))
        made_by = ", ".join(f"{count} {what}{'s' if count > 1 else ''}" for count, what in counts)
        name = _IN_WORDS.get(made.metric, made.metric)
        lines.append(f"{made.scored_on} {name} {made.score:.4f}, {made_by}{_whose(made)}")
    return lines


def describe_files(made: Submission) -> str:
    """Describe the file in one line, with its cells where these may be of several kinds."""
    is_plain = made.target == "classes" and made.holds != "ranks"
    cells = "" if is_plain else f"; cells hold {_CELLS[made.holds]}"
    return f"{made.path}: {made.rows:,} rows, columns {', '.join(made.columns)}{cells}"


def _rule(decided: ChosenRule, made: Submission) -> str:
    """Describe a fitted rule: "out-of-fold: best micro_f1 of 200 images: scab .41, rust .5; 1 tag or more"."""
    rule = decided.rule
    thresholds = describe_thresholds(made.names, rule.thresholds, origin_file(made.path).name)
    said = [thresholds or "the target's own rule"]
    if rule.least:
        said.append(f"{rule.least} tag{'s' if rule.least > 1 else ''} or more")
    if rule.most is not None:
        said.append(f"{rule.most} tag{'s' if rule.most > 1 else ''} or fewer")
    return f"{decided.fitted_on}: best {decided.metric} of {decided.images:,} images: {'; '.join(said)}"


def _whose(made: Submission) -> str:
    if made.threshold is None and made.decided is None:
        return ""
    what = "threshold" if made.threshold else "rule"
    return (
        f"; by {what}s chosen without each fold"
        if made.is_crossed
        else f"; of the images that the {what} was chosen on, so it is optimistic"
    )
