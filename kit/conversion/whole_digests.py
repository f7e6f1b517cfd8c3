"""Digests of fully decoded images, for JPEGs that were decoded at a reduced scale and cannot be compared otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from kit.engines import Engine, run_with_retries
from kit.images import ImageError, SourceImage, store
from kit.progress import Progress
from kit.sources import Record
from kit.sources.record import RecordId
from kit.specs import ImageSpec
from kit.stderr import held_stderr

_CHUNK = 64  # images between a worker's reports


@dataclass(frozen=True, slots=True)
class DigestTask:
    """Records whose images a worker decodes and digests."""

    records: tuple[Record, ...]
    spec: ImageSpec


def doubtful(origins: Sequence[SourceImage]) -> list[int]:
    """Find the images that may equal one decoded at another scale: they have the size of a JPEG decoded so.

    Args:
        origins: Sources of all images.

    Returns:
        Indices of the images.
    """
    whole = {(origin.height, origin.width) for origin in origins if origin.is_whole}
    parts = {(origin.height, origin.width) for origin in origins if not origin.is_whole}
    both = whole & parts
    return [index for index, origin in enumerate(origins) if (origin.height, origin.width) in both]


def digest_whole(
    records: Sequence[Record], spec: ImageSpec, engine: Engine, progress: Progress, known: dict[RecordId, str]
) -> None:
    """Decode images at their own size, and digest their pixels.

    Args:
        records: Records of the images.
        spec: Settings of the stored images.
        engine: Engine that runs the tasks.
        progress: Receiver of every finished chunk.
        known: Known digests by record id; those of `records` are added.
    """
    left = [record for record in records if record.id not in known]
    if not left:
        return
    spec = msgspec.structs.replace(spec, size=None, encoding="raw", channels=3)  # a JPEG has a grey of its own
    tasks = [DigestTask(tuple(left[start : start + _CHUNK]), spec) for start in range(0, len(left), _CHUNK)]
    progress.start("compare JPEGs with other images of their size", len(left))
    for finished in run_with_retries(engine, digest_images, tasks):
        members = tasks[finished.index].records
        known.update((record.id, digest) for record, digest in zip(members, finished.value, strict=True))
        progress.advance(len(members))
    progress.finish()


def digest_images(task: DigestTask) -> list[str]:
    """Digest the pixels of some images, in a worker; empty for an unreadable one."""
    with held_stderr():  # libjpeg writes its warnings directly to stderr
        return [_digest(record, task.spec) for record in task.records]


def _digest(record: Record, spec: ImageSpec) -> str:
    try:
        return store(record.file.read(), spec).digest
    except (ImageError, OSError):
        return ""
