"""Audits a source in one call."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from kit.arguments import checked_arguments
from kit.audits.duplicate_sets import place_sets
from kit.audits.findings import Audit
from kit.audits.image_facts import Facts, chunks, measure_images, storing_spec
from kit.audits.inputs import read_audited
from kit.competitions import fill
from kit.engines import Engine, Serial, engine_for
from kit.errors import require
from kit.images import equal_images
from kit.images.near_duplicates import find_near_duplicates
from kit.progress import NO_PROGRESS, Progress
from kit.sources import Source
from kit.specs import ImageSpec
from kit.specs.options import DATASET_SPECS, SourceOptions, spelled_out
from kit.specs.shard import MAX_NEAR
from kit.specs.source import source_spec

NEAR = 4  # of 64 bits: JPEG at quality 60, half the size or a tenth more contrast change 98 of 100 images no further

_CHUNK = 64  # images a task: some 0.1 s for small ones, so that the cost of starting a task is negligible


@checked_arguments
@spelled_out(*DATASET_SPECS)
def audit(
    source: Path | str,
    *,
    competition: Path | str | None = None,
    scale: str = "none",
    near_bits: int = NEAR,
    workers: int | None = None,
    progress: Progress = NO_PROGRESS,
    **options: Unpack[SourceOptions],
) -> Audit:
    """Audit every image of a source, without writing files.

    Args:
        source: Class folders, also below train, val and test folders; the images that `labels` names; an .npz file;
            or a folder of images without classes. With `competition`, the folder of its files.
        competition: Competition whose files, columns, target and groups are meant where nothing else is given: a name
            of `kit.competition_names`, or the path of a .toml file.
        scale: Mapping of more than 8 bits to 8: "none", "minmax" or "percentile:1,99"; see `ImageSpec`.
        near_bits: Largest number of the 64 bits in which the perceptual hashes of near-duplicates differ, rotated and
            mirrored ones included; 0 for no search.
        workers: Processes; one for each core otherwise.
        progress: Receiver of every measured image.
        **options: Options of the source.

    Raises:
        KitError: There are no images, or the labels contradict each other.
    """
    filled = fill(competition, source, options)
    asked = source_spec(filled.source, filled.options)
    require(0 <= near_bits <= MAX_NEAR, f"near_bits must be between 0 and {MAX_NEAR}, got {near_bits}")
    engine = engine_for(workers)
    spec = storing_spec(scale)
    found, refused = read_audited(asked)
    facts = _measure(found, spec, engine, progress)
    return Audit(
        asked=asked,
        scale=scale,
        near_bits=near_bits,
        competition=filled.name,
        metric=filled.metric or "",
        records=found.records,
        target=found.target,
        label_columns=found.label_columns,
        facts=tuple(facts),
        rejects=found.rejects,
        refused=refused,
        duplicates=place_sets(equal_images(fact.digest for fact in facts), found.records),
        near_duplicates=place_sets(find_near_duplicates(facts, near_bits), found.records) if near_bits else (),
        notes=found.notes,
    )


def _measure(source: Source, spec: ImageSpec, engine: Engine, progress: Progress) -> list[Facts]:
    tasks = chunks(source.records, _CHUNK, spec)
    chosen = engine if len(tasks) > 1 else Serial()
    measured: dict[int, list[Facts]] = {}
    progress.start("audit", len(source.records))
    for finished in chosen.run(measure_images, tasks):
        measured[finished.index] = finished.value
        progress.advance(len(finished.value))
    progress.finish()
    return [fact for index in range(len(tasks)) for fact in measured[index]]
