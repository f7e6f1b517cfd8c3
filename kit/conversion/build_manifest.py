"""Makes the manifest of written shards: counts by split, class and fold, sizes, groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from kit.conversion.conversion import Conversion
from kit.conversion.exact_duplicates import describe_duplicates
from kit.conversion.second_pass import Written
from kit.conversion.shard_plan import ShardPlan
from kit.conversion.write_shard import WrittenShard
from kit.datasets.manifest import NO_FOLD, ImageInfo, Manifest, NodeInfo, fingerprint
from kit.engines import Node
from kit.errors import SourceError, first_three, option
from kit.sources import UNLABELLED
from kit.targets import Target


def build_manifest(conversion: Conversion, written: Written) -> Manifest:
    """Make the manifest of a conversion's written shards.

    Raises:
        SourceError: The train split lacks a class, or has one image of each, which leaves none for validation.
    """
    target = conversion.source.target
    shards = tuple(shard.shard for shard in written.shards)
    groups = _splits_of_groups(written.plans)
    return Manifest(
        name=conversion.name,
        target=target,
        label_columns=conversion.source.label_columns,
        counts=_counts(written.shards, target),
        folds=_fold_counts(written.shards, target.names),
        groups=len(groups),
        groups_across_splits=sum(len(splits) > 1 for splits in groups.values()),
        duplicates=describe_duplicates(written.duplicates, target),
        image=_image_info(written.shards, conversion.spec.image.channels),
        shards=shards,
        source=conversion.info,
        settings=conversion.spec,
        sample_submission=conversion.source.sample_submission is not None,
        rejects=sum(reject.is_bad for reject in written.rejects),
        left_out=sum(not reject.is_bad for reject in written.rejects),
        left_out_reasons=dict(Counter(reject.reason for reject in written.rejects if not reject.is_bad).most_common()),
        not_taken=dict(sorted(Counter(record.label or UNLABELLED for record in written.not_taken).items())),
        near_duplicates=describe_duplicates(written.near, target),
        fingerprint=fingerprint(target, shards),
        recipe=conversion.recipe,
        nodes=_nodes(written.shards),
    )


def _nodes(written: Sequence[WrittenShard]) -> tuple[NodeInfo, ...] | msgspec.UnsetType:
    """List the machines of a cluster with their shards; unset if there were none."""
    shards: dict[Node, list[str]] = {}
    for shard in written:
        if shard.node is not msgspec.UNSET:
            shards.setdefault(shard.node, []).append(shard.shard.name)
    nodes = sorted(shards, key=lambda node: (node.address, node.id))
    return (
        tuple(NodeInfo(id=node.id, address=node.address, shards=tuple(shards[node])) for node in nodes) or msgspec.UNSET
    )


def _counts(written: Sequence[WrittenShard], target: Target) -> dict[str, dict[str, int]]:
    """Count images by split and name, in the names' order; refuse a class without images to train on."""
    counts: dict[str, Counter[str]] = {}
    for shard in written:
        counts.setdefault(shard.shard.split, Counter()).update(shard.counts)
    trained = counts.get("train", Counter())
    lost = [name for name in target.names if not trained[name]]
    if lost and target.is_partition:
        named = f"{target.noun} {first_three(lost, len(lost))}"
        raise SourceError(f"no readable train image of {named}; add images, or change the split")
    if target.is_partition and "validation" not in counts and max(trained.values()) == 1:
        raise SourceError(
            f"one image of each {target.noun} trains, and none is left for validation; take more with"
            f" {option('per_class')}, or leave rare ones out with a file for {option('exclude')}"
        )
    return {
        split: {label: count[label] for label in (*target.names, UNLABELLED) if count[label]}
        for split, count in counts.items()
    }


def _fold_counts(written: Sequence[WrittenShard], classes: Sequence[str]) -> dict[int, dict[str, int]]:
    counts: dict[int, Counter[str]] = {}
    for shard in written:
        if shard.shard.fold != NO_FOLD:
            counts.setdefault(shard.shard.fold, Counter()).update(shard.counts)
    return {fold: {label: counts[fold][label] for label in classes} for fold in sorted(counts)}


def _splits_of_groups(plans: Iterable[ShardPlan]) -> dict[str, set[str]]:
    splits: dict[str, set[str]] = {}
    for plan in plans:
        for record in plan.records:
            if record.group:
                splits.setdefault(record.group, set()).add(plan.split)
    return splits


def _image_info(written: Sequence[WrittenShard], channels: int) -> ImageInfo:
    formats, sources = Counter[str](), Counter[str]()
    for shard in written:
        formats.update(shard.formats)
        sources.update(shard.sources)
    heights, widths = zip(*(size for shard in written for size in shard.sizes), strict=True)
    return ImageInfo(
        formats=dict(sorted(formats.items())),
        height=(min(heights), max(heights)),
        width=(min(widths), max(widths)),
        channels=channels,
        sources=dict(sorted(sources.items())),
    )
