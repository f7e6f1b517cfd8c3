"""Finds near-duplicates, rotated and mirrored ones included, before the images are divided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kit.engines import Engine, run_with_retries
from kit.images import ImageError, store
from kit.images.perceptual_hash import Look, look_at
from kit.progress import Progress
from kit.sources import Record
from kit.specs import ImageSpec, ShardSpec
from kit.stderr import held_stderr

_CHUNK = 64  # images between a worker's reports


@dataclass(frozen=True, slots=True)
class HashTask:
    """Records whose images a worker hashes."""

    records: tuple[Record, ...]
    spec: ImageSpec


def find_looks_alike(records: Sequence[Record], spec: ShardSpec, engine: Engine, progress: Progress) -> list[list[int]]:
    """Decode all images at their own size, and find the sets of near-duplicates, without sets of only equal images.

    Returns:
        Sets of indices of `records`, each ascending, in the order of their first elements.
    """
    from kit.images.near_duplicates import find_near_duplicates  # noqa: PLC0415 (SciPy, and few ask for it)

    image = ImageSpec(encoding="raw", scale=spec.image.scale, page=spec.image.page, bands=_colours(spec.image.bands))
    tasks = [HashTask(tuple(records[at : at + _CHUNK]), image) for at in range(0, len(records), _CHUNK)]
    looks = {}
    progress.start("look for near-duplicates", len(records))
    for finished in run_with_retries(engine, hash_images, tasks):
        looks[finished.index] = finished.value
        progress.advance(len(finished.value))
    progress.finish()
    every = [look for index in range(len(tasks)) for look in looks[index]]
    return find_near_duplicates(every, spec.near_duplicates)


def hash_images(task: HashTask) -> list[Look]:
    """Hash some images, in a worker; an unreadable one resembles no other."""
    with held_stderr():  # libjpeg writes its warnings directly to stderr
        return [_look(record, task.spec) for record in task.records]


def _look(record: Record, spec: ImageSpec) -> Look:
    try:
        stored = store(record.file.read(), spec)
    except (ImageError, OSError):
        return Look()
    pixels = np.frombuffer(stored.encoded, np.uint8).reshape(stored.height, stored.width, stored.channels)
    return look_at(pixels, stored.digest)


def _colours(bands: tuple[int, ...]) -> tuple[int, ...]:
    """Return three bands: a single one is repeated, which is grey."""
    return bands * 3 if len(bands) == 1 else bands
