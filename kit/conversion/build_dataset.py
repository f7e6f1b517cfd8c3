"""Builds a dataset's folder: shards in parallel, what could not be stored, the manifest last."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from kit.conversion import tfds
from kit.conversion.exact_duplicates import Placed, describe_duplicates, duplicates_csv, find_duplicates, place_sets
from kit.conversion.look_alikes import find_looks_alike
from kit.conversion.second_pass import doubtful, look_again
from kit.conversion.shard_plan import ShardPlan, plan_shards, sample
from kit.conversion.write_shard import ShardTask, WrittenShard, kept_shard, settle_shard, summary_path, write_shard
from kit.datasets.dataset import (
    DUPLICATES,
    MANIFEST,
    NEAR_DUPLICATES,
    REJECTS,
    SAMPLE_SUBMISSION,
    Dataset,
    read_dataset,
)
from kit.datasets.manifest import NO_FOLD, ImageInfo, Manifest, SourceInfo, fingerprint
from kit.datasets.verify import verify_bytes
from kit.engines import Engine
from kit.errors import EngineError, ShardError, SourceError, SpecError, first_three
from kit.files import locked, publish, sweep, unused, write_whole
from kit.names import checked_id
from kit.progress import NO_PROGRESS, Progress
from kit.seals import hashes, read_sealed, seal
from kit.sources import UNLABELLED, Record, Reject, Source
from kit.specs import ShardSpec, SourceSpec, setting_paths, to_json, value_of
from kit.workspace import Workspace

PLAN = "plan.json"
TIES, NEAR_TIES = "ties.json", "near_ties.json"
_REASONS = 4  # that a message names
_SETTLERS = 4  # threads that wait for the disk
_LOSSES = 2  # worker processes lost one after another without a shard between them: then it is no accident


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What becomes which dataset, and how.

    Attributes:
        name: of the dataset.
        source: its images and labels.
        info: where they came from.
        spec: decides the shards' bytes.
        ties: records that stay together because their images are equal; None finds them.
        recipe: Recipe, or arm as RECIPE/ARM, whose data settings `spec` begins with; empty for none.
        near: Records that stay together because their images look the same; None finds them where the spec asks so.
    """

    name: str
    source: Source
    info: SourceInfo
    spec: ShardSpec
    ties: Sequence[Sequence[Record]] | None = None
    recipe: str = ""
    near: Sequence[Sequence[Record]] | None = None


@dataclass(slots=True)
class _Written:
    """What stands in the folder, and what the manifest says of it."""

    plans: list[ShardPlan]
    shards: list[WrittenShard]
    duplicates: list[list[Placed]]
    rejects: list[Reject] = field(default_factory=list)
    not_taken: list[Record] = field(default_factory=list)
    near: list[list[Placed]] = field(default_factory=list)


def build_dataset(
    conversion: Conversion,
    *,
    workspace: Workspace,
    engine: Engine,
    max_bad: int = 0,
    force: bool = False,
    progress: Progress = NO_PROGRESS,
) -> Dataset:
    """Write a dataset; one of the same inputs and settings is returned as it is.

    Shards that an earlier, stopped command finished are kept if their bytes still are what it wrote.

    Raises:
        ShardError: the name holds other data and `force` is not set.
        SourceError: more than `max_bad` inputs cannot be stored; nothing is left behind.
        WorkspaceError: another process is writing the dataset.
    """
    final = workspace.datasets / checked_id(conversion.name, "dataset")
    partial = workspace.datasets / f".{conversion.name}.partial"
    if standing := _standing(final, conversion, progress, force=force):
        _remove_stale(partial, final)
        return standing
    _refuse_bad(conversion.name, conversion.source.rejects, max_bad, is_read=False)
    with locked(final):
        if standing := _standing(final, conversion, progress, force=force):  # of a command that was faster
            return standing
        _claim(partial, conversion)
        try:
            written = _write(partial, conversion, engine, progress)
            _refuse_bad(conversion.name, written.rejects, max_bad, is_read=True)
            _complete(partial, conversion, written)
        except (ShardError, SourceError, SpecError):
            shutil.rmtree(partial)
            raise
        with unused(final / MANIFEST) if final.exists() else contextlib.nullcontext():
            publish(partial, final)
    return read_dataset(final)


def describe_source(source: Source, spec: SourceSpec) -> SourceInfo:
    """Summarise a source so that the same inputs are recognised, and changed ones are not mistaken for them."""
    digest = hashlib.sha256()
    for record in source.records:
        line = [record.key, record.label, record.split, record.group, *record.file.identity]
        digest.update(msgspec.json.encode(line) + b"\n")
    digest.update(msgspec.json.encode([Path(reject.name).name for reject in source.rejects if reject.is_bad]))
    if source.sample_submission:
        digest.update(source.sample_submission.read_bytes())
    return SourceInfo(spec=spec, files=len(source.records), digest=digest.hexdigest()[:16])


def class_names(records: Iterable[Record]) -> tuple[str, ...]:
    """Sort the labels; as numbers if all are."""
    labels = {record.label for record in records if record.label is not None}
    if all(label.isdecimal() for label in labels):
        return tuple(sorted(labels, key=lambda label: (int(label), label)))
    return tuple(sorted(labels))


def _refuse_foreign(folder: Path) -> None:
    """Leave alone what kit did not write, whatever is forced."""
    if not (folder / MANIFEST).is_file():
        raise ShardError(f"{folder} exists and is not a dataset of kit's; move it away, or choose another --name")


def _standing(final: Path, conversion: Conversion, progress: Progress, *, force: bool) -> Dataset | None:
    """Return the dataset that stands there if it is the one that is asked; None if one is to be written.

    Raises:
        ShardError: It is another one, and `force` is not set.
        WorkspaceError: It is to be replaced, and in use.
    """
    if not final.exists():
        return None
    _refuse_foreign(final)
    if force:
        with unused(final / MANIFEST):
            return None
    return _same_dataset(final, conversion, progress)


def _remove_stale(partial: Path, final: Path) -> None:
    """Remove what a command that was killed at its very end has left beside the finished dataset."""
    if partial.exists():
        with locked(final):
            shutil.rmtree(partial, ignore_errors=True)


def _same_dataset(folder: Path, conversion: Conversion, progress: Progress) -> Dataset:
    dataset = read_dataset(folder)
    changes = _changes(dataset.manifest, conversion)
    if changes:
        raise ShardError(
            f"{folder} was made from other inputs or settings: {'; '.join(changes)};"
            " choose another --name, or replace it with --force"
        )
    verify_bytes(dataset, progress)
    return dataset


def _changes(manifest: Manifest, conversion: Conversion) -> list[str]:
    """Say what a dataset was made with that is not asked now."""
    changes = _differences(manifest.settings, conversion.spec)
    if manifest.source.digest != conversion.info.digest:
        named = _differences(manifest.source.spec, conversion.info.spec)
        changes += named or ["images, labels or sample submission changed since"]
    return changes


def _differences(before: msgspec.Struct, now: msgspec.Struct) -> list[str]:
    paths = setting_paths(now)
    pairs = ((path, value_of(before, path), value_of(now, path)) for path in paths)
    return [f"{path} was {_said(was)}, is {_said(given)}" for path, was, given in pairs if was != given]


def _said(value: str) -> str:
    return "none" if value == "null" else value


def _refuse_bad(name: str, rejects: Sequence[Reject], max_bad: int, *, is_read: bool) -> None:
    """Count what cannot be stored; before the images are read only the lists are known."""
    bad = [reject for reject in rejects if reject.is_bad]
    if len(bad) <= max_bad:
        return
    by_reason: dict[str, list[str]] = {}
    for reject in bad:
        by_reason.setdefault(reject.reason, []).append(reject.name)
    groups = [f"{reason}: {first_three(names, len(names))}" for reason, names in by_reason.items()]
    raise SourceError(
        f"{name}: {len(bad):,} inputs cannot be stored: {'; '.join(groups[:_REASONS])}"
        f"{'; …' if len(groups) > _REASONS else ''}. Mend or remove them (kit audit lists all), or let them go to"
        f" {REJECTS} with --max-bad {len(bad)}{'' if is_read else ' or more (no image has been read yet)'}"
    )


def _claim(partial: Path, conversion: Conversion) -> None:
    """Keep an earlier attempt's folder if it was at the same work, else begin an empty one."""
    claim = to_json({"source": conversion.info, "settings": conversion.spec})
    plan = partial / PLAN
    if partial.exists() and not (plan.is_file() and plan.read_bytes() == claim):
        shutil.rmtree(partial)
    write_whole(plan, claim)
    sweep(partial)


def _write(partial: Path, conversion: Conversion, engine: Engine, progress: Progress) -> _Written:
    """Write all shards; again where images turn out to be equal, so that equal ones stay together.

    Which images are equal is known when all have been decoded. Reading them all before the first shard would double
    the time of every conversion; this way only those with duplicates take longer.
    """
    records, left_out = sample(conversion.source.records, conversion.spec)
    ties = (_read_ties(partial / TIES, records) or ()) if conversion.ties is None else conversion.ties
    near = _near_ties(partial / NEAR_TIES, records, conversion, engine, progress)
    plans = plan_shards(records, conversion.spec, [*near, *ties])
    looks: dict[int, str] = {}
    shards, duplicates = _write_plans(plans, partial, conversion, engine, progress, looks=looks)
    if duplicates and not ties and conversion.ties is None:
        tied = [[placed.record for placed in members] for members in duplicates]
        _write_ties(partial / TIES, records, tied)
        again = plan_shards(records, conversion.spec, [*near, *tied])
        if again != plans:
            progress.advance(
                0, f"{len(duplicates):,} sets of equal images: shards are written anew to keep them together"
            )
            plans = again
            shards, duplicates = _write_plans(plans, partial, conversion, engine, progress, looks=looks)
    taken = f"not taken: --{'balance down' if conversion.spec.balance else 'per-class'} leaves it out"
    rejects = [
        *conversion.source.rejects,
        *(Reject(str(record.file.path), taken, is_bad=False) for record in left_out),
        *sorted((Reject(*pair) for shard in shards for pair in shard.rejects), key=lambda reject: reject.name),
    ]
    return _Written(plans, shards, duplicates, rejects, left_out, place_sets(near, plans))


def _write_plans(
    plans: Sequence[ShardPlan],
    partial: Path,
    conversion: Conversion,
    engine: Engine,
    progress: Progress,
    *,
    looks: dict[int, str],
) -> tuple[list[WrittenShard], list[list[Placed]]]:
    """Write shards, and find equal images; `looks` keeps what is known of whole images by their record's `id`."""
    classes = class_names(conversion.source.records)
    tasks = [ShardTask(partial, plan, classes, conversion.spec) for plan in plans]
    shards = _write_shards(tasks, engine, progress)
    digests = [digest for shard in shards for digest in shard.digests]
    places = doubtful([origin for shard in shards for origin in shard.origins])
    if not places:
        return shards, find_duplicates(plans, digests)
    records = [record for plan in plans for record in plan.records]
    look_again([records[place] for place in places], conversion.spec.image, engine, progress, looks)
    return shards, find_duplicates(plans, digests, [looks.get(id(record), "") for record in records])


def _near_ties(
    path: Path, records: Sequence[Record], conversion: Conversion, engine: Engine, progress: Progress
) -> Sequence[Sequence[Record]]:
    """Find the records that look the same and are to stay together; a stopped command has noted them."""
    if not conversion.spec.near_duplicates or conversion.near is not None:
        return conversion.near or ()
    known = _read_ties(path, records)
    if known is None:
        sets = find_looks_alike(records, conversion.spec, engine, progress)
        known = [[records[place] for place in places] for places in sets]
        _write_ties(path, records, known)
    return known


def _write_ties(path: Path, records: Sequence[Record], ties: Sequence[Sequence[Record]]) -> None:
    """Note which records stay together, so that a stopped command goes on from there."""
    places = {id(record): place for place, record in enumerate(records)}
    write_whole(path, seal(_Ties(sets=[[places[id(record)] for record in tie] for tie in ties])))


def _read_ties(path: Path, records: Sequence[Record]) -> list[list[Record]] | None:
    """Read what was noted; None where nothing was, or the note is damaged."""
    try:
        sets = read_sealed(path, _Ties).sets
    except (FileNotFoundError, SpecError):
        return None
    return [[records[place] for place in tie] for tie in sets]


class _Ties(msgspec.Struct, frozen=True):
    """Places of records that stay together."""

    sets: list[list[int]]


def _write_shards(tasks: Sequence[ShardTask], engine: Engine, progress: Progress) -> list[WrittenShard]:
    progress.start("shard", sum(len(task.plan.records) for task in tasks))
    written: dict[str, WrittenShard] = {}
    for task in tasks:
        if kept := kept_shard(task):
            written[task.plan.name] = kept
            progress.advance(len(task.plan.records))
    _remove_others(tasks, written)
    losses = 0
    with ThreadPoolExecutor(_SETTLERS) as settlers:
        settling = []
        while remaining := [task for task in tasks if task.plan.name not in written]:
            before = len(written)
            try:
                for finished in engine.run(write_shard, remaining):
                    task = remaining[finished.index]
                    written[task.plan.name] = finished.value
                    settling.append(settlers.submit(settle_shard, task, finished.value))
                    progress.advance(len(task.plan.records))
            except EngineError:
                losses = losses + 1 if len(written) == before else 1
                if losses == _LOSSES:
                    raise
                progress.advance(0, "a worker process was killed; the shards it had begun are written again")
        for settled in settling:
            settled.result()
    progress.finish()
    return [written[task.plan.name] for task in tasks]


def _remove_others(tasks: Sequence[ShardTask], kept: Iterable[str]) -> None:
    """Remove shards of an earlier plan."""
    names = set(kept)
    for folder in {task.folder for task in tasks}:
        for path in folder.glob("*.tfrecord"):
            if path.name not in names:
                path.unlink()
                summary_path(path).unlink(missing_ok=True)


def _complete(partial: Path, conversion: Conversion, written: _Written) -> None:
    """Write all that stands beside the shards, the manifest last; then what was for resuming can go."""
    if written.rejects:
        write_whole(partial / REJECTS, _rejects_csv(written.rejects))
    if written.duplicates:
        write_whole(partial / DUPLICATES, duplicates_csv(written.duplicates))
    if written.near:
        write_whole(partial / NEAR_DUPLICATES, duplicates_csv(written.near))
    if conversion.source.sample_submission:
        write_whole(partial / SAMPLE_SUBMISSION, conversion.source.sample_submission.read_bytes())
    manifest = _manifest(conversion, written)
    tfds.write_description(partial, manifest)
    temporary = {PLAN, TIES, NEAR_TIES, *(summary_path(Path(shard.shard.name)).name for shard in written.shards)}
    shards = {shard.shard.name for shard in written.shards}
    beside = sorted({path.name for path in partial.iterdir()} - temporary - shards)
    write_whole(partial / MANIFEST, seal(msgspec.structs.replace(manifest, files=hashes(partial, beside))))
    for name in temporary:
        (partial / name).unlink(missing_ok=True)


def _manifest(conversion: Conversion, written: _Written) -> Manifest:
    classes = class_names(conversion.source.records)
    shards = tuple(shard.shard for shard in written.shards)
    groups = _splits_of_groups(written.plans)
    return Manifest(
        name=conversion.name,
        classes=classes,
        counts=_counts(written.shards, classes),
        folds=_fold_counts(written.shards, classes),
        groups=len(groups),
        groups_across_splits=sum(len(splits) > 1 for splits in groups.values()),
        duplicates=describe_duplicates(written.duplicates),
        image=_image_info(written.shards, conversion.spec.image.channels),
        shards=shards,
        source=conversion.info,
        settings=conversion.spec,
        sample_submission=conversion.source.sample_submission is not None,
        rejects=sum(reject.is_bad for reject in written.rejects),
        left_out=sum(not reject.is_bad for reject in written.rejects),
        left_out_reasons=dict(Counter(reject.reason for reject in written.rejects if not reject.is_bad).most_common()),
        not_taken=dict(sorted(Counter(record.label or UNLABELLED for record in written.not_taken).items())),
        near_duplicates=describe_duplicates(written.near),
        fingerprint=fingerprint(classes, shards),
        recipe=conversion.recipe,
    )


def _counts(written: Sequence[WrittenShard], classes: Sequence[str]) -> dict[str, dict[str, int]]:
    """Count images by split and class, in the classes' order, and refuse splits to learn from that lack one."""
    counts: dict[str, Counter[str]] = {}
    for shard in written:
        counts.setdefault(shard.shard.split, Counter()).update(shard.counts)
    for split in counts.keys() - {"test"}:
        if lost := [label for label in classes if not counts[split][label]]:
            raise SourceError(
                f"no readable {split} image of class {first_three(lost, len(lost))}; add images, or divide otherwise"
            )
    return {
        split: {label: count[label] for label in (*classes, UNLABELLED) if count[label]}
        for split, count in counts.items()
    }


def _fold_counts(written: Sequence[WrittenShard], classes: Sequence[str]) -> dict[int, dict[str, int]]:
    counts: dict[int, Counter[str]] = {}
    for shard in written:
        if shard.shard.fold != NO_FOLD:
            counts.setdefault(shard.shard.fold, Counter()).update(shard.counts)
    return {fold: {label: counts[fold][label] for label in classes} for fold in sorted(counts)}


def _splits_of_groups(plans: Iterable[ShardPlan]) -> dict[str, set[str]]:
    splits: dict[str, set[str]] = {}
    for plan in plans:
        for record in plan.records:
            if record.group:
                splits.setdefault(record.group, set()).add(plan.split)
    return splits


def _image_info(written: Sequence[WrittenShard], channels: int) -> ImageInfo:
    formats, sources = Counter[str](), Counter[str]()
    for shard in written:
        formats.update(shard.formats)
        sources.update(shard.sources)
    heights, widths = zip(*(size for shard in written for size in shard.sizes), strict=True)
    return ImageInfo(
        formats=dict(sorted(formats.items())),
        height=(min(heights), max(heights)),
        width=(min(widths), max(widths)),
        channels=channels,
        sources=dict(sorted(sources.items())),
    )


def _rejects_csv(rejects: Sequence[Reject]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["input", "reason"])
    writer.writerows([reject.name, reject.reason] for reject in rejects)
    return text.getvalue()
