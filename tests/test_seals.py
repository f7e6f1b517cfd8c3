from __future__ import annotations

import json
import logging
import os
import re
import shutil
from pathlib import Path

import msgspec
import pytest
from everything import shard as write_dataset
from everything import shard_and_stop, write_source
from hypothesis import given
from hypothesis import strategies as st
from mutations import json_mutations

from kit import seals
from kit.conversion import shard
from kit.conversion.reshard import plan_again
from kit.datasets import Dataset, verify_dataset
from kit.datasets.dataset import read_dataset
from kit.datasets.manifest import Manifest
from kit.datasets.verify import check_splits
from kit.errors import ShardError, SpecError, WorkspaceError
from kit.files import xxh128_file
from kit.seals import KnownHashes, read_sealed, seal
from tests.conftest import Competition

UNREAD = (  # fields that do not follow from the records
    *(
        "name",
        "groups",
        "groups_across_splits",
        "duplicates",
        "near_duplicates",
        "rejects",
        "left_out",
        "recipe",
        "label_columns",
    ),
    *("left_out_reasons", "not_taken", "files", "seal", "source", "settings", "sample_submission", "image"),
)


class Document(msgspec.Struct):
    name: str
    values: dict[str, float]
    seal: str = ""


@pytest.fixture
def cells(competition: Competition, tmp_path: Path) -> Dataset:
    return shard(**competition.inputs, name="cells", folds=2, workers=1, root=tmp_path)


@given(st.text(), st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)))
def test_sealed_document_comes_back(
    tmp_path_factory: pytest.TempPathFactory, name: str, values: dict[str, float]
) -> None:
    path = tmp_path_factory.mktemp("sealed") / "document.json"
    path.write_bytes(seal(Document(name, values)))
    read = read_sealed(path, Document, what="document")

    assert (name, values) == (read.name, read.values)


def _answer(folder: Path) -> str:
    try:
        verify_dataset(read_dataset(folder))
    except ShardError as error:
        return str(error)
    return ""


def test_every_change_of_a_sealed_manifest_is_refused(cells: Dataset) -> None:
    path = cells.folder / "manifest.json"
    written = path.read_bytes()
    answers = {}
    for name, changed in json_mutations(written):
        path.write_bytes(changed)
        answers[name] = "" if json.loads(written) == _told(changed) else _answer(cells.folder)

    # without its seal it is as from an earlier kit, which is said
    silent = {name for name, answer in answers.items() if not answer}
    assert not [name for name in silent if not re.match(r"\('seal',\) (away|called)|cut at", name)]
    assert not [answer for answer in answers.values() if "\n" in answer]
    assert len(answers) > 1000


def test_a_manifest_without_a_seal_cannot_contradict_its_records(cells: Dataset) -> None:
    path = cells.folder / "manifest.json"
    document = json.loads(path.read_bytes())
    del document["seal"]
    silent = []
    for name, changed in json_mutations(json.dumps(document).encode()):
        path.write_bytes(changed)
        if not _answer(cells.folder) and _read_of(_told(changed)) != _read_of(document):
            silent.append(name)

    assert not silent


def _told(data: bytes) -> object:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _read_of(told: object) -> object:
    """What of a manifest its records say too; None where it is none."""
    try:
        manifest = msgspec.convert(told, Manifest, str_keys=True)
    except msgspec.ValidationError:
        return None
    image = msgspec.structs.replace(manifest.image, sources={})
    return image, *(getattr(manifest, name) for name in Manifest.__struct_fields__ if name not in UNREAD)


def test_dataset_from_before_seals_opens_with_one_line(
    cells: Dataset, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "_warned", set[str]())
    path = cells.folder / "manifest.json"
    document = json.loads(path.read_bytes())
    before = {name: value for name, value in document.items() if name not in {"seal", "files"}}
    path.write_text(json.dumps(before))
    with caplog.at_level(logging.WARNING):
        opened = [read_dataset(cells.folder) for _ in range(2)]

    assert cells.manifest.fingerprint == opened[1].manifest.fingerprint
    assert [
        f"{path} has no seal: this dataset was written by an earlier version of kit, and changes to it are not detected"
    ] == (caplog.messages)


def test_changed_copy_of_the_sample_submission_is_refused(cells: Dataset) -> None:
    path = cells.folder / "sample_submission.csv"
    path.write_text(path.read_text()[:-20])

    with pytest.raises(ShardError, match=r"sample_submission\.csv was changed after kit wrote it; restore it"):
        _ = cells.sample_submission


@pytest.mark.parametrize("name", ["duplicates.csv", "near_duplicates.csv"])
def test_changed_lists_of_images_that_stay_together_are_not_sharded_by(tmp_path: Path, name: str) -> None:
    write_source(tmp_path)
    dataset = write_dataset(tmp_path)
    path = dataset.folder / name
    path.write_text(path.read_text().replace("/a/", "/b/", 1))

    with pytest.raises(ShardError, match=rf"/{name} was changed after kit wrote it; restore it"):
        plan_again(dataset, {"data.size": "8x8"})


@pytest.mark.parametrize("name", ["near_ties.json", "train-00000-of-00001.written.json"])
def test_changed_notes_of_a_stopped_conversion_are_made_anew(tmp_path: Path, name: str) -> None:
    write_source(tmp_path)
    undisturbed = write_dataset(tmp_path, "stopped").manifest
    shutil.rmtree(tmp_path / "tfrecords")
    shard_and_stop(tmp_path)
    path = tmp_path / "tfrecords" / ".stopped.partial" / name
    document = json.loads(path.read_bytes())
    document |= {"sets": [[0, 1, 2]]} if "sets" in document else {"rejects": [["x.png", "unreadable"]]}
    path.write_text(json.dumps(document))

    assert undisturbed == write_dataset(tmp_path, "stopped").manifest


def test_swapped_shards_of_equal_size_are_refused(competition: Competition, tmp_path: Path) -> None:
    first, second = (
        shard(**competition.inputs, name=f"cells{seed}", seed=seed, workers=1, root=tmp_path) for seed in (0, 1)
    )
    check_splits(first, ["train"])
    path = first.paths("train")[0]
    shutil.copy(second.paths("train")[0], path)

    with pytest.raises(ShardError, match="was changed after writing"):
        check_splits(first, ["train"])
    check_splits(first, ["test"])


def _age(path: Path, seconds: int = 60) -> None:
    """Make a file older than its hash: nobody can set the time of change, so the clock is asked to be later."""
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - seconds))


def test_hash_is_remembered_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shard"
    path.write_bytes(b"one")
    monkeypatch.setattr(seals, "_RACY", 0)
    hashed: list[Path] = []

    def counted(file: Path) -> str:
        hashed.append(file)
        return xxh128_file(file)

    monkeypatch.setattr(seals, "xxh128_file", counted)
    for _ in range(3):
        known = KnownHashes(tmp_path)
        known.hash("shard")
        known.keep()
    path.write_bytes(b"two")
    _age(path)
    changed = KnownHashes(tmp_path).hash("shard")

    assert xxh128_file(path) == changed
    assert [path, path] == hashed


def test_file_that_was_written_just_now_is_not_trusted_yet(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    path.write_bytes(b"one")
    known = KnownHashes(tmp_path)
    known.hash("shard")
    known.keep()
    stat = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    assert xxh128_file(path) == KnownHashes(tmp_path).hash("shard")


def test_damaged_memory_of_hashes_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "shard").write_bytes(b"one")
    (tmp_path / ".hashes.json").write_bytes(b"{")

    assert xxh128_file(tmp_path / "shard") == KnownHashes(tmp_path).hash("shard")


def test_dataset_in_use_is_not_replaced(competition: Competition, cells: Dataset, tmp_path: Path) -> None:
    with cells.in_use(), pytest.raises(WorkspaceError, match="is in use by another kit command"):
        shard(**competition.inputs, name="cells", seed=1, force=True, workers=1, root=tmp_path)
    replaced = shard(**competition.inputs, name="cells", seed=1, force=True, workers=1, root=tmp_path)

    assert cells.manifest.fingerprint != replaced.manifest.fingerprint


def test_dataset_that_was_replaced_is_noticed(competition: Competition, cells: Dataset, tmp_path: Path) -> None:
    shard(**competition.inputs, name="cells", seed=1, force=True, workers=1, root=tmp_path)

    with pytest.raises(ShardError, match="was replaced while it was in use"), cells.in_use():
        pass


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_document_that_is_no_table_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "document.json"
    path.write_bytes(content)

    with pytest.raises(SpecError) as caught:
        read_sealed(path, Document, what="document")
    assert "\n" not in str(caught.value)
