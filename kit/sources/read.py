"""One source from whatever the user pointed at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from kit.errors import SourceError, SpecError, first_three
from kit.sources.folder import read_folder
from kit.sources.record import Record, Reject, Source


def read_source(
    folder: Path,
    *,
    labels: Path | None = None,
    id_column: str = "id",
    label_column: str = "label",
    test: Path | None = None,
    sample_submission: Path | None = None,
) -> Source:
    """Find every image and what is known of it.

    Args:
        folder: class folders (also below train, validation and test folders), or the images that `labels` names.
        labels: CSV of ids and labels; ids with or without the file's ending.
        id_column: its column of ids.
        label_column: its column of labels.
        test: folder of unlabelled images.
        sample_submission: CSV whose first column orders the test images.

    Raises:
        SourceError: nothing to read, contradictions in the labels, or fewer than two classes.
        SpecError: a sample submission without test images, or two test splits.
        SubmissionError: a sample submission that predictions of these classes could not fill.
    """
    if sample_submission and not test:
        raise SpecError("--sample-submission needs --test with the folder of its images")
    rejects: list[Reject] = []
    if labels:
        from kit.sources.table import read_labelled  # noqa: PLC0415 (pandas, for CSVs only)

        records, rejects = read_labelled(folder, labels, id_column=id_column, label_column=label_column)
    else:
        records = read_folder(folder)
    _refuse_few(records)
    if test:
        if any(record.split == "test" for record in records):
            raise SpecError(f"{folder} has a test folder of its own; leave out --test or move it")
        from kit.sources.table import read_unlabelled  # noqa: PLC0415

        unlabelled, unmatched = read_unlabelled(test, sample_submission, {str(record.label) for record in records})
        records += unlabelled
        rejects += unmatched
    return Source(records=tuple(records), rejects=tuple(rejects), sample_submission=sample_submission)


def _refuse_few(records: Collection[Record]) -> None:
    """Refuse fewer than two classes, and a class whose only image no split could share."""
    counts = Counter(record.label for record in records if record.split in {None, "train"})
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
