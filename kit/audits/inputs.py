"""Sources of an audit: those of `kit shard`, and folders of images without classes."""

from __future__ import annotations

from pathlib import Path

from kit.errors import KitError, SourceError, SubmissionError
from kit.sources import Record, Source, read_source, read_unjudged
from kit.sources.image_files import list_images
from kit.sources.record import ImageFile
from kit.sources.settle import class_target
from kit.specs import SourceSpec
from kit.specs.source import SPLIT_FOLDERS


def read_audited(spec: SourceSpec) -> tuple[Source, KitError | None]:
    """Read a source as in `kit shard`, or a plain folder that it would refuse.

    Returns:
        The source, and the error with which `kit shard` would refuse it; None if it would not.

    Raises:
        SourceError: There is no image, or the source is refused for another reason than the classes of a plain folder.
    """
    try:
        return read_source(spec), None
    except (SourceError, SubmissionError) as error:
        if spec == SourceSpec(folder=spec.folder) and Path(spec.folder).is_dir():
            return _read_plain(Path(spec.folder)), error
        return read_unjudged(spec), error


def _read_plain(folder: Path) -> Source:
    """Read folders as splits if all have such names, the folders below as classes, and other images without a class."""
    listing = list_images(folder)
    tops = {file.name.partition("/")[0].lower() for file in listing.images if "/" in file.name}
    has_splits = bool(tops) and tops <= SPLIT_FOLDERS.keys()
    records = [_plain_record(file, has_splits=has_splits) for file in listing.images]
    return Source(records=tuple(records), target=class_target(records), rejects=tuple(listing.others))


def _plain_record(file: ImageFile, *, has_splits: bool) -> Record:
    *folders, _ = file.name.split("/")
    split = SPLIT_FOLDERS[folders.pop(0).lower()] if has_splits and folders else None
    return Record(key=file.name, file=file, label=folders[0] if folders else None, split=split)
