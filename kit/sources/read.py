"""One source from whatever the user pointed at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec
from numpy.typing import ArrayLike

from kit.errors import SourceError, SpecError, first_three
from kit.sources.exclude import leave_out
from kit.sources.folder import read_folder
from kit.sources.record import Record, Reject, Source
from kit.specs.source import SourceSpec, find, parse_pattern


def read_source(spec: SourceSpec) -> Source:
    """Find every image and what is known of it.

    Raises:
        SourceError: nothing to read, contradictions in the labels, or fewer than two classes.
        SpecError: two test splits, a sample submission without one, or an expression that is none.
        SubmissionError: a sample submission that predictions of these classes could not fill.
    """
    records, rejects = _read_labelled(spec)
    if spec.merge_splits:
        records = [msgspec.structs.replace(record, split=None) for record in records]
    if spec.exclude:
        records, left_out = leave_out(records, spec)
        rejects += left_out
    if spec.group:
        records = _grouped(records, spec)
    _check_classes(records)
    tests, lost = _read_tests(spec, records)
    labelled = [record for record in records if record.label is not None]
    sample = Path(spec.sample_submission) if spec.sample_submission else None
    return Source(records=(*labelled, *tests), rejects=(*rejects, *lost), sample_submission=sample)


def read_arrays(images: ArrayLike, labels: Any, *, ids: Sequence[str] | None, groups: Sequence[Any] | None) -> Source:
    """Take arrays as a source; see `kit.shard_arrays`.

    Raises:
        SourceError: shapes or lengths that do not fit, ids that repeat, or fewer than two classes.
    """
    from kit.sources.arrays import array_records  # noqa: PLC0415 (numpy's reader of archives)

    records = array_records(images, labels, ids=ids, groups=groups)
    _check_classes(records)
    return Source(records=tuple(records))


def _check_classes(records: Collection[Record]) -> None:
    """Refuse fewer than two classes, and a class whose only image no split could share.

    Raises:
        SourceError: there are.
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
            " train and validation need one each: add images or remove the class"
        )


def _read_labelled(spec: SourceSpec) -> tuple[list[Record], list[Reject]]:
    if spec.labels:
        from kit.sources.labels import read_labelled  # noqa: PLC0415 (pandas, for label files only)

        return read_labelled(spec)
    if Path(spec.folder).suffix.lower() == ".npz":
        from kit.sources.arrays import read_npz  # noqa: PLC0415

        return read_npz(Path(spec.folder)), []
    return read_folder(spec)


def _read_tests(spec: SourceSpec, records: Sequence[Record]) -> tuple[list[Record], list[Reject]]:
    """Read the unlabelled test split: a folder of its own, or one among the split folders."""
    classes = {record.label for record in records if record.label is not None}
    sample = Path(spec.sample_submission) if spec.sample_submission else None
    own = [record for record in records if record.label is None]
    if spec.test and any(record.split == "test" for record in records):
        raise SpecError(f"{spec.folder} has a test folder of its own; leave out --test or move it")
    if sample and not spec.test and not own:
        raise SpecError("--sample-submission needs --test with the folder of its images")
    if not sample and not spec.test:
        return own, []
    from kit.sources.table import read_unlabelled  # noqa: PLC0415 (pandas)

    folder = Path(spec.test) if spec.test else Path(spec.folder) / own[0].file.name.partition("/")[0]
    return read_unlabelled(folder, sample, classes)


def _grouped(records: Sequence[Record], spec: SourceSpec) -> list[Record]:
    """Take groups from file names unless a column of the label file has given them.

    A file in which the expression finds nothing is a group of its own.
    """
    if any(record.group for record in records):
        return list(records)
    pattern = parse_pattern(spec.group or "", "--group")
    groups = [find(pattern, record.file.name.rpartition("/")[2]) or "" for record in records]
    if not any(groups):
        known = _columns(spec)
        columns = f"; {spec.labels} has the columns {', '.join(known)}" if known else ""
        raise SpecError(
            f"--group '{spec.group}' finds nothing in file names such as"
            f" {first_three((record.file.name for record in records), len(records))}{columns}; mend the expression"
        )
    return [msgspec.structs.replace(record, group=group) for record, group in zip(records, groups, strict=True)]


def _columns(spec: SourceSpec) -> Sequence[str]:
    if not spec.labels:
        return ()
    from kit.sources.labels import column_names  # noqa: PLC0415 (pandas)

    return column_names(Path(spec.labels))
