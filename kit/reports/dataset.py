"""A dataset as tables."""

from __future__ import annotations

from kit.reports.table import NOTHING, Table
from kit.shards import Dataset


def dataset_tables(dataset: Dataset) -> list[Table]:
    """Lay out the images of each split and class, and the shards of each split."""
    return [_counts(dataset), _shards(dataset)]


def describe_images(dataset: Dataset) -> str:
    """Say in one line how images are stored, and what identifies the dataset."""
    image = dataset.manifest.image
    formats = ", ".join(f"{count:,} {kind}" for kind, count in image.formats.items())
    height, width = (f"{low}" if low == high else f"{low} to {high}" for low, high in (image.height, image.width))
    return (
        f"{height} x {width} pixels (height x width), {image.channels} channels; stored as {formats};"
        f" {dataset.manifest.rejects} rejects; fingerprint {dataset.manifest.fingerprint}"
    )


def _counts(dataset: Dataset) -> Table:
    manifest = dataset.manifest
    named = [label for counts in manifest.counts.values() for label in counts]
    labels = sorted(set(named), key=[*manifest.classes, *named].index)
    rows = []
    for split in manifest.splits:
        counts = manifest.counts[split]
        total = manifest.records(split)
        cells = (f"{counts[label]:,}\n{counts[label] / total:.1%}" if label in counts else NOTHING for label in labels)
        rows.append((split, f"{total:,}", *cells))
    return Table("images", ("split", "all", *labels), tuple(rows))


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
