"""Summary of a submission: its runs, threshold and expected score."""

from __future__ import annotations

from kit.submission import Submission

_IN_WORDS = {"auc": "AUC", "accuracy": "accuracy"}


def describe_submission(made: Submission) -> list[str]:
    """Describe the threshold and the score, one line each: "out-of-fold AUC 0.8944, 5 runs, 8 views"."""
    lines = [f"{made.scored_on}: {made.threshold}"] if made.threshold else []
    if made.score is not None and made.metric is not None:
        counts = ((made.runs, "run"), (made.views, "view"))
        made_by = ", ".join(f"{count} {what}{'s' if count > 1 else ''}" for count, what in counts)
        lines.append(f"{made.scored_on} {_IN_WORDS[made.metric]} {made.score:.4f}, {made_by}{_whose(made)}")
    return lines


def _whose(made: Submission) -> str:
    if made.threshold is None:
        return ""
    return (
        "; by thresholds chosen without each fold"
        if made.is_crossed
        else "; of the images that the threshold was chosen on, which flatters"
    )
