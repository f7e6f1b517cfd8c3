"""Tables and remarks on a dataset."""

from __future__ import annotations

from kit.audits.class_balance import counts_of_dataset
from kit.datasets import Dataset
from kit.datasets.dataset import DUPLICATES, NEAR_DUPLICATES, REJECTS
from kit.datasets.manifest import Manifest
from kit.errors import first_three
from kit.reports.class_balance import balance_table
from kit.reports.image_counts import counts_table, fold_tables
from kit.reports.rare_classes import describe_rare
from kit.reports.reject_reasons import describe_left_out
from kit.reports.table import Table


def dataset_tables(dataset: Dataset) -> list[Table]:
    """Tabulate the images of each split and class, the range of values, and the shards of each split."""
    balance = balance_table(counts_of_dataset(dataset))
    return [
        counts_table(dataset.manifest),
        *_values(dataset),
        *balance,
        *fold_tables(dataset.manifest),
        _shards(dataset),
    ]


def describe_images(dataset: Dataset) -> str:
    """Describe in one line the storage of images and the dataset's fingerprint."""
    image = dataset.manifest.image
    formats = ", ".join(f"{count:,} {kind}" for kind, count in image.formats.items())
    sources = ", ".join(f"{count:,} {kind}" for kind, count in image.sources.items())
    height, width = (f"{low}" if low == high else f"{low} to {high}" for low, high in (image.height, image.width))
    channels = f"{image.channels} channel{'s' * (image.channels > 1)}"
    return (
        f"{height} x {width} pixels (height x width), {channels}; {sources}; stored as {formats};"
        f" {dataset.manifest.rejects} rejects; fingerprint {dataset.manifest.fingerprint}"
    )


def remarks(dataset: Dataset) -> list[str]:
    """List remarks to read before training on the dataset."""
    manifest, lines = dataset.manifest, []
    same, near = manifest.duplicates, manifest.near_duplicates
    if not_stored := _not_stored(manifest):
        lines.append(f"not stored: {not_stored}; see {REJECTS}")
    if untrained := _untrained(manifest):
        named = first_three(untrained, len(untrained))
        lines.append(f"warning: no train image has the {manifest.target.noun} {named}; nothing can be learned of it")
    lines += describe_rare(manifest)
    if same.sets:
        lines.append(f"images with an exact duplicate: {same.images:,} in sets: {same.sets:,}; see {DUPLICATES}")
    if near.sets:
        lines.append(
            f"images kept with a near-duplicate: {near.images:,} in sets: {near.sets:,}; see {NEAR_DUPLICATES}"
        )
    if near.across_classes:
        lines.append(f"warning: sets of near-duplicates with different labels: {near.across_classes:,}")
    if near.across_splits:
        lines.append(f"warning: sets of near-duplicates across the source's own splits: {near.across_splits:,}")
    if same.across_classes:
        lines.append(f"warning: sets of duplicates with different labels: {same.across_classes:,}")
    if same.across_splits:
        lines.append(f"warning: sets of duplicates across the source's own splits: {same.across_splits:,}")
    if manifest.groups_across_splits:
        lines.append(
            f"warning: groups across the source's own splits: {manifest.groups_across_splits:,} of {manifest.groups:,}"
        )
    return lines


def _not_stored(manifest: Manifest) -> str:
    """Count bad inputs, if any, and left-out ones by reason."""
    bad = [f"{manifest.rejects:,} bad"] if manifest.rejects else []
    if manifest.left_out_reasons:
        return "; ".join([*bad, describe_left_out(manifest.left_out_reasons)])
    return "; ".join([*bad, *([f"{manifest.left_out:,} left out or no image"] if manifest.left_out else [])])


def _untrained(manifest: Manifest) -> list[str]:
    """List names that no train image has, where a dataset may lack some."""
    counts = manifest.counts.get("train")
    return [] if counts is None else [name for name in manifest.classes if not counts.get(name)]


def _values(dataset: Dataset) -> list[Table]:
    """Tabulate the range of each value, where labels are numbers."""
    target = dataset.manifest.target
    figures = target.statistics()
    if not figures:
        return []
    rows = zip(target.names, *([f"{one:,.6g}" for one in column] for column in figures.values()), strict=True)
    return [Table(f"{target.kind()} of all labelled images", (target.noun, *figures), tuple(rows))]


def _shards(dataset: Dataset) -> Table:
    rows = []
    for split in dataset.manifest.splits:
        sizes = [shard.bytes for shard in dataset.shards(split)]
        rows.append(
            (
                split,
                str(len(sizes)),
                *(_megabytes(size) for size in (min(sizes), max(sizes), sum(sizes))),
            )
        )
    return Table("shards", ("split", "shards", "smallest", "largest", "together"), tuple(rows))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.2f} MB"
