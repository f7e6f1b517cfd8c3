"""Reads a source of any kind: class folders, a label file, an .npz file or arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from kit.errors import SourceError, SpecError, first_three, option
from kit.sources.class_folders import read_folder
from kit.sources.exclude import leave_out
from kit.sources.label_origin import LabelOrigin
from kit.sources.record import Record, Reject, Source
from kit.sources.settle import class_target, settle_labels
from kit.sources.settling import Settled
from kit.specs.source import SourceSpec, checked_splits, find, parse_pattern
from kit.targets import Target


def read_source(spec: SourceSpec) -> Source:
    """Find every image with its class, split and group.

    Raises:
        SourceError: Nothing to read, contradictions in the labels, labels that can be read in two ways or that their
            target cannot hold, or fewer than two different ones.
        SpecError: Two test splits, a sample submission without one, or an expression that is none.
        SubmissionError: A sample submission that predictions of this target could not fill.
    """
    records, rejects, origin = _read_known(spec)
    records, settled = settle_labels(records, spec, origin)
    tests, lost = _read_tests(spec, records, settled.target)
    settled = replace(settled, notes=(*settled.notes, *_unlearned(spec, settled.target)))
    return _source(spec, records, tests, [*rejects, *lost], settled=settled, origin=origin)


def _unlearned(spec: SourceSpec, target: Target) -> list[str]:
    """Tell of columns of the sample submission that no label is for."""
    if not spec.sample_submission:
        return []
    from kit.sources.sample_form import unlearned  # noqa: PLC0415 (pandas)
    from kit.sources.sample_hint import read_hint  # noqa: PLC0415

    names = unlearned(read_hint(spec.sample_submission).columns, target)
    sample = Path(spec.sample_submission).name
    return [f"{sample}: no label is {first_three(names, len(names))}; their columns will hold 0"] if names else []


def read_unjudged(spec: SourceSpec) -> Source:
    """Find every image of a source whose labels or sample submission `read_source` refuses, for an audit.

    Raises:
        SourceError: There is nothing to read, or the labels contradict each other.
        SpecError: A regular expression is invalid.
    """
    records, rejects, origin = _read_known(spec)
    try:
        records, settled = settle_labels(records, spec, origin)
    except (SourceError, SpecError):
        settled = Settled(class_target(records))  # what stands in the file, whatever it means
    tests, lost = _read_tests(msgspec.structs.replace(spec, sample_submission=None), records, settled.target)
    return _source(spec, records, tests, [*rejects, *lost], settled=settled, origin=origin)


def _read_known(spec: SourceSpec) -> tuple[list[Record], list[Reject], LabelOrigin]:
    """Read what is labelled, and a test folder beside it, but for what the user leaves out."""
    records, rejects, origin = _read_labelled(spec)
    if spec.ignore_splits:
        records, ignored = _ignore_splits(records, spec)
        rejects += ignored
    if spec.merge_splits:
        records = [msgspec.structs.replace(record, split=None) for record in records]
    if spec.exclude:
        records, left_out = leave_out(records, spec)
        rejects += left_out
    return _grouped(records, spec) if spec.group else records, rejects, origin


def _source(
    spec: SourceSpec,
    records: Sequence[Record],
    tests: Sequence[Record],
    rejects: Sequence[Reject],
    *,
    settled: Settled,
    origin: LabelOrigin,
) -> Source:
    labelled = [record for record in records if record.label is not None]
    tested = {str(record.file.path) for record in tests}  # where they lie among the labelled ones
    left_out = {reject.name for reject in rejects if not reject.is_bad}  # by one of the two tables, on purpose
    return Source(
        records=(*labelled, *tests),
        target=settled.target,
        label_columns=origin.columns,
        rejects=tuple(
            reject
            for reject in rejects
            if reject.name not in tested and not (reject.is_bad and reject.name in left_out)
        ),
        sample_submission=Path(spec.sample_submission) if spec.sample_submission else None,
        notes=(*origin.notes, *settled.notes),
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
    from kit.sources.arrays import array_records, read_array_labels  # noqa: PLC0415 (numpy's reader of archives)

    texts, origin = read_array_labels([np.asarray(labels)], spec, "labels")
    found = array_records(images, texts[0], ids=ids, groups=groups)
    records, settled = settle_labels(found, spec, origin)
    return Source(records=tuple(records), target=settled.target, notes=settled.notes)


def _read_labelled(spec: SourceSpec) -> tuple[list[Record], list[Reject], LabelOrigin]:
    if spec.labels:
        from kit.sources.label_file import read_labelled  # noqa: PLC0415 (pandas, for label files only)

        return read_labelled(spec)
    if Path(spec.folder).suffix.lower() == ".npz":
        from kit.sources.arrays import read_npz  # noqa: PLC0415

        records, origin = read_npz(Path(spec.folder), spec)
        return records, [], origin
    records, rejects = read_folder(spec)
    return records, rejects, LabelOrigin(name=spec.folder, are_folders=True)


def _read_tests(spec: SourceSpec, records: Sequence[Record], target: Target) -> tuple[list[Record], list[Reject]]:
    """Read the unlabelled test split: a folder of its own, one among the split folders, or among the labelled ones."""
    own = [record for record in records if record.label is None]
    if spec.test and any(record.split == "test" for record in records):
        raise SpecError(f"{spec.folder} has a test folder of its own; leave out {option('test')} or move it")
    is_same = spec.test is not None and Path(spec.test).resolve() == Path(spec.folder).resolve()
    is_shared = bool(spec.labels) and not own and (not spec.test or is_same)
    if spec.sample_submission and not spec.test and not own and not is_shared:
        raise SpecError(f"{option('sample_submission')} needs {option('test')} with the folder of its images")
    if is_same and not (spec.sample_submission and is_shared):
        raise SpecError(
            f"{option('test', spec.test)} holds the labelled images too; give {option('sample_submission')}, which"
            " names its own"
        )
    if not spec.sample_submission and not spec.test:
        return own, []
    from kit.sources.unlabelled import read_unlabelled  # noqa: PLC0415 (pandas)

    labelled = [record for record in records if record.label is not None]
    if own:
        folder = Path(spec.folder) / own[0].file.name.partition("/")[0]
    else:
        folder = Path(spec.folder if is_shared or spec.has_test_table else spec.test or "")
    return read_unlabelled(spec, folder, labelled, target, is_shared=is_shared)


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
