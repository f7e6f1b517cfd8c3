"""Nested folders: refuses train and test folders where class folders are expected."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from kit.errors import SourceError, first_three, option
from kit.specs.source import SPLIT_FOLDERS

Tree = Mapping[str, set[str]]  # names of subfolders by the path of their parent; "" is the source itself


def folder_tree(files: Iterable[str]) -> Tree:
    """Build the tree of folders from the paths of all files."""
    tree: dict[str, set[str]] = {}
    for folder in {name.rpartition("/")[0] for name in files} - {""}:
        parts = folder.split("/")
        for depth, name in enumerate(parts):
            tree.setdefault("/".join(parts[:depth]), set()).add(name)
    return tree


def refuse_nested_splits(folder: Path, files: Iterable[str], *, has_splits: bool, merge_splits: bool) -> None:
    """Refuse train and test folders in the place of class folders.

    A single folder called train beside others is a class of that name.

    Args:
        folder: Source.
        files: Paths of its images, relative to it.
        has_splits: Whether its own subfolders are splits.
        merge_splits: Whether train and test folders within a class are merged.

    Raises:
        SourceError: Splits are nested; the error holds the folder to give instead, if there is one.
    """
    tree = folder_tree(files)
    holders = [
        parent
        for parent, names in sorted(tree.items(), key=lambda item: (item[0].count("/"), item[0]))
        if (parent or not has_splits) and _is_divided(parent, names, tree, has_splits=has_splits)
    ]
    if datasets := [parent for parent in holders if parent and _is_dataset(parent, tree)]:
        found = folder / datasets[0]
        raise SourceError(
            f"{folder} holds a dataset within a folder: {_names(tree[datasets[0]])} in {datasets[0]} are not classes;"
            f" give {found} instead",
            instead=found,
        )
    if "" in holders:
        others = sorted(name for name in tree[""] if name.lower() not in SPLIT_FOLDERS)
        raise SourceError(
            f"{folder} holds the folders {_names(tree[''])} beside {first_three(others, len(others))}: where some are"
            f" splits, all must be; move the others away, or list them in a file for {option('exclude')}"
        )
    doubled = [parent for parent in holders if parent.rpartition("/")[2].lower() in SPLIT_FOLDERS]
    if doubled:
        raise SourceError(
            f"{folder / doubled[0]} holds {_names(tree[doubled[0]])}, which are not classes; move their contents one"
            f" folder up, or give {option('labels')} with a file of ids and labels"
        )
    if holders and not merge_splits:
        raise SourceError(
            f"{folder / holders[0]} is a class divided into {_names(tree[holders[0]])}: kit reads splits above classes,"
            " as train/cat and test/cat; arrange the folders so, or merge the splits with"
            f" {option('merge_splits', True)}"
        )


def _is_divided(parent: str, names: Collection[str], tree: Tree, *, has_splits: bool) -> bool:
    """Return whether a folder is divided into splits: two of them, or only splits in the only folder of its level."""
    splits = {SPLIT_FOLDERS[name.lower()] for name in names if name.lower() in SPLIT_FOLDERS}
    above, _, own = parent.rpartition("/")
    is_alone = bool(parent) and (tree[above] == {own} or (has_splits and not above))
    return len(splits) > 1 or (is_alone and bool(splits) and all(name.lower() in SPLIT_FOLDERS for name in names))


def _is_dataset(parent: str, tree: Tree) -> bool:
    """Return whether all subfolders of a folder are splits, with subfolders of their own."""
    is_split = parent.rpartition("/")[2].lower() in SPLIT_FOLDERS
    all_splits = all(name.lower() in SPLIT_FOLDERS for name in tree[parent])
    return all_splits and not is_split and any(f"{parent}/{name}" in tree for name in tree[parent])


def _names(names: Iterable[str]) -> str:
    *first, last = sorted(name for name in names if name.lower() in SPLIT_FOLDERS)
    return f"{', '.join(first)} and {last}" if first else last
