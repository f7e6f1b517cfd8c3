"""Images that look the same, turned or mirrored too, found before they are divided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kit.engines import Engine
from kit.images import ImageError, store
from kit.images.perceptual_hash import Look, look_at
from kit.progress import Progress
from kit.sources import Record
from kit.specs import ImageSpec, ShardSpec
from kit.stderr import held_stderr

_CHUNK = 64  # images that a worker looks at before it reports


@dataclass(frozen=True, slots=True)
class LookAlikeTask:
    """Some records to look at."""

    records: tuple[Record, ...]
    spec: ImageSpec


def find_looks_alike(records: Sequence[Record], spec: ShardSpec, engine: Engine, progress: Progress) -> list[list[int]]:
    """Decode all images at their own size, and find the sets that look the same and are not all equal.

    Returns:
        Sets of places among `records`, each ascending, sorted by their first.
    """
    from kit.images.near_duplicates import find_near_duplicates  # noqa: PLC0415 (SciPy, and few ask for it)

    image = ImageSpec(encoding="raw", scale=spec.image.scale, page=spec.image.page, bands=_colours(spec.image.bands))
    tasks = [LookAlikeTask(tuple(records[at : at + _CHUNK]), image) for at in range(0, len(records), _CHUNK)]
    looks = {}
    progress.start("look for near-duplicates", len(records))
    for finished in engine.run(look_at_images, tasks):
        looks[finished.index] = finished.value
        progress.advance(len(finished.value))
    progress.finish()
    every = [look for index in range(len(tasks)) for look in looks[index]]
    return find_near_duplicates(every, spec.near_duplicates)


def look_at_images(task: LookAlikeTask) -> list[Look]:
    """Look at some images, in a worker; one that cannot be read looks like nothing."""
    with held_stderr():  # libjpeg writes its complaints straight to stderr
        return [_look(record, task.spec) for record in task.records]


def _look(record: Record, spec: ImageSpec) -> Look:
    try:
        stored = store(record.file.read(), spec)
    except (ImageError, OSError):
        return Look()
    pixels = np.frombuffer(stored.encoded, np.uint8).reshape(stored.height, stored.width, stored.channels)
    return look_at(pixels, stored.digest)


def _colours(bands: tuple[int, ...]) -> tuple[int, ...]:
    """Take three bands to look at, where one is to be stored: three times the same is its grey."""
    return bands * 3 if len(bands) == 1 else bands
