"""Datasets in an object store: made on one machine, read on others; each machine has a folder of copies."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from stores import Refusal, StoreServer

import kit
from kit.conversion.build_part import ShardedPart
from kit.datasets import Dataset, verify_dataset
from kit.datasets.dataset import MANIFEST
from kit.datasets.read import read_examples
from kit.datasets.stored_fields import stored_labels
from kit.datasets.verify import check_splits
from kit.errors import ShardError, StoreError, UnreachableError, WorkspaceError
from kit.storage import mirrored
from kit.storage.store import open_store

Machine = Callable[[str], None]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 images of two classes: two shards of train, two of validation."""
    folder = tmp_path_factory.mktemp("stored") / "images"
    rng = np.random.default_rng(5)
    for number in range(300):
        path = folder / f"class{number % 2}" / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 255, (8, 8, 3), np.uint8))
    return folder


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    """Function that goes on on another machine, which shares nothing with the others."""
    return lambda name: monkeypatch.setenv("KIT_CACHE", str(tmp_path / name))


@pytest.fixture(scope="module")
def local(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The same dataset in a folder."""
    return sharded(images, tmp_path_factory.mktemp("local"))


def sharded(images: Path, root: object, **options: object) -> Dataset:
    given = {"name": "cells", "workers": 1, "split": (0.5, 0.5), "root": str(root), **options}
    made = kit.shard(images, **given)  # type: ignore[call-overload]
    assert isinstance(made, Dataset)
    return made


def part(images: Path, root: object, number: str, **options: object) -> ShardedPart:
    given = {"name": "cells", "workers": 1, "split": (0.5, 0.5), "root": str(root), "part": number, **options}
    made = kit.shard(images, **given)  # type: ignore[call-overload]
    assert isinstance(made, ShardedPart)
    return made


def files_in(folder: Path, ending: str = "") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob(f"*{ending}") if not path.name.startswith(".")}


def test_a_dataset_made_on_one_machine_is_read_on_another(
    images: Path, local: Dataset, store_server: StoreServer, machine: Machine
) -> None:
    made = sharded(images, store_server.address)
    machine("another")
    found = kit.find_dataset("cells", root=str(store_server.address))

    assert made.folder != found.folder
    assert made.manifest == found.manifest == local.manifest
    assert not list(found.folder.glob("*.tfrecord"))
    assert [example.key for example in read_examples(found, "train")] == [
        example.key for example in read_examples(local, "train")
    ]
    assert 2 == len(files_in(found.folder, ".tfrecord")), "only the shards of the split that was read"
    verify_dataset(found)
    assert files_in(local.folder) == files_in(found.folder)
    np.testing.assert_array_equal(stored_labels(local, ["train"]), stored_labels(found, ["train"]))


def test_the_same_dataset_is_not_uploaded_twice(images: Path, store_server: StoreServer, machine: Machine) -> None:
    sharded(images, store_server.address)
    before = store_server.count("PUT")
    machine("another")
    again = sharded(images, store_server.address)

    assert before == store_server.count("PUT")
    assert not list(again.folder.glob("*.tfrecord")), "nor made, nor downloaded"


def test_other_settings_are_refused_and_force_replaces_all(
    images: Path, store_server: StoreServer, machine: Machine
) -> None:
    before = sharded(images, store_server.address)
    machine("another")
    with pytest.raises(ShardError, match="made from other inputs or settings: seed was 0, is 1"):
        sharded(images, store_server.address, seed=1)
    after = sharded(images, store_server.address, seed=1, force=True)
    machine("third")

    assert after.manifest == kit.find_dataset("cells", root=str(store_server.address)).manifest
    remove_copies(before)
    with pytest.raises(StoreError, match="cells was replaced meanwhile; run the command again"):
        before.fetch(before.manifest.shards[:1])
    at = mirrored(after.folder)
    assert at
    folders = {found.name.split("/")[2] for found in at.store.objects("tfrecords")}
    assert 2 == len(folders), "the manifest, and the files of this one alone"


def remove_copies(dataset: Dataset) -> None:
    for shard in dataset.manifest.shards:
        (dataset.folder / shard.name).unlink()


def test_an_upload_that_is_cut_off_leaves_no_dataset_and_is_resumed(
    images: Path, store_server: StoreServer, machine: Machine
) -> None:
    root = str(store_server.address)
    store_server.fault = lambda request: (
        Refusal(403) if request.method in {"PUT", "POST"} and store_server.count("PUT") > 3 else None
    )
    with pytest.raises(StoreError, match="refuses these credentials"):
        sharded(images, root)
    machine("another")
    with pytest.raises(WorkspaceError, match="unknown dataset 'cells'"):
        kit.find_dataset("cells", root=root)
    machine("cache")
    store_server.fault = lambda _: None
    store_server.seen.clear()
    made = sharded(images, root)

    sent = {request.name.rpartition("/")[2] for request in store_server.seen if request.method == "PUT"}
    everything = {path.name for path in made.folder.iterdir() if not path.name.startswith(".")}
    assert MANIFEST in sent
    assert len(sent) <= len(everything) - 3
    machine("another")
    verify_dataset(kit.find_dataset("cells", root=root))


@pytest.mark.parametrize("store_server", ["s3_server"], indirect=True)
def test_of_two_machines_that_make_the_same_dataset_one_wins_and_both_have_it(
    images: Path, store_server: StoreServer, machine: Machine
) -> None:
    root, first = str(store_server.address), []

    def other() -> None:
        machine("another")
        first.append(sharded(images, root))
        machine("cache")

    store_server.before_writing(MANIFEST, other)
    second = sharded(images, root)

    assert first[0].manifest == second.manifest
    assert first[0].folder != second.folder
    machine("third")
    verify_dataset(kit.find_dataset("cells", root=root))


@pytest.mark.parametrize("force", [False, True])
def test_of_two_machines_that_make_different_datasets_the_second_is_refused(
    images: Path, store_server: StoreServer, machine: Machine, force: bool
) -> None:
    root, first = str(store_server.address), []
    if force:
        sharded(images, root, seed=5)

    def other() -> None:
        machine("another")
        first.append(sharded(images, root, seed=1, force=force))
        machine("cache")

    store_server.before_writing(MANIFEST, other)
    with pytest.raises(ShardError, match="was uploaded by another machine meanwhile, from other inputs or settings"):
        sharded(images, root, force=force)

    machine("third")
    found = kit.find_dataset("cells", root=root)
    verify_dataset(found)
    assert first[0].manifest == found.manifest
    at = mirrored(found.folder)
    assert at
    assert 2 == len({found.name.split("/")[2] for found in at.store.objects("tfrecords")}), "no files of the second"


def test_a_damaged_copy_is_downloaded_anew_and_a_damaged_object_is_refused(
    images: Path, store_server: StoreServer, machine: Machine
) -> None:
    root = str(store_server.address)
    made = sharded(images, root)
    shard = made.shards("train")[0]
    path = made.folder / shard.name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    check_splits(kit.find_dataset("cells", root=root), ["train"])
    assert whole == path.read_bytes()

    at = mirrored(path)
    assert at
    (stored,) = (found.name for found in at.store.objects("tfrecords") if found.name.endswith(shard.name))
    at.store.write(stored, whole[:-1] + b"\0")
    machine("another")
    with pytest.raises(StoreError, match=f"{shard.name} has other bytes than were uploaded"):
        verify_dataset(kit.find_dataset("cells", root=root))
    assert not (kit.find_dataset("cells", root=root).folder / shard.name).exists()


@pytest.mark.parametrize("manifest", [b"", b"{", b"\xff", b"[]", b'{"format_version": 99}'])
def test_a_damaged_manifest_in_the_store_is_named_by_its_address(
    images: Path, store_server: StoreServer, machine: Machine, tmp_path: Path, manifest: bytes
) -> None:
    root = str(store_server.address)
    at = mirrored(sharded(images, root).folder)
    assert at
    at.store.write(f"{at.name}/{MANIFEST}", manifest)
    machine("another")

    with pytest.raises(ShardError) as raised:
        kit.find_dataset("cells", root=root)
    assert str(raised.value).startswith(f"{at.url}/{MANIFEST}")
    assert not list((tmp_path / "another").rglob(MANIFEST))

    made = sharded(images, root, force=True)
    machine("third")
    assert made.manifest == kit.find_dataset("cells", root=root).manifest


def test_a_damaged_copy_of_a_file_beside_the_shards_is_downloaded_anew(images: Path, store_server: StoreServer) -> None:
    made = sharded(images, store_server.address)
    features = made.folder / "features.json"
    whole = features.read_bytes()
    features.write_bytes(b"{}")
    kit.find_dataset("cells", root=str(store_server.address))

    assert whole == features.read_bytes()


def test_the_metric_travels_without_the_shards(images: Path, store_server: StoreServer, machine: Machine) -> None:
    root = str(store_server.address)
    sharded(images, root, metric="auc")
    machine("another")
    assert "auc" == kit.find_dataset("cells", root=root).metric
    before = store_server.count("PUT", ".tfrecord")
    sharded(images, root, metric="f1")
    machine("cache")

    assert "f1" == kit.find_dataset("cells", root=root).metric
    assert before == store_server.count("PUT", ".tfrecord")


def test_parts_on_machines_that_share_nothing_else_are_joined_to_the_bytes_of_one_command(
    images: Path, local: Dataset, store_server: StoreServer, machine: Machine
) -> None:
    root = str(store_server.address)
    missing = []
    for number in (1, 2):
        machine(f"machine-{number}")
        missing.append(part(images, root, f"{number}/2").missing)
    machine("third")
    with pytest.raises(WorkspaceError, match=r"unknown dataset 'cells'.* Known: none yet"):
        kit.find_dataset("cells", root=root)
    with pytest.raises(ShardError, match="parts wrote shards from other inputs or settings: seed was 0, is 1"):
        part(images, root, "1/2", seed=1)
    with pytest.raises(ShardError, match="parts wrote shards from other inputs or settings: seed was 0, is 1"):
        sharded(images, root, seed=1)
    store_server.seen.clear()
    joined = sharded(images, root)

    assert [2, 0] == missing
    assert files_in(local.folder) == files_in(joined.folder)
    assert 4 == store_server.count("GET", ".partial/train") / 2 + store_server.count("GET", ".partial/validation") / 2
    at = mirrored(joined.folder)
    assert at
    assert not at.store.objects("tfrecords/.cells.partial")
    machine("machine-1")
    assert () == part(images, root, "1/2").shards


@pytest.mark.parametrize("suffix", [".tfrecord", ".written.json"])
def test_what_is_damaged_of_a_part_in_the_store_is_written_anew(
    images: Path, local: Dataset, store_server: StoreServer, machine: Machine, suffix: str
) -> None:
    root = str(store_server.address)
    machine("one")
    at = mirrored(part(images, root, "1/2").folder)
    assert at
    name = next(found.name for found in at.store.objects("tfrecords/.cells.partial") if found.name.endswith(suffix))
    at.store.write(name, b"other bytes")
    machine("another")

    assert files_in(local.folder) == files_in(sharded(images, root).folder)


def test_forced_parts_begin_anew(images: Path, store_server: StoreServer, machine: Machine) -> None:
    root = str(store_server.address)
    part(images, root, "1/2")
    machine("another")
    made = part(images, root, "1/2", seed=1, force=True)

    assert 2 == made.missing
    assert 1 == sharded(images, root, seed=1).manifest.settings.seed


@pytest.mark.parametrize("store_server", ["s3_server"], indirect=True)
def test_a_store_that_does_not_answer_is_named_with_the_next_step(
    images: Path, store_server: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharded(images, store_server.address)
    monkeypatch.setattr("kit.storage.store._ATTEMPTS", 0)
    open_store.cache_clear()
    store_server.fault = lambda _: Refusal(503)
    with pytest.raises(UnreachableError, match="the store answers 503; check the network"):
        kit.find_dataset("cells", root=str(store_server.address))
    open_store.cache_clear()


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Function that runs a command of kit as a process of its own, in an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kit", *words],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    yield run
    assert not list(folder.iterdir()), "nothing is written into the current folder"


@pytest.mark.parametrize("store_server", ["s3_server"], indirect=True)
def test_commands_take_addresses_and_name_them(
    images: Path, store_server: StoreServer, typed: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    root = str(store_server.address)
    made = typed("shard", str(images), "--name", "cells", "--root", root)
    assert 0 == made.returncode, made.stderr
    assert f"{root}/tfrecords/cells  next: kit train cells --root {root}" in made.stdout
    assert 0 == typed("info", "cells", KIT_ROOT=root).returncode
    unknown = typed("info", "bells", "--root", root)
    assert 1 == unknown.returncode
    assert f"kit: unknown dataset 'bells'; did you mean 'cells'? Known: cells (in {root}/tfrecords)\n" == unknown.stderr
    wrong = typed("info", "cells", "--root", "ftp://lab/retina")
    assert "kit: ftp://lab/retina: kit knows stores by s3:// and gs://; mount others as folders\n" == wrong.stderr
