"""Findings of an audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kit.audits.duplicate_sets import Alike
from kit.audits.image_facts import Facts
from kit.errors import KitError
from kit.sources import UNLABELLED, Record, Reject
from kit.sources.record import ImageFile
from kit.specs import SourceSpec
from kit.targets import Target

TO_SPLIT = "to split"  # images without a split in the source


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A finding to review before sharding.

    Attributes:
        kind: "unreadable", "missing", "duplicates", "near-duplicates", "blank", "saturated", "several pages" or
            "group across splits".
        number: Number of the finding, from 1, among those of its kind.
        inputs: Paths, or an id without an image.
        indices: Indices of the images in the audit; empty without an image.
        detail: Explanation in plain words.
    """

    kind: str
    number: int
    inputs: tuple[str, ...]
    indices: tuple[int, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Results of an audit: facts about each image, and findings.

    Attributes:
        asked: Source that was audited.
        scale: Mapping of more than 8 bits to 8.
        near_bits: Largest number of bits in which hashes of near-duplicates differ; 0 if none were looked for.
        competition: Name of the competition; empty if none was named.
        metric: Metric that it scores; empty without one.
        records: Images in the source's order; every index refers to it.
        target: Meaning of the labels.
        label_columns: Columns of the label file that hold them; empty for folders and arrays.
        facts: Facts about each image.
        rejects: Ids without an image, images without an id, and files that are not images.
        refused: Error with which `kit.shard` would refuse the source; None if it would not.
        duplicates: Sets of images with equal pixels, worst first.
        near_duplicates: Sets of near-duplicates that are not all equal, worst first.
        notes: Remarks on how the labels were read, each a line.
    """

    asked: SourceSpec
    scale: str
    near_bits: int
    records: tuple[Record, ...]
    target: Target
    label_columns: tuple[str, ...]
    facts: tuple[Facts, ...]
    rejects: tuple[Reject, ...]
    refused: KitError | None = field(compare=False)
    duplicates: tuple[Alike, ...]
    near_duplicates: tuple[Alike, ...]
    notes: tuple[str, ...] = ()
    competition: str = ""
    metric: str = ""

    @property
    def refusal(self) -> str:
        """Reason for which `kit.shard` would refuse the source; empty if it would not."""
        return "" if self.refused is None else str(self.refused)

    @property
    def unreadable(self) -> tuple[int, ...]:
        """Indices of images that cannot be stored; `facts` has each one's problem."""
        return tuple(index for index, fact in enumerate(self.facts) if fact.problem)

    @property
    def blank(self) -> tuple[int, ...]:
        """Indices of blank images."""
        return tuple(index for index, fact in enumerate(self.facts) if fact.is_blank)

    @property
    def saturated(self) -> tuple[int, ...]:
        """Indices of images that are nearly all pure black or white."""
        return tuple(index for index, fact in enumerate(self.facts) if fact.is_saturated)

    @property
    def several_pages(self) -> tuple[int, ...]:
        """Indices of TIFFs with several pages, of which `kit shard` stores one."""
        return tuple(index for index, fact in enumerate(self.facts) if fact.pages > 1)

    @property
    def missing(self) -> tuple[Reject, ...]:
        """Ids without an image, images without an id, and image names that are not files."""
        return tuple(reject for reject in self.rejects if reject.is_bad)

    @property
    def bad(self) -> int:
        """Number of bad inputs that `kit shard` would count."""
        return len(self.unreadable) + len(self.missing)

    def groups(self) -> dict[str, tuple[int, ...]]:
        """Indices of the images of each group."""
        groups: dict[str, list[int]] = {}
        for index, record in enumerate(self.records):
            if record.group:
                groups.setdefault(record.group, []).append(index)
        return {group: tuple(indices) for group, indices in groups.items()}

    def groups_across_splits(self) -> dict[str, tuple[int, ...]]:
        """Indices of the images of each group that is in several of the source's splits."""
        return {
            group: indices
            for group, indices in self.groups().items()
            if len({self.records[index].split for index in indices}) > 1
        }

    def counts(self) -> dict[str, dict[str, int]]:
        """Count images, readable or not, by class and split; the largest class first, splits in the source's order.

        An image counts for each of its tags, and for each value.
        """
        splits = list(dict.fromkeys(record.split or TO_SPLIT for record in self.records))
        cells = Counter(
            (name, record.split or TO_SPLIT)
            for record in self.records
            for name in ([UNLABELLED] if record.label is None else self.target.named(record.label))
        )
        classes = Counter[str]()
        for (name, _), count in cells.items():
            classes[name] += count
        ordered = sorted(classes, key=lambda name: (name == UNLABELLED, -classes[name], name))
        return {name: {split: cells[name, split] for split in splits} for name in ordered}

    def labelled_counts(self) -> dict[str, dict[str, int]]:
        """Count labelled images as `counts` does."""
        return {name: splits for name, splits in self.counts().items() if name != UNLABELLED}

    def modes(self) -> Counter[str]:
        """Number of images by format, channels and their type."""
        return Counter(fact.mode for fact in self.facts if fact.mode)

    def sizes(self) -> Counter[tuple[int, int]]:
        """Number of readable images by height and width in pixels."""
        return Counter((fact.height, fact.width) for fact in self.facts if fact.digest)

    def path(self, index: int) -> str:
        """Write an image's path, with the source as it was given."""
        return str(self.records[index].file.path)

    def name(self, index: int) -> str:
        """Write an image's path relative to the source's folder; for another folder, as it was given."""
        file = self.records[index].file
        is_inside = isinstance(file, ImageFile) and file.folder == Path(self.asked.folder)
        return file.name if is_inside else str(file.path)

    def findings(self) -> list[Finding]:
        """List all findings, the worst kinds first."""
        missing = [
            Finding(kind="missing", number=number, inputs=(reject.name,), detail=reject.reason)
            for number, reject in enumerate(self.missing, 1)
        ]
        across = [
            self._finding("group across splits", number, indices, group)
            for number, (group, indices) in enumerate(self.groups_across_splits().items(), 1)
        ]
        return [
            *self._single("unreadable", self.unreadable, [self.facts[index].problem for index in self.unreadable]),
            *missing,
            *self._sets("duplicates", self.duplicates),
            *self._sets("near-duplicates", self.near_duplicates),
            *across,
            *self._single("blank", self.blank, [f"deviation {self.facts[p].deviation:.2f}" for p in self.blank]),
            *self._single("saturated", self.saturated, [f"{self.facts[p].saturated:.1%}" for p in self.saturated]),
            *self._single(
                "several pages", self.several_pages, [f"{self.facts[p].pages} pages" for p in self.several_pages]
            ),
        ]

    def _single(self, kind: str, indices: Sequence[int], details: Sequence[str]) -> list[Finding]:
        pairs = enumerate(zip(indices, details, strict=True), 1)
        return [self._finding(kind, number, (index,), detail) for number, (index, detail) in pairs]

    def _sets(self, kind: str, sets: Sequence[Alike]) -> list[Finding]:
        return [
            self._finding(kind, number, alike.indices, describe(alike, self.target.kind()))
            for number, alike in enumerate(sets, 1)
        ]

    def _finding(self, kind: str, number: int, indices: tuple[int, ...], detail: str) -> Finding:
        return Finding(kind=kind, number=number, inputs=tuple(map(self.path, indices)), indices=indices, detail=detail)


def describe(alike: Alike, kind: str = "classes") -> str:
    """Write "across splits and classes" and the like; empty for a set within one split and class.

    Args:
        alike: Set of images.
        kind: Noun of the labels.
    """
    across = [name for name, is_so in (("splits", alike.across_splits), (kind, alike.across_classes)) if is_so]
    return f"across {' and '.join(across)}" if across else ""
