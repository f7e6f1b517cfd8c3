"""Reads a source of any kind: class folders, a label file, an .npz file or arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from numpy.typing import ArrayLike

from kit.errors import SourceError, SpecError, first_three, option
from kit.sources.class_folders import read_folder
from kit.sources.classes import class_target, rename_classes, settle_classes
from kit.sources.exclude import leave_out
from kit.sources.record import Record, Reject, Source
from kit.specs.source import SourceSpec, checked_splits, find, parse_pattern


def read_source(spec: SourceSpec) -> Source:
    """Find every image with its class, split and group.

    Raises:
        SourceError: There is nothing to read, the labels contradict each other or are not one class an image, or there
            are fewer than two classes.
        SpecError: There are two test splits, a sample submission without a test split, or an invalid regular
            expression.
        SubmissionError: The sample submission cannot be filled with predictions of these classes.
    """
    records, rejects = _read_known(spec)
    records = settle_classes(records, spec)
    _check_classes(records)
    tests, lost = _read_tests(spec, records)
    return _source(spec, records, tests, [*rejects, *lost])


def read_unjudged(spec: SourceSpec) -> Source:
    """Find every image of a source whose labels or sample submission `read_source` refuses, for an audit.

    Raises:
        SourceError: There is nothing to read, or the labels contradict each other.
        SpecError: A regular expression is invalid.
    """
    records, rejects = _read_known(spec)
    tests, lost = _read_tests(msgspec.structs.replace(spec, sample_submission=None), records)
    return _source(spec, rename_classes(records, spec), tests, [*rejects, *lost])


def _read_known(spec: SourceSpec) -> tuple[list[Record], list[Reject]]:
    """Read the labelled images and a test folder beside them, without those that the user leaves out."""
    records, rejects = _read_labelled(spec)
    if spec.ignore_splits:
        records, ignored = _ignore_splits(records, spec)
        rejects += ignored
    if spec.merge_splits:
        records = [msgspec.structs.replace(record, split=None) for record in records]
    if spec.exclude:
        records, left_out = leave_out(records, spec)
        rejects += left_out
    return _grouped(records, spec) if spec.group else records, rejects


def _source(spec: SourceSpec, records: Sequence[Record], tests: Sequence[Record], rejects: Sequence[Reject]) -> Source:
    labelled = [record for record in records if record.label is not None]
    found = {str(record.file.path) for record in tests}  # test images may be in the folder of the labelled ones
    return Source(
        records=(*labelled, *tests),
        target=class_target(labelled),
        rejects=tuple(reject for reject in rejects if reject.name not in found),
        sample_submission=Path(spec.sample_submission) if spec.sample_submission else None,
    )


def _ignore_splits(records: Sequence[Record], spec: SourceSpec) -> tuple[list[Record], list[Reject]]:
    """Leave out the records of splits that the user ignores."""
    ignored = checked_splits(spec.ignore_splits)
    why = f"left out by ignore_splits {','.join(spec.ignore_splits)}"
    return (
        [record for record in records if record.split not in ignored],
        [Reject(str(record.file.path), why, is_bad=False) for record in records if record.split in ignored],
    )


def read_arrays(
    images: ArrayLike, labels: Any, *, ids: Sequence[str] | None, groups: Sequence[Any] | None, spec: SourceSpec
) -> Source:
    """Make a source of arrays; see `kit.shard_arrays`.

    Raises:
        SourceError: Shapes or lengths do not fit, ids repeat, or there are fewer than two classes.
    """
    from kit.sources.arrays import array_records  # noqa: PLC0415 (numpy's reader of archives)

    records = settle_classes(array_records(images, labels, ids=ids, groups=groups), spec)
    _check_classes(records)
    return Source(records=tuple(records), target=class_target(records))


def _check_classes(records: Collection[Record]) -> None:
    """Refuse fewer than two classes, and a class with one image, which train and validation cannot share.

    Raises:
        SourceError: There are fewer than two classes, or a class has one image.
    """
    counts = Counter(record.label for record in records if record.label and record.split in {None, "train"})
    if len(counts) < 2:  # noqa: PLR2004 (a choice needs two)
        found = f"only class '{next(iter(counts))}'" if counts else "no labelled image"
        raise SourceError(f"found {found}; classification needs two classes with two images each")
    has_validation = any(record.split == "validation" for record in records)
    single = sorted(str(label) for label, count in counts.items() if count == 1)
    if single and not has_validation:
        raise SourceError(
            f"class with one image: {first_three(single, len(single))};"
            f" train and validation need one each: add images or remove the class{_numbers_hint(counts)}"
        )


def _numbers_hint(labels: Iterable[str | None]) -> str:
    are_numbers = all(label and label.isdecimal() for label in labels)
    return " (numbers to predict, such as counts or ages, are not classes)" if are_numbers else ""


def _read_labelled(spec: SourceSpec) -> tuple[list[Record], list[Reject]]:
    if spec.labels:
        from kit.sources.label_file import read_labelled  # noqa: PLC0415 (pandas, for label files only)

        return read_labelled(spec)
    if Path(spec.folder).suffix.lower() == ".npz":
        from kit.sources.arrays import read_npz  # noqa: PLC0415

        return read_npz(Path(spec.folder)), []
    return read_folder(spec)


def _read_tests(spec: SourceSpec, records: Sequence[Record]) -> tuple[list[Record], list[Reject]]:
    """Read the unlabelled test split: from its own folder, a split folder, or the folder of the labelled images."""
    sample = Path(spec.sample_submission) if spec.sample_submission else None
    own = [record for record in records if record.label is None]
    if spec.test and any(record.split == "test" for record in records):
        raise SpecError(f"{spec.folder} has a test folder of its own; leave out {option('test')} or move it")
    is_same = spec.test is not None and Path(spec.test).resolve() == Path(spec.folder).resolve()
    is_shared = bool(spec.labels) and not own and (not spec.test or is_same)
    if sample and not spec.test and not own and not is_shared:
        raise SpecError(f"{option('sample_submission')} needs {option('test')} with the folder of its images")
    if is_same and not (sample and is_shared):
        raise SpecError(
            f"{option('test', spec.test)} holds the labelled images too; give {option('sample_submission')}, which"
            " names its own"
        )
    if not sample and not spec.test:
        return own, []
    from kit.sources.sample_submission import read_among_labelled, read_unlabelled  # noqa: PLC0415 (pandas)

    classes = {record.label for record in records if record.label is not None}
    if sample and is_shared:
        return read_among_labelled(Path(spec.folder), sample, records, classes, spec.renamings)
    folder = Path(spec.test) if spec.test else Path(spec.folder) / own[0].file.name.partition("/")[0]
    return read_unlabelled(folder, sample, classes, spec.renamings)


def _grouped(records: Sequence[Record], spec: SourceSpec) -> list[Record]:
    """Take groups from file names, unless they came from a column of the label file.

    A file without a match is a group of its own.
    """
    if any(record.group for record in records):
        return list(records)
    pattern = parse_pattern(spec.group or "", "group")
    groups = [find(pattern, record.file.name.rpartition("/")[2]) or "" for record in records]
    if not any(groups):
        known = _columns(spec)
        columns = f"; {spec.labels} has the columns {', '.join(known)}" if known else ""
        asked = option("group", spec.group, typed=f"'{spec.group}'")
        raise SpecError(
            f"{asked} finds nothing in file names such as"
            f" {first_three((record.file.name for record in records), len(records))}{columns}; correct the expression"
        )
    return [msgspec.structs.replace(record, group=group) for record, group in zip(records, groups, strict=True)]


def _columns(spec: SourceSpec) -> Sequence[str]:
    if not spec.labels:
        return ()
    from kit.sources.label_file import column_names  # noqa: PLC0415 (pandas)

    return column_names(Path(spec.labels))
