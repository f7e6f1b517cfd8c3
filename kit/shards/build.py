"""Builds a dataset's folder: shards in parallel, what could not be stored, the manifest last."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.engines import Engine
from kit.errors import ShardError, SourceError, SpecError, first_three
from kit.files import locked, sweep, write_whole
from kit.progress import NO_PROGRESS, Progress
from kit.shards import tfds
from kit.shards.dataset import MANIFEST, REJECTS, SAMPLE_SUBMISSION, Dataset, read_dataset
from kit.shards.manifest import UNLABELLED, ImageInfo, Manifest, SourceInfo, fingerprint
from kit.shards.plan import plan_shards
from kit.shards.write import ShardTask, WrittenShard, kept_shard, summary_path, write_shard
from kit.sources import Record, Reject, Source
from kit.specs import ShardSpec, setting_paths, to_json, value_of
from kit.workspace import Workspace, checked_name

PLAN = "plan.json"
_REASONS = 4  # that a message names


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What becomes which dataset, and how.

    Attributes:
        name: of the dataset.
        source: its images and labels.
        info: where they came from.
        spec: decides the shards' bytes.
    """

    name: str
    source: Source
    info: SourceInfo
    spec: ShardSpec


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
    final = workspace.datasets / checked_name(conversion.name, "dataset")
    if final.exists():
        _refuse_foreign(final)
        if not force:
            return _same_dataset(final, conversion)
    _refuse_bad(conversion, None, max_bad)
    with locked(final):
        partial = workspace.datasets / f".{conversion.name}.partial"
        _claim(partial, conversion)
        try:
            written = _write_shards(_tasks(partial, conversion), engine, progress)
            _refuse_bad(conversion, written, max_bad)
            _complete(partial, conversion, written)
        except (ShardError, SourceError, SpecError):
            shutil.rmtree(partial)
            raise
        _publish(partial, final)
    return read_dataset(final)


def describe_source(source: Source, folder: Path, labels: Path | None) -> SourceInfo:
    """Summarise a source so that the same inputs are recognised, and changed ones are not mistaken for them."""
    digest = hashlib.sha256()
    for record in source.records:
        file = record.file
        line = [record.key, record.label, record.split, file.name, file.size, file.modified]
        digest.update(msgspec.json.encode(line) + b"\n")
    digest.update(msgspec.json.encode([Path(reject.name).name for reject in source.rejects]))
    if source.sample_submission:
        digest.update(source.sample_submission.read_bytes())
    return SourceInfo(
        folder=str(folder),
        labels=str(labels) if labels else None,
        files=len(source.records),
        digest=digest.hexdigest()[:16],
    )


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


def _same_dataset(folder: Path, conversion: Conversion) -> Dataset:
    dataset = read_dataset(folder)
    changes = _changes(dataset.manifest, conversion)
    if changes:
        raise ShardError(
            f"{folder} was made from other inputs or settings: {'; '.join(changes)};"
            " choose another --name, or replace it with --force"
        )
    return dataset


def _changes(manifest: Manifest, conversion: Conversion) -> list[str]:
    """Say what a dataset was made with that is not asked now."""
    changes = _differences(manifest.settings, conversion.spec)
    if manifest.source.digest != conversion.info.digest:
        named = [change for change in _differences(manifest.source, conversion.info) if not change.startswith("digest")]
        changes += named or ["images, labels or sample submission changed since"]
    return changes


def _differences(before: msgspec.Struct, now: msgspec.Struct) -> list[str]:
    paths = setting_paths(now)
    pairs = zip(paths, (value_of(before, path) for path in paths), (value_of(now, path) for path in paths), strict=True)
    return [f"{path} was {was}, is {given}".replace("null", "none") for path, was, given in pairs if was != given]


def _refuse_bad(conversion: Conversion, written: Sequence[WrittenShard] | None, max_bad: int) -> None:
    """Count what cannot be stored; without `written` only the lists are known, and the images are still unread."""
    rejects = _rejects(conversion, written or [])
    if len(rejects) <= max_bad:
        return
    by_reason: dict[str, list[str]] = {}
    for reject in rejects:
        by_reason.setdefault(reject.reason, []).append(reject.name)
    groups = [f"{reason}: {first_three(names, len(names))}" for reason, names in by_reason.items()]
    raise SourceError(
        f"{conversion.name}: {len(rejects):,} inputs cannot be stored: {'; '.join(groups[:_REASONS])}"
        f"{'; …' if len(groups) > _REASONS else ''}. Mend or remove them, or let them go to {REJECTS} with"
        f" --max-bad {len(rejects)}{' or more (no image has been read yet)' if written is None else ''}"
    )


def _claim(partial: Path, conversion: Conversion) -> None:
    """Keep an earlier attempt's folder if it was at the same work, else begin an empty one."""
    claim = to_json({"source": conversion.info, "settings": conversion.spec})
    plan = partial / PLAN
    if partial.exists() and not (plan.is_file() and plan.read_bytes() == claim):
        shutil.rmtree(partial)
    write_whole(plan, claim)
    sweep(partial)


def _tasks(partial: Path, conversion: Conversion) -> list[ShardTask]:
    records, spec = conversion.source.records, conversion.spec
    classes = class_names(records)
    return [ShardTask(partial, plan, classes, spec) for plan in plan_shards(records, spec)]


def _write_shards(tasks: Sequence[ShardTask], engine: Engine, progress: Progress) -> list[WrittenShard]:
    progress.start("shard", sum(len(task.plan.records) for task in tasks))
    written: dict[str, WrittenShard] = {}
    remaining = []
    for task in tasks:
        if kept := kept_shard(task.folder / task.plan.name):
            written[task.plan.name] = kept
            progress.advance(len(task.plan.records))
        else:
            remaining.append(task)
    for finished in engine.run(write_shard, remaining):
        task = remaining[finished.index]
        written[task.plan.name] = finished.value
        progress.advance(len(task.plan.records))
    progress.finish()
    return [written[task.plan.name] for task in tasks]


def _rejects(conversion: Conversion, written: Sequence[WrittenShard]) -> list[Reject]:
    unreadable = (Reject(*pair) for shard in written for pair in shard.rejects)
    return [*conversion.source.rejects, *sorted(unreadable, key=lambda reject: reject.name)]


def _complete(partial: Path, conversion: Conversion, written: Sequence[WrittenShard]) -> None:
    """Write all that stands beside the shards, the manifest last; then what was for resuming can go."""
    rejects = _rejects(conversion, written)
    if rejects:
        write_whole(partial / REJECTS, _rejects_csv(rejects))
    if conversion.source.sample_submission:
        write_whole(partial / SAMPLE_SUBMISSION, conversion.source.sample_submission.read_bytes())
    manifest = _manifest(conversion, written)
    tfds.write_description(partial, manifest)
    write_whole(partial / MANIFEST, to_json(manifest))
    for shard in written:
        summary_path(partial / shard.shard.name).unlink()
    (partial / PLAN).unlink()


def _manifest(conversion: Conversion, written: Sequence[WrittenShard]) -> Manifest:
    classes = class_names(conversion.source.records)
    shards = tuple(shard.shard for shard in written)
    return Manifest(
        name=conversion.name,
        classes=classes,
        counts=_counts(written, classes),
        image=_image_info(written, conversion.spec.image.channels),
        shards=shards,
        source=conversion.info,
        settings=conversion.spec,
        sample_submission=conversion.source.sample_submission is not None,
        rejects=len(_rejects(conversion, written)),
        fingerprint=fingerprint(classes, shards),
    )


def _counts(written: Sequence[WrittenShard], classes: Sequence[str]) -> dict[str, dict[str, int]]:
    """Count images by split and class, in the classes' order, and refuse splits to learn from that lack one."""
    counts: dict[str, Counter[str]] = {}
    for shard in written:
        counts.setdefault(shard.shard.split, Counter()).update(shard.counts)
    for split in counts.keys() - {"test"}:
        if lost := [label for label in classes if not counts[split][label]]:
            raise SourceError(f"no readable {split} image of class {first_three(lost, len(lost))}; add images")
    return {
        split: {label: count[label] for label in (*classes, UNLABELLED) if count[label]}
        for split, count in counts.items()
    }


def _image_info(written: Sequence[WrittenShard], channels: int) -> ImageInfo:
    formats = Counter[str]()
    for shard in written:
        formats.update(shard.formats)
    heights, widths = zip(*(size for shard in written for size in shard.sizes), strict=True)
    return ImageInfo(
        formats=dict(sorted(formats.items())),
        height=(min(heights), max(heights)),
        width=(min(widths), max(widths)),
        channels=channels,
    )


def _rejects_csv(rejects: Sequence[Reject]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["input", "reason"])
    writer.writerows([reject.name, reject.reason] for reject in rejects)
    return text.getvalue()


def _publish(partial: Path, final: Path) -> None:
    """Put the finished folder in its place; a replaced one goes away after, so that one of them always exists."""
    replaced = final.with_name(f".{final.name}.replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    if final.exists():
        final.rename(replaced)
    partial.rename(final)
    shutil.rmtree(replaced, ignore_errors=True)
