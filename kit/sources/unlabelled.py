"""Test images: of a folder of their own, among the labelled ones, or as a table maps their ids to files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pandas as pd

from kit.errors import KitError, SourceError, SpecError, first_three, option
from kit.sources.id_columns import cell_text, file_columns, find_id_columns, named_in, naming_columns, quoted
from kit.sources.image_files import FilesById, Listing, list_images
from kit.sources.image_table import join, line_of, read_table, unnamed
from kit.sources.record import ImageFile, Record, Reject
from kit.sources.sample_submission import read_ids
from kit.specs.source import SourceSpec
from kit.targets import Target

_USUAL = ("test", "test_images", "images", "test_set", "testing")  # folders beside a table of test images


@dataclass(frozen=True, slots=True, kw_only=True)
class _TestImages:
    """Images among which test images are.

    Attributes:
        folder: Folder that they lie in.
        listing: Files there.
        finder: Those of them that may be test images, by id.
        origin: Table that maps ids to files; None where ids name files.
        paths: File name by id, in the table's order.
        views: Files that the table names in other columns.
    """

    folder: Path
    listing: Listing
    finder: FilesById
    origin: Path | None = None
    paths: dict[str, str] = field(default_factory=dict)
    views: Collection[ImageFile] = ()

    def names(self, ids: Sequence[str], sample: Path | None) -> tuple[pd.DataFrame, list[Reject]]:
        """Return the file name of each id, and a reject for each that the table lacks."""
        if self.origin is None:
            return pd.DataFrame({"id": ids, "path": ids}, dtype=str), []
        known = [one for one in ids if one in self.paths]
        lost = [one for one in ids if one not in self.paths]
        source = sample.name if sample else ""
        rejects = [Reject(one, f"id in {source} without a row in {self.origin.name}") for one in lost]
        return pd.DataFrame({"id": known, "path": [self.paths[one] for one in known]}, dtype=str), rejects


def read_unlabelled(
    spec: SourceSpec, folder: Path, labelled: Collection[Record], target: Target, *, is_shared: bool
) -> tuple[list[Record], list[Reject]]:
    """Read test images, in the order of the sample submission, else of a table, else by name.

    Args:
        spec: Source as the user named it.
        folder: Folder of the test images; of the labelled ones where a table has to tell where they lie.
        labelled: Labelled records of the source.
        target: Target of the labels.
        is_shared: Whether they lie among the labelled images.

    Returns:
        The records, a reject for each id without an image, and for each image of a folder of their own without an id.

    Raises:
        SourceError: There is no image, no id has an image, an image is labelled too, an id repeats or fits several
            files, or a file is no CSV.
        SpecError: No id has an image in the folder of the labelled ones: the test images are elsewhere.
        SubmissionError: The sample submission cannot be filled with predictions of the target.
    """
    sample = Path(spec.sample_submission) if spec.sample_submission else None
    found = _mapped(spec, folder, labelled) if spec.has_test_table else _all_of(folder)
    is_shared = is_shared or (spec.has_test_table and found.folder == Path(spec.folder))
    if sample is None and found.origin is None:
        _refuse_shared_stems(folder, found.listing.images)
        return [Record(key=file.stem, file=file, split="test") for file in found.listing.images], found.listing.others
    naming = sample or found.origin or Path()

    def is_image(identifier: str) -> bool:
        return identifier in found.paths or found.finder.find(identifier) is not None

    ids = list(found.paths) if sample is None else read_ids(sample, target, spec.renamings, is_image)
    names, lost = found.names(ids, sample)
    refusal: type[KitError] = SpecError if is_shared else SourceError
    records, missing = _named(found, naming, names, refusal)
    _refuse_labelled(naming, found.folder, records, labelled)
    rejects = [*lost, *missing]
    others = unnamed(found.listing.images, records, naming, found.views, found.origin)
    if is_shared:  # what no table names, the label file's reading has told
        return records, [*rejects, *(reject for reject in others if not reject.is_bad)]
    return records, [*rejects, *others, *found.listing.others]


def _all_of(folder: Path) -> _TestImages:
    listing = list_images(folder)
    return _TestImages(folder=folder, listing=listing, finder=FilesById(listing.images))


def _mapped(spec: SourceSpec, folder: Path, labelled: Collection[Record]) -> _TestImages:
    """Read a table of ids and files, and find the folder in which they lie.

    Raises:
        SourceError: No such columns, a row without a file name, ids that repeat, or no folder that holds its images.
    """
    path = Path(spec.test or "")
    table = read_table(path)
    asked = spec if spec.path_column in table.columns else _without_columns(spec, table)
    # class folders may hold images of the names that the test images have; a label file says which are labelled
    taken = set() if spec.labels else {record.file for record in labelled}
    looked = []
    for place in _places(folder, path):
        listing = list_images(place)
        finder = FilesById([file for file in listing.images if file not in taken])
        looked.append(str(place))
        if not any(name == (asked.path_column or name) for name in naming_columns(table, finder)):
            continue
        columns = find_id_columns(path, table, asked, finder)
        if columns.path not in naming_columns(table, finder):
            raise _ids_name_nothing(path, columns.path, list(naming_columns(table, finder)))
        ids, names = (table[column].map(cell_text).tolist() for column in columns)
        _refuse_rows(path, ids, names)
        views = named_in(table, file_columns(table, set(columns)), finder)
        paths = dict(zip(ids, names, strict=True))
        return _TestImages(folder=place, listing=listing, finder=finder, origin=path, paths=paths, views=views)
    raise SourceError(
        f"no column of {path} names an image in {first_three(looked, len(looked))}; it has"
        f" {', '.join(quoted(table.columns))}: give {option('path_column')}, or put the images into a folder test"
        f" beside {path.name}"
    )


def _without_columns(spec: SourceSpec, table: pd.DataFrame) -> SourceSpec:
    """Leave out columns that only the label file has."""
    ids = spec.id_column if spec.id_column in table.columns else None
    return msgspec.structs.replace(spec, path_column=None, id_column=ids)


def _places(folder: Path, table: Path) -> Iterator[Path]:
    """Yield the folders in which the images of a table may lie."""
    yield folder
    for above in dict.fromkeys((table.parent, folder.parent)):
        for name in _USUAL:
            if (above / name).is_dir() and above / name != folder:
                yield above / name


def _ids_name_nothing(path: Path, column: str, naming: Sequence[str]) -> SourceError:
    quoted_name = f"'{naming[0]}'"
    return SourceError(
        f"ids in column {column} of {path} name no image; give {option('path_column', naming[0], typed=quoted_name)},"
        " which does"
    )


def _refuse_rows(path: Path, ids: Sequence[str], names: Sequence[str]) -> None:
    """Refuse rows without an id or a file name, and ids that repeat."""
    for row, (identifier, name) in enumerate(zip(ids, names, strict=True)):
        if not identifier or not name:
            raise SourceError(
                f"{path}, line {line_of(row)}: an empty {'file name' if identifier else 'id'}; correct it"
            )
    if repeated := [one for one, count in Counter(ids).items() if count > 1]:
        raise SourceError(f"{path} repeats ids: {first_three(repeated, len(repeated))}")


def _named(
    found: _TestImages, naming: Path, names: pd.DataFrame, refusal: type[KitError]
) -> tuple[list[Record], list[Reject]]:
    records, missing = join(found.folder, found.finder, naming, names)
    if not records and len(missing):
        first, image = missing[0].name, found.listing.images[0].name
        raise refusal(
            f"no id in {naming} names an image in {found.folder}: the first id is '{first}', the first image"
            f" {image}; {option('sample_submission')} needs {option('test')} with the folder of its images,"
            " called as its ids are, or a table that maps its ids to files"
        )
    return records, missing


def _refuse_labelled(naming: Path, folder: Path, records: Sequence[Record], labelled: Collection[Record]) -> None:
    """Refuse images that are labelled and to be predicted."""
    taken = {record.file for record in labelled}
    if both := [record.key for record in records if record.file in taken]:
        raise SourceError(
            f"{naming} names labelled images of {folder}: {first_three(both, len(both))}; an image is for"
            " training or for prediction: remove them from one of the two files"
        )


def _refuse_shared_stems(folder: Path, files: Sequence[ImageFile]) -> None:
    """Two images that differ in their endings only would get the same id."""
    seen: dict[str, str] = {}
    for file in files:
        if (other := seen.setdefault(file.stem, file.name)) != file.name:
            raise SourceError(f"{folder}: {other} and {file.name} would both have the id '{file.stem}'; rename one")
