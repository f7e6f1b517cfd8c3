"""A second look at images whose digests cannot tell that they are equal: JPEGs that were not decoded whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from kit.engines import Engine
from kit.images import ImageError, SourceImage, store
from kit.progress import Progress
from kit.sources import Record
from kit.specs import ImageSpec
from kit.stderr import held_stderr

_CHUNK = 64  # images that a worker looks at before it reports


@dataclass(frozen=True, slots=True)
class LookTask:
    """Some records to decode whole."""

    records: tuple[Record, ...]
    spec: ImageSpec


def doubtful(origins: Sequence[SourceImage]) -> list[int]:
    """Find the images that may be equal to one that was decoded otherwise: a JPEG's size tells which.

    Args:
        origins: of all images.

    Returns:
        Places.
    """
    whole = {(origin.height, origin.width) for origin in origins if origin.is_whole}
    parts = {(origin.height, origin.width) for origin in origins if not origin.is_whole}
    both = whole & parts
    return [place for place, origin in enumerate(origins) if (origin.height, origin.width) in both]


def look_again(
    records: Sequence[Record], spec: ImageSpec, engine: Engine, progress: Progress, known: dict[int, str]
) -> None:
    """Decode whole images at their own size, and digest their pixels.

    Args:
        records: of the images.
        spec: that they are stored by.
        engine: for the work.
        progress: sees every chunk.
        known: digests by the record's `id`; those of `records` are added.
    """
    left = [record for record in records if id(record) not in known]
    if not left:
        return
    spec = msgspec.structs.replace(spec, size=None, encoding="raw", channels=3)  # a JPEG has a grey of its own
    tasks = [LookTask(tuple(left[start : start + _CHUNK]), spec) for start in range(0, len(left), _CHUNK)]
    progress.start("compare JPEGs with other images of their size", len(left))
    for finished in engine.run(digest_images, tasks):
        members = tasks[finished.index].records
        known.update((id(record), digest) for record, digest in zip(members, finished.value, strict=True))
        progress.advance(len(members))
    progress.finish()


def digest_images(task: LookTask) -> list[str]:
    """Digest the pixels of some images, in a worker; empty for one that cannot be read."""
    with held_stderr():  # libjpeg writes its complaints straight to stderr
        return [_digest(record, task.spec) for record in task.records]


def _digest(record: Record, spec: ImageSpec) -> str:
    try:
        return store(record.file.read(), spec).digest
    except (ImageError, OSError):
        return ""
