"""Rejects: inputs that are not stored, their allowed number, and rejects.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from kit.conversion.conversion import Conversion
from kit.conversion.write_shard import WrittenShard
from kit.datasets.dataset import REJECTS
from kit.errors import SourceError, first_three, option
from kit.sources import Record, Reject

_REASONS = 4  # reasons in a message


def refuse_bad(name: str, rejects: Sequence[Reject], max_rejects: int, *, is_read: bool) -> None:
    """Refuse more bad inputs than allowed; `is_read` tells whether the images have been read, or only listed."""
    bad = [reject for reject in rejects if reject.is_bad]
    if len(bad) <= max_rejects:
        return
    by_reason: dict[str, list[str]] = {}
    for reject in bad:
        by_reason.setdefault(reject.reason, []).append(reject.name)
    groups = [f"{reason}: {first_three(names, len(names))}" for reason, names in by_reason.items()]
    raise SourceError(
        f"{name}: {len(bad):,} input{'s' * (len(bad) != 1)} cannot be stored: {'; '.join(groups[:_REASONS])}"
        f"{'; …' if len(groups) > _REASONS else ''}. Fix or remove them (kit audit lists all), or list them in"
        f" {REJECTS} with {option('max_rejects', len(bad))}{'' if is_read else ' or more (no image has been read yet)'}"
    )


def collect_rejects(conversion: Conversion, left_out: Sequence[Record], shards: Sequence[WrittenShard]) -> list[Reject]:
    """List the inputs that were not stored: the source's rejects, those left out by sampling, and unreadable ones."""
    taken = f"not taken: {'undersample' if conversion.spec.balance else 'per_class'} leaves it out"
    return [
        *conversion.source.rejects,
        *(Reject(str(record.file.path), taken, is_bad=False) for record in left_out),
        *sorted((Reject(*pair) for shard in shards for pair in shard.rejects), key=lambda reject: reject.name),
    ]


def rejects_csv(rejects: Sequence[Reject]) -> str:
    """Write rejects.csv: the path or id of each input, and the reason."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["input", "reason"])
    writer.writerows([reject.name, reject.reason] for reject in rejects)
    return text.getvalue()
