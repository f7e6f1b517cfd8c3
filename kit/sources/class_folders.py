"""Classes from folder names, with or without split folders above them, and from file names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from kit.errors import SourceError, first_three, option
from kit.sources.exclude import excluded_folders
from kit.sources.image_files import list_images
from kit.sources.nested import refuse_nested_splits
from kit.sources.record import ImageFile, Record, Reject
from kit.specs.source import SPLIT_FOLDERS, SourceSpec, find, parse_pattern


def read_folder(spec: SourceSpec) -> tuple[list[Record], list[Reject]]:
    """Read `<class>/…` or `<split>/<class>/…` as labelled records.

    Folders count as splits if every folder is called train(ing), val, valid, validation or test(ing); a test folder
    without class folders is unlabelled. With `spec.class_from` the class is taken from the file's name, or from the
    folder's where the expression finds nothing; both are lowercased, so that NORMAL and normal are one class.

    Returns:
        The records, and the files that are not images.

    Raises:
        SourceError: An image has no class, or a class folder has no image.
    """
    folder = Path(spec.folder)
    listing = list_images(folder, excluded_folders(spec) | _test_folder(spec))
    unseen = {Path(other.name).relative_to(folder).as_posix() for other in listing.others}
    splits = _split_folders(folder, unseen)
    refuse_nested_splits(
        folder, (file.name for file in listing.images), has_splits=bool(splits), merge_splits=spec.merge_splits
    )
    if not spec.class_from:
        for parent in [folder / name for name in splits] or [folder]:
            _refuse_empty_classes(parent, listing.images, folder, unseen)
    labels = _folder_classes(listing.images, has_splits=bool(splits))
    if spec.class_from:
        labels = _named_classes(listing.images, labels, spec.class_from)
    unlabelled = _unlabelled_tests(splits, listing.images, labels)
    _refuse_images_without_class(listing.images, labels, unlabelled, spec)
    records = [
        Record(
            key=file.stem.partition("/")[2] if file.name in unlabelled else file.name,
            file=file,
            label=None if file.name in unlabelled else label,
            split=SPLIT_FOLDERS[_top(file).lower()] if splits else None,
        )
        for file, label in zip(listing.images, labels, strict=True)
    ]
    return records, [other for other in listing.others if Path(other.name) != Path(spec.test or "")]


def _test_folder(spec: SourceSpec) -> set[str]:
    """Return the folder of test images, as a path relative to the source, where it lies beside the class folders."""
    top, test = Path(spec.folder).resolve(), Path(spec.test or spec.folder).resolve()
    return {test.relative_to(top).as_posix()} if test.is_relative_to(top) and test != top and test.is_dir() else set()


def _split_folders(folder: Path, unseen: Collection[str]) -> list[str]:
    """Return a folder's subfolders, without the excluded ones, if all are called like splits; otherwise none."""
    tops = [name for name in _folders(folder) if name not in unseen]
    return tops if tops and all(name.lower() in SPLIT_FOLDERS for name in tops) else []


def _folders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))


def _top(file: ImageFile) -> str:
    return file.name.partition("/")[0]


def _refuse_empty_classes(parent: Path, files: Sequence[ImageFile], top: Path, unseen: Collection[str]) -> None:
    """Refuse a class folder without an image, unless it is excluded."""
    below = parent.relative_to(top).as_posix()
    depth = 0 if below == "." else 1
    filled = {tuple(file.name.split("/")[: depth + 1]) for file in files}
    for name in _folders(parent):
        index = (below, name) if depth else (name,)
        if index not in filled and "/".join(index) not in unseen:
            raise SourceError(
                f"class folder {parent / name} holds no image; fill it, remove it, or list it in a file for"
                f" {option('exclude')}"
            )


def _folder_classes(files: Sequence[ImageFile], *, has_splits: bool) -> list[str | None]:
    """Return the class folder of each file; None for a file outside class folders."""
    index = 1 if has_splits else 0
    parts = (file.name.split("/") for file in files)
    return [names[index] if len(names) > index + 1 else None for names in parts]


def _named_classes(files: Sequence[ImageFile], folders: Sequence[str | None], expression: str) -> list[str | None]:
    pattern = parse_pattern(expression, "class_from")
    found = [find(pattern, file.name.rpartition("/")[2]) for file in files]
    if not any(found):
        names = first_three((file.name for file in files), len(files))
        asked = option("class_from", expression, typed=f"'{expression}'")
        raise SourceError(f"{asked} finds nothing in file names such as {names}; correct it")
    chosen = [label or other for label, other in zip(found, folders, strict=True)]
    return [None if label is None else label.lower() for label in chosen]


def _unlabelled_tests(
    splits: Sequence[str], files: Sequence[ImageFile], labels: Sequence[str | None]
) -> Collection[str]:
    """Return the names of the files of a test folder that has no class folders."""
    tops = {name for name in splits if SPLIT_FOLDERS[name.lower()] == "test"}
    tests = [(file.name, label) for file, label in zip(files, labels, strict=True) if _top(file) in tops]
    return {name for name, _ in tests} if all(label is None for _, label in tests) else set()


def _refuse_images_without_class(
    files: Sequence[ImageFile], labels: Sequence[str | None], unlabelled: Collection[str], spec: SourceSpec
) -> None:
    lost = [
        str(file.path)
        for file, label in zip(files, labels, strict=True)
        if label is None and file.name not in unlabelled
    ]
    if lost:
        asked = option("class_from", spec.class_from, typed=f"'{spec.class_from}'")
        why = f"no class by {asked} and " if spec.class_from else ""
        raise SourceError(
            f"{why}no class folder: {first_three(lost, len(lost))};"
            f" move them into class folders, or give {option('labels')} with a file of ids and labels"
        )
