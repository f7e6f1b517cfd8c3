"""Writes one shard in a worker process."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.conversion.shard_plan import ShardPlan
from kit.datasets.example import encode_example
from kit.datasets.manifest import ShardInfo
from kit.datasets.tfrecord import TFRecordWriter
from kit.engines import Node
from kit.errors import SpecError
from kit.files import begun_file, flush, settle, write_whole, xxh128_file
from kit.images import ImageError, SourceImage, StoredImage, store
from kit.seals import read_sealed, seal
from kit.sources import UNLABELLED, Record
from kit.specs import ShardSpec
from kit.stderr import held_stderr
from kit.targets import Target
from kit.targets.label import Features

_NOWHERE = SourceImage(0, 0, is_whole=True)  # placeholder for a rejected image


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A worker's task: one shard to write."""

    folder: Path
    plan: ShardPlan
    target: Target
    spec: ShardSpec

    @property
    def path(self) -> Path:
        """Path of the shard."""
        return self.folder / self.plan.name


class WrittenShard(msgspec.Struct, frozen=True, kw_only=True):
    """Summary of a finished shard, stored beside it until the manifest is written so that a stopped command can resume.

    Attributes:
        temporary: Temporary file name of the worker.
        plan: Hash of the shard's plan.
        shard: Entry for the manifest.
        counts: Number of images of each class.
        formats: Number of images of each stored format.
        sources: Number of images of each kind of source file.
        sizes: Distinct heights and widths, pixels.
        digests: Digest of the pixels of each record of the plan; empty for a rejected one.
        origins: Source image of each record of the plan.
        rejects: Paths and reasons.
        node: Machine of a cluster that wrote the shard; unset for this one.
    """

    temporary: str
    plan: str
    shard: ShardInfo
    counts: dict[str, int]
    formats: dict[str, int]
    sources: dict[str, int]
    sizes: list[tuple[int, int]]
    digests: list[str]
    origins: list[SourceImage]
    rejects: list[tuple[str, str]]
    node: Node | msgspec.UnsetType = msgspec.UNSET


def write_shard_durably(task: ShardTask) -> WrittenShard:
    """Write one shard on a machine of a cluster: its bytes must have left it before another one renames the file."""
    written = write_shard(task)
    flush(task.folder / written.temporary)
    return written


def write_shard(task: ShardTask) -> WrittenShard:
    """Write one shard under a temporary name; `settle_shard` finishes it."""
    counts, formats, sources = Counter[str](), Counter[str](), Counter[str]()
    sizes = set[tuple[int, int]]()
    digests: list[str] = []
    origins: list[SourceImage] = []
    rejects: list[tuple[str, str]] = []
    # libjpeg writes warnings directly to stderr, even for images that it decodes
    with held_stderr(), begun_file(task.path) as temporary, TFRecordWriter(temporary, is_new=True) as writer:
        truth = task.target.encode([record.label for record in task.plan.records])
        for record, row in zip(task.plan.records, truth, strict=True):
            try:
                image = store(record.file.read(), task.spec.image)
            except (ImageError, OSError) as error:
                rejects.append((str(record.file.path), _reason(error)))
                digests.append("")
                origins.append(_NOWHERE)
                continue
            writer.write(*_example(record, image, task.target.features(row), task.plan.fold))
            counts.update([UNLABELLED] if record.label is None else task.target.named(record.label))
            formats[image.format] += 1
            sources[image.source] += 1
            sizes.add((image.height, image.width))
            digests.append(image.digest)
            origins.append(image.origin)
    return WrittenShard(
        temporary=temporary.name,
        plan=plan_digest(task),
        shard=ShardInfo(
            name=task.plan.name,
            split=task.plan.split,
            fold=task.plan.fold,
            records=writer.records,
            bytes=writer.bytes,
            xxh128=writer.xxh128,
        ),
        counts=dict(counts),
        formats=dict(formats),
        sources=dict(sources),
        sizes=sorted(sizes),
        digests=digests,
        origins=origins,
        rejects=rejects,
    )


def settle_shard(task: ShardTask, written: WrittenShard) -> None:
    """Rename a worker's shard once it is on the disk, and write its summary.

    Waiting for the disk takes up to a tenth of the writing time, so the caller does it, while the workers go on.
    """
    settle(task.folder / written.temporary, task.path)
    write_whole(summary_path(task.path), seal(written))


def _example(record: Record, image: StoredImage, label: Features, fold: int) -> list[bytes]:
    return encode_example(
        {
            **label,
            "image/encoded": image.encoded,
            "image/format": image.format.encode(),
            "image/height": image.height,
            "image/width": image.width,
            "image/channels": image.channels,
            "image/filename": record.file.name.encode(),
            "image/class/text": (record.label or "").encode(),
            "image/key": record.key.encode(),
            "image/group": record.group.encode(),
            "image/fold": fold,
        }
    )


def _reason(error: ImageError | OSError) -> str:
    return f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)


def plan_digest(task: ShardTask) -> str:
    """Hash a shard's plan, which distinguishes the shard from one of an earlier plan."""
    lines = [(r.key, r.file.name, r.label, r.group) for r in task.plan.records]
    content = msgspec.json.encode([task.plan.name, task.plan.split, task.plan.fold, task.target, lines])
    return hashlib.sha256(content).hexdigest()


def kept_shard(task: ShardTask) -> WrittenShard | None:
    """Return an earlier attempt's shard if its plan is the same and its bytes match its summary."""
    try:
        summary = read_sealed(summary_path(task.path), WrittenShard)
        is_sound = summary.plan == plan_digest(task) and xxh128_file(task.path) == summary.shard.xxh128
    except (OSError, SpecError):
        return None
    return summary if is_sound else None


def summary_path(path: Path) -> Path:
    """Return the path of the summary of the shard at `path`."""
    return path.with_suffix(".written.json")
