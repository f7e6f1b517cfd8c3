"""Summary of the inputs left out of a dataset."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ENDING = re.compile(r"no image by its ending \((.+)\)")
_SHOWN = 4  # reasons named in a line


def describe_left_out(reasons: Mapping[str, int]) -> str:
    """Summarize why inputs are left out: "3 .heic and 1 .txt left out by their ending; 2 left out by looked-at.txt".

    Args:
        reasons: Numbers of inputs left out on purpose or not images, by reason.
    """
    endings = {found[1]: count for reason, count in reasons.items() if (found := _ENDING.fullmatch(reason))}
    others = [(reason, count) for reason, count in reasons.items() if not _ENDING.fullmatch(reason)]
    parts = [f"{_joined(endings)} left out by ending"] if endings else []
    parts += [f"{count:,} {_several(reason)}" for reason, count in others[:_SHOWN]]
    more = sum(count for _, count in others[_SHOWN:])
    return "; ".join([*parts, *([f"{more:,} for other reasons"] if more else [])])


def _several(reason: str) -> str:
    """Format a reason for several inputs."""
    if reason.startswith("not taken: "):
        return f"not taken by {reason.removeprefix('not taken: ').removesuffix(' leaves it out')}"
    return reason


def _joined(endings: Mapping[str, int]) -> str:
    *first, last = (f"{count:,} {ending}" for ending, count in endings.items())
    return f"{', '.join(first)} and {last}" if first else last
