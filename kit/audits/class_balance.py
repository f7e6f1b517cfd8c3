"""Class balance: images of each class before and after undersampling."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from kit.audits.findings import Audit
from kit.datasets import Dataset
from kit.specs.source import SPLIT_FOLDERS

_GIVEN = frozenset(SPLIT_FOLDERS.values()) - {"train"}  # splits of the source, which are not undersampled


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCounts:
    """Number of labelled images of each class.

    Attributes:
        kind: Noun of the names: "classes", "tags" or "grades".
        title: Title of the counts.
        before: Number of images by class as found, the largest class first.
        after: Number of images by class after undersampling; the same without it.
    """

    kind: str = "classes"
    title: str
    before: dict[str, int]
    after: dict[str, int]

    @property
    def is_balanced(self) -> bool:
        """Whether undersampling leaves images out."""
        return self.before != self.after


def counts_of_dataset(dataset: Dataset) -> ClassCounts:
    """Count the images of a dataset, and those left out by undersampling.

    Args:
        dataset: Dataset to count.
    """
    manifest = dataset.manifest
    after, known = Counter[str](), set(manifest.classes)
    for counts in manifest.counts.values():
        after.update({name: count for name, count in counts.items() if name in known})
    before = after + Counter(manifest.not_taken)
    names = sorted(manifest.classes, key=lambda name: -before[name])
    return ClassCounts(
        kind=manifest.target.kind(),
        title=f"{manifest.name}: images of each {manifest.target.noun} in all splits",
        before={name: before[name] for name in names},
        after={name: after[name] for name in names},
    )


def counts_of_audit(audit: Audit) -> ClassCounts:
    """Count the images of a source, and those that `kit shard --undersample` would take.

    Args:
        audit: Audit of the source.
    """
    found = audit.labelled_counts()
    drawn = {
        name: sum(count for split, count in splits.items() if split not in _GIVEN) for name, splits in found.items()
    }
    if not audit.target.is_partition:  # an image cannot be taken for one of its tags and left out for another
        drawn = dict.fromkeys(found, 0)
    smallest = min((count for count in drawn.values() if count), default=0)
    before = {name: sum(splits.values()) for name, splits in found.items()}
    after = {name: count - drawn[name] + min(drawn[name], smallest) for name, count in before.items()}
    return ClassCounts(
        kind=audit.target.kind(),
        title=f"{Path(audit.asked.folder).resolve().name}: images of each {audit.target.noun}"
        f"{', and undersampled' if after != before else ''}",
        before=before,
        after=after,
    )
