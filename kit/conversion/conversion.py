"""A conversion: a source, the settings of the dataset, and their digests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.datasets.manifest import SourceInfo
from kit.files import xxh128_file
from kit.sources import Record, Source
from kit.specs import ShardSpec, SourceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """Inputs and settings of a dataset to write.

    Attributes:
        name: Name of the dataset.
        source: Images and labels.
        info: Origin of the images and labels.
        spec: Settings that determine the shards' bytes.
        ties: Sets of records that stay together because their images are equal; None to find them.
        recipe: Recipe, or arm as RECIPE/ARM, with the data settings that `spec` is based on; empty for none.
        near: Sets of records that stay together because their images look the same; None to find them if the spec
            says so.
        metric: Metric that the competition scores, as `kept_metric` gives it; None keeps what an existing dataset has,
            also one that is replaced where it judges the target, or takes the target's default.
    """

    name: str
    source: Source
    info: SourceInfo
    spec: ShardSpec
    ties: Sequence[Sequence[Record]] | None = None
    recipe: str = ""
    near: Sequence[Sequence[Record]] | None = None
    metric: str | None = None


def describe_source(source: Source, spec: SourceSpec) -> SourceInfo:
    """Summarise a source with a digest, by which unchanged inputs are recognised."""
    digest = hashlib.sha256()
    for record in source.records:
        line = [record.key, record.label, record.split, record.group, *record.file.identity]
        digest.update(msgspec.json.encode(line) + b"\n")
    digest.update(msgspec.json.encode([Path(reject.name).name for reject in source.rejects if reject.is_bad]))
    if not source.target.is_first_kind:
        digest.update(msgspec.json.encode(source.target))
    if source.sample_submission:
        digest.update(source.sample_submission.read_bytes())
    labels = msgspec.UNSET if spec.labels is None else xxh128_file(Path(spec.labels))
    return SourceInfo(spec=spec, files=len(source.records), digest=digest.hexdigest()[:16], labels_xxh128=labels)
