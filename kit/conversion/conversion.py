"""What is converted into a dataset: a source and the settings, and what identifies both."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.datasets.manifest import SourceInfo
from kit.sources import Record, Source
from kit.specs import ShardSpec, SourceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What becomes which dataset, and how.

    Attributes:
        name: Name of the dataset.
        source: Images and labels.
        info: Origin of the images and labels.
        spec: Settings that decide the shards' bytes.
        ties: Records that stay together because their images are equal; None finds them.
        recipe: Recipe, or arm as RECIPE/ARM, whose data settings `spec` begins with; empty for none.
        near: Records that stay together because their images look the same; None finds them where the spec asks so.
    """

    name: str
    source: Source
    info: SourceInfo
    spec: ShardSpec
    ties: Sequence[Sequence[Record]] | None = None
    recipe: str = ""
    near: Sequence[Sequence[Record]] | None = None


def describe_source(source: Source, spec: SourceSpec) -> SourceInfo:
    """Summarise a source so that the same inputs are recognised, and changed ones are not mistaken for them."""
    digest = hashlib.sha256()
    for record in source.records:
        line = [record.key, record.label, record.split, record.group, *record.file.identity]
        digest.update(msgspec.json.encode(line) + b"\n")
    if source.target.kind() != "classes":  # the same labels may be classes or grades
        digest.update(msgspec.json.encode(source.target))
    digest.update(msgspec.json.encode([Path(reject.name).name for reject in source.rejects if reject.is_bad]))
    if source.sample_submission:
        digest.update(source.sample_submission.read_bytes())
    return SourceInfo(spec=spec, files=len(source.records), digest=digest.hexdigest()[:16])
