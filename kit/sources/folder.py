"""Class folders, alone or below split folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kit.errors import SourceError
from kit.sources.files import image_files
from kit.sources.record import ImageFile, Record

SPLIT_FOLDERS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


def read_folder(folder: Path) -> list[Record]:
    """Read `<class>/…` or `<split>/<class>/…` as labelled records.

    Folders count as splits if every folder is called train, val, valid, validation or test.

    Raises:
        SourceError: no class folders, or one without an image.
    """
    files = image_files(folder)
    tops = _folders(folder)
    splits = tops if tops and all(name in SPLIT_FOLDERS for name in tops) else []
    for parent in [folder / name for name in splits] or [folder]:
        _refuse_empty_classes(parent, files, folder)
    return [_record(file, has_splits=bool(splits)) for file in files]


def _folders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _refuse_empty_classes(parent: Path, files: Sequence[ImageFile], top: Path) -> None:
    below = parent.relative_to(top).as_posix()
    depth = 0 if below == "." else 1
    filled = {tuple(file.name.split("/")[: depth + 1]) for file in files}
    for name in _folders(parent):
        if ((below, name) if depth else (name,)) not in filled:
            raise SourceError(f"class folder {parent / name} holds no image; fill it or remove it")


def _record(file: ImageFile, *, has_splits: bool) -> Record:
    parts = file.name.split("/")
    needed = 3 if has_splits else 2
    if len(parts) < needed:
        raise SourceError(
            f"{file.path} lies in no class folder; move it into one, or give --labels with a file of ids and labels"
        )
    split = SPLIT_FOLDERS[parts[0]] if has_splits else None
    return Record(key=file.name, file=file, label=parts[needed - 2], split=split)
