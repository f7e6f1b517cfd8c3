from __future__ import annotations

import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from kit.errors import SpecError
from kit.models.weights_file import refuse_foreign_links


def _write(path: Path) -> h5py.File:
    file = h5py.File(path, "w")
    file["layers/dense/vars/0"] = np.ones(3, np.float32)
    return file


def test_plain_weights_are_taken(tmp_path: Path) -> None:
    _write(tmp_path / "plain.weights.h5").close()

    refuse_foreign_links(tmp_path / "plain.weights.h5")


def test_external_link_is_refused(tmp_path: Path) -> None:
    with _write(tmp_path / "linked.h5") as file:
        file["layers/dense/secret"] = h5py.ExternalLink("/etc/shadow.h5", "/all")

    with pytest.raises(SpecError, match="not safe to load: /layers/dense/secret is a link"):
        refuse_foreign_links(tmp_path / "linked.h5")


def test_external_storage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(12))
    with _write(tmp_path / "stored.h5") as file:
        file.create_dataset("layers/1", (3,), np.float32, external=[(str(tmp_path / "secret"), 0, 12)])

    with pytest.raises(SpecError, match="/layers/1 has its values in other files"):
        refuse_foreign_links(tmp_path / "stored.h5")


def test_virtual_dataset_is_refused(tmp_path: Path) -> None:
    _write(tmp_path / "other.h5").close()
    layout = h5py.VirtualLayout((3,), np.float32)
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "layers/dense/vars/0", (3,))
    with _write(tmp_path / "virtual.h5") as file:
        file.create_virtual_dataset("layers/1", layout)

    with pytest.raises(SpecError, match="/layers/1 has its values in other files"):
        refuse_foreign_links(tmp_path / "virtual.h5")


def test_link_within_a_keras_archive_is_refused(tmp_path: Path) -> None:
    with _write(tmp_path / "linked.h5") as file:
        file["secret"] = h5py.ExternalLink("/etc/shadow.h5", "/all")
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.write(tmp_path / "linked.h5", "model.weights.h5")

    with pytest.raises(SpecError, match="is a link"):
        refuse_foreign_links(tmp_path / "model.keras")


def test_groups_that_contain_themselves_end(tmp_path: Path) -> None:
    with _write(tmp_path / "loop.h5") as file:
        file["layers/again"] = file["layers"]

    refuse_foreign_links(tmp_path / "loop.h5")


@pytest.mark.parametrize("content", [b"", b"no weights", b"\x89HDF\r\n\x1a\n"])
def test_what_is_no_weights_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.h5").write_bytes(content)

    with pytest.raises(SpecError, match="holds no weights"):
        refuse_foreign_links(tmp_path / "file.h5")
