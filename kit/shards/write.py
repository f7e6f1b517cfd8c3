"""Writes one shard, in a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.errors import SpecError
from kit.files import sha256_file, whole_file, write_whole
from kit.images import ImageError, StoredImage, store_image
from kit.shards.example import encode_example
from kit.shards.manifest import UNLABELLED, ShardInfo
from kit.shards.plan import ShardPlan
from kit.shards.tfrecord import TFRecordWriter
from kit.sources import Record
from kit.specs import ShardSpec, from_json, to_json
from kit.stderr import held_stderr

NO_LABEL = -1
NO_FOLD = -1


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard to write, as a worker receives it."""

    folder: Path
    plan: ShardPlan
    classes: tuple[str, ...]
    spec: ShardSpec


class WrittenShard(msgspec.Struct, frozen=True, kw_only=True):
    """A finished shard, kept beside it until the manifest is written so that a stopped command can go on.

    Attributes:
        shard: for the manifest.
        counts: images of each class.
        formats: images of each format.
        sizes: distinct heights and widths, pixels.
        rejects: paths and reasons.
    """

    shard: ShardInfo
    counts: dict[str, int]
    formats: dict[str, int]
    sizes: list[tuple[int, int]]
    rejects: list[tuple[str, str]]


def write_shard(task: ShardTask) -> WrittenShard:
    """Write one shard whole, and its summary after it."""
    counts, formats, sizes = Counter[str](), Counter[str](), set[tuple[int, int]]()
    rejects: list[tuple[str, str]] = []
    path = task.folder / task.plan.name
    # libjpeg writes its complaints straight to stderr, about images that it decodes all the same
    with held_stderr(), whole_file(path) as temporary, TFRecordWriter(temporary) as writer:
        for record in task.plan.records:
            try:
                image = store_image(record.file.path.read_bytes(), task.spec.image)
            except (ImageError, OSError) as error:
                rejects.append((str(record.file.path), _reason(error)))
                continue
            writer.write(_example(record, image, task.classes))
            counts[record.label or UNLABELLED] += 1
            formats[image.format] += 1
            sizes.add((image.height, image.width))
    shard = ShardInfo(
        name=task.plan.name,
        split=task.plan.split,
        records=writer.records,
        bytes=writer.bytes,
        sha256=writer.sha256,
    )
    written = WrittenShard(
        shard=shard,
        counts=dict(counts),
        formats=dict(formats),
        sizes=sorted(sizes),
        rejects=rejects,
    )
    write_whole(summary_path(path), to_json(written))
    return written


def _example(record: Record, image: StoredImage, classes: Sequence[str]) -> bytes:
    return encode_example(
        {
            "image/encoded": image.encoded,
            "image/format": image.format.encode(),
            "image/height": image.height,
            "image/width": image.width,
            "image/channels": image.channels,
            "image/filename": record.file.name.encode(),
            "image/class/label": NO_LABEL if record.label is None else classes.index(record.label),
            "image/class/text": (record.label or "").encode(),
            "image/key": record.key.encode(),
            "image/group": b"",
            "image/fold": NO_FOLD,
        }
    )


def _reason(error: ImageError | OSError) -> str:
    return f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)


def kept_shard(path: Path) -> WrittenShard | None:
    """Return an earlier attempt's shard if its bytes are the ones it summarised."""
    try:
        summary = from_json(summary_path(path), WrittenShard)
        return summary if sha256_file(path) == summary.shard.sha256 else None
    except (OSError, SpecError):
        return None


def summary_path(path: Path) -> Path:
    """Name the summary of the shard at `path`."""
    return path.with_suffix(".written.json")
