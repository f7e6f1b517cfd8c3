"""An audit, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from kit.audits.duplicate_sets import place_sets
from kit.audits.findings import Audit
from kit.audits.image_facts import Facts, chunks, measure_images, storing_spec
from kit.audits.inputs import read_audited
from kit.engines import Engine, Serial, engine_for
from kit.errors import require
from kit.images import equal_images
from kit.images.near_duplicates import find_near_duplicates
from kit.progress import NO_PROGRESS, Progress
from kit.sources import Source
from kit.specs import ImageSpec, SourceSpec
from kit.specs.shard import MAX_NEAR
from kit.specs.source import path_text

NEAR = 4  # of 64 bits: JPEG at quality 60, half the size or a tenth more contrast move 98 of 100 images no further

_CHUNK = 64  # images a task: some 0.1 s of small ones, so that starting a task costs nothing beside it


def audit(
    source: Path | str,
    *,
    labels: Path | str | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    class_from: str | None = None,
    classes: Mapping[str, str] | None = None,
    class_names: Sequence[str] | None = None,
    ignore_splits: Sequence[str] | None = None,
    group: str | None = None,
    exclude: Path | str | None = None,
    test: Path | str | None = None,
    sample_submission: Path | str | None = None,
    scale: str = "none",
    near: int = NEAR,
    workers: int | None = None,
    progress: Progress = NO_PROGRESS,
) -> Audit:
    """Look at every image of a source, and write nothing.

    Args:
        source: class folders, also below train, val and test folders; the images that `labels` names; an .npz file;
            or a folder of images without classes.
        labels: CSV or Parquet file of ids and labels, with or without a header.
        id_column: its column of ids; found by its name or content otherwise.
        label_column: its column of labels, or one-hot columns with commas between; found otherwise.
        class_from: regular expression that finds the class in a file's name; the folder is it where it finds none.
        classes: Class by label, for labels that are to be renamed or brought together: {"Cat": "cat"}.
        class_names: Names of the classes 0, 1, and so on, for labels that are numbers, as those of an .npz file.
        ignore_splits: Splits of the source's own that are left out: "train", "val" or "test".
        group: column of `labels`, or regular expression that finds the group (a patient, a slide) in a file's name.
        exclude: text file of ids or paths to leave out.
        test: folder of unlabelled images.
        sample_submission: CSV whose first column orders the test images.
        scale: "none", "minmax" or "percentile:1,99", for more than 8 bits; see `ImageSpec`.
        near: bits of 64 in which the perceptual hashes of near-duplicates differ at most, one of two
            turned by quarters or mirrored or not; 0 looks for none.
        workers: processes; one for each core otherwise.
        progress: sees every image.

    Raises:
        KitError: nothing to look at, or labels that contradict themselves.
    """
    asked = SourceSpec(
        folder=str(source),
        labels=path_text(labels),
        id_column=id_column,
        label_column=label_column,
        class_from=class_from,
        classes=tuple((classes or {}).items()),
        class_names=tuple(class_names or ()),
        ignore_splits=tuple(ignore_splits or ()),
        group=group,
        exclude=path_text(exclude),
        test=path_text(test),
        sample_submission=path_text(sample_submission),
    )
    require(0 <= near <= MAX_NEAR, f"near must be between 0 and {MAX_NEAR} bits, got {near}")
    engine = engine_for(workers)
    spec = storing_spec(scale)
    found, refusal = read_audited(asked)
    facts = _measure(found, spec, engine, progress)
    return Audit(
        asked=asked,
        scale=scale,
        near=near,
        records=found.records,
        facts=tuple(facts),
        rejects=found.rejects,
        refusal=refusal,
        duplicates=place_sets(equal_images(fact.digest for fact in facts), found.records),
        near_duplicates=place_sets(find_near_duplicates(facts, near), found.records) if near else (),
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
