"""Test images, and the sample submission, which gives their order and the columns to fill."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from kit.errors import KitError, SourceError, SpecError, SubmissionError, first_three, option
from kit.sources.classes import loose
from kit.sources.image_files import FilesById, list_images
from kit.sources.image_table import join, read_table, separator_hint, unnamed
from kit.sources.label_kinds import number_of
from kit.sources.record import ImageFile, Record, Reject

_TWO = 2  # classes for which one probability is enough; columns of an id and a value
_NAMED = 12  # classes in a message


def read_unlabelled(
    folder: Path, sample_submission: Path | None, classes: Collection[str], renamed: Mapping[str, str]
) -> tuple[list[Record], list[Reject]]:
    """Read test images, in the sample submission's order if there is one.

    Args:
        folder: Folder of the test images.
        sample_submission: CSV of ids and values; None orders the images by name.
        classes: Classes of the training images.
        renamed: New names of labels that the label file spells differently.

    Raises:
        SourceError: There is no image, no id has an image, an id repeats or fits several files, or the file is no CSV.
        SubmissionError: Its columns or cells cannot be filled with predictions of `classes`.
    """
    listing = list_images(folder)
    if sample_submission is None:
        _refuse_shared_stems(folder, listing.images)
        return [Record(key=file.stem, file=file, split="test") for file in listing.images], listing.others
    ids = read_ids(sample_submission, classes, renamed)
    records, missing = _named(folder, listing.images, sample_submission, ids, SourceError)
    return records, [*missing, *unnamed(listing.images, records, sample_submission), *listing.others]


def read_among_labelled(
    folder: Path,
    sample_submission: Path,
    labelled: Collection[Record],
    classes: Collection[str],
    renamed: Mapping[str, str],
) -> tuple[list[Record], list[Reject]]:
    """Read the test images that the sample submission names in the folder of the labelled ones.

    Returns:
        The records, and a reject for each id without an image.

    Raises:
        SourceError: An image is labelled too, an id repeats or fits several files, or the file is no CSV.
        SpecError: No id has an image: the test images are elsewhere.
        SubmissionError: Its columns or cells cannot be filled with predictions of `classes`.
    """
    ids = read_ids(sample_submission, classes, renamed)
    records, missing = _named(folder, list_images(folder).images, sample_submission, ids, SpecError)
    taken = {record.file for record in labelled}
    both = [record.key for record in records if record.file in taken]
    if both:
        raise SourceError(
            f"{sample_submission} names labelled images of {folder}: {first_three(both, len(both))}; an image is"
            " for training or for prediction: remove them from one of the two files"
        )
    return records, missing


def read_ids(sample_submission: Path, classes: Collection[str], renamed: Mapping[str, str] | None = None) -> list[str]:
    """Read the ids of a sample submission in order.

    Raises:
        SourceError: The file is no CSV, has no value column, or repeats ids.
        SubmissionError: Its columns or cells cannot be filled with predictions of `classes`.
    """
    table = read_table(sample_submission)
    if len(table.columns) < _TWO:
        hint = separator_hint(table)
        raise SourceError(
            f"{sample_submission} needs an id column and a value column; it has {', '.join(map(str, table.columns))}"
            f"{f' ({hint})' if hint else ''}"
        )
    check_columns(sample_submission, list(table.columns), classes)
    check_cells(sample_submission, table, classes, renamed or {})
    ids = table.iloc[:, 0]
    if ids.duplicated().any():
        repeated = ids[ids.duplicated()].unique()
        raise SourceError(f"{sample_submission} repeats ids: {first_three(repeated, len(repeated))}")
    return [str(identifier) for identifier in ids]


def check_columns(sample_submission: Path, columns: Sequence[str], classes: Collection[str]) -> None:
    """Refuse a sample submission whose columns cannot be filled with predictions of `classes`.

    Raises:
        SubmissionError: The columns after the ids are neither one value nor the classes.
    """
    values = columns[1:]
    if len(values) > 1 and set(values) != set(classes):
        raise SubmissionError(
            f"{sample_submission}: columns {', '.join(values)} are neither one value nor the classes"
            f" {', '.join(sorted(classes))}; give the competition's own file, or leave it out"
        )


def check_cells(
    sample_submission: Path, table: pd.DataFrame, classes: Collection[str], renamed: Mapping[str, str]
) -> None:
    """Refuse a sample submission whose cells are neither probabilities nor classes, the values that kit writes.

    Empty cells, and one number from 0 to 1 for all, are placeholders.

    Args:
        sample_submission: CSV, for messages.
        table: Text columns: ids, then one value or one for each class.
        classes: Classes of the training images.
        renamed: New names of labels that the label file spells differently.

    Raises:
        SubmissionError: A cell is neither a probability nor a class; the message names it and the values that kit
            writes there.
    """
    columns = table.iloc[:, 1:]
    cells = [cell for cell in map(str.strip, pd.unique(columns.to_numpy(str).ravel())) if cell]
    if len(columns.columns) == 1:
        _refuse_other_names(sample_submission, cells, classes, renamed)
        strangers = _strangers(cells, classes)
    else:
        strangers = [cell for cell in cells if not _is_probability(cell)]
    if strangers:
        raise SubmissionError(
            f"{sample_submission}: '{strangers[0]}' in column {_column_of(columns, strangers[0])} is"
            f" {_kind(strangers[0], classes)}; kit would write {_written(classes, len(columns.columns))}: leave the"
            " sample submission out, or give labels that are its values"
        )


def _strangers(cells: Sequence[str], classes: Collection[str]) -> list[str]:
    """List the cells of a value column that are no possible predictions of `classes`."""
    numbers = {number_of(name) for name in classes} - {None}
    lost = [cell for cell in cells if cell not in classes and number_of(cell) not in numbers]
    if len(classes) == _TWO or len(cells) == 1:  # a probability, or the same for all
        lost = [cell for cell in lost if not _is_probability(cell)]
    are_ids = all(name.isdecimal() for name in (*classes, *cells))
    is_known = 2 * len(lost) < len(cells) or (are_ids and len(cells) == 1)  # a few classes may have no labelled image
    return [] if is_known else lost


def _written(classes: Collection[str], columns: int) -> str:
    """Describe the values that kit writes into the value columns."""
    ordered = sorted(classes, key=_rank)
    if columns > 1:
        return "a probability of each class"
    if len(classes) == _TWO:
        return f"the probability of {ordered[1]}, or {ordered[0]} or {ordered[1]}"
    more = f", … ({len(ordered):,} classes)" if len(ordered) > _NAMED else ""
    return f"the likeliest of {', '.join(ordered[:_NAMED])}{more}"


def _refuse_other_names(path: Path, cells: Sequence[str], classes: Collection[str], renamed: Mapping[str, str]) -> None:
    """Refuse cells that are classes by another name, which a submission would not use."""
    names = {loose(name): name for name in classes}
    for cell in cells:
        if renamed.get(cell, cell) != cell and cell not in classes:
            raise SubmissionError(
                f"{path}: '{cell}' is the label that {option('classes')} calls '{renamed[cell]}', which a submission"
                " would use instead; leave that renaming out, or the sample submission"
            )
        if cell not in classes and (name := names.get(loose(cell))) is not None:
            same = option("classes", {name: cell}, typed=f"'{name}={cell}'")
            raise SubmissionError(
                f"{path}: '{cell}' is spelled '{name}' by the labels, and a submission would be too; give {same}"
            )


def _is_probability(cell: str) -> bool:
    number = number_of(cell)
    return number is not None and 0 <= number <= 1


def _kind(cell: str, classes: Collection[str]) -> str:
    if number_of(cell) is not None:
        return "a number, and neither a class nor a probability"
    parts = cell.replace("|", " ").replace(";", " ").replace(",", " ").split()
    if len(parts) > 1 and set(parts) & set(classes):
        return f"a list of {len(parts)} classes"
    return "none of the classes"


def _column_of(columns: pd.DataFrame, cell: str) -> str:
    return next(str(name) for name in columns.columns if (columns[name].str.strip() == cell).any())


def _rank(name: str) -> tuple[int, str]:
    """Sort key of classes in a dataset's order: numbers by value."""
    return (int(name), name) if name.isdecimal() else (-1, name)


def _named(
    folder: Path, files: Sequence[ImageFile], sample_submission: Path, ids: Sequence[str], refusal: type[KitError]
) -> tuple[list[Record], list[Reject]]:
    records, missing = join(folder, FilesById(files), sample_submission, pd.DataFrame({"id": ids}))
    if ids and not records:
        raise refusal(
            f"no id in {sample_submission} names an image in {folder}: the first id is '{ids[0]}', the first image"
            f" {files[0].name}; {option('sample_submission')} needs {option('test')} with the folder of its images,"
            " called as its ids are"
        )
    return records, missing


def _refuse_shared_stems(folder: Path, files: Sequence[ImageFile]) -> None:
    """Refuse two images that differ in their endings only: they would get the same id."""
    seen: dict[str, str] = {}
    for file in files:
        if (other := seen.setdefault(file.stem, file.name)) != file.name:
            raise SourceError(f"{folder}: {other} and {file.name} would both have the id '{file.stem}'; rename one")
