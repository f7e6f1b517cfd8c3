"""Safety check of weights files from elsewhere: HDF5 files that refer to other files are refused."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from kit.errors import SpecError

_WEIGHTS = "model.weights.h5"  # in a .keras archive


def refuse_foreign_links(path: Path) -> None:
    """Refuse a file that would make Keras read other files, by a link or a dataset with external storage.

    Args:
        path: HDF5 file, or .keras archive.

    Raises:
        SpecError: The file is neither, or refers to other files.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive, archive.open(_WEIGHTS) as member, h5py.File(member) as file:
                found = next(_foreign(file), None)
        else:
            with h5py.File(path) as file:
                found = next(_foreign(file), None)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise SpecError(f"{path} holds no weights: {next(iter(str(error).splitlines()), 'damaged')}") from error
    if found:
        raise SpecError(f"{path} is not safe to load: {found}; get the weights from their author")


def _foreign(file: Any) -> Iterator[str]:
    """Yield the references to other files; every group is visited once, even if several links lead to it."""
    groups, seen = [file], {file.id}
    while groups:
        group = groups.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                yield f"{group.name}/{name} is a link"
                return
            item = group[name]
            if isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    yield f"{item.name} has its values in other files"
            elif item.id not in seen:
                seen.add(item.id)
                groups.append(item)
