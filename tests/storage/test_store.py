"""What every kind of store does in the same way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from stores import CUT, IGNORE, LOSE, Refusal, Request, StoreServer

from kit.errors import StoreConflictError, StoreError, UnreachableError
from kit.files import xxh128
from kit.storage import Address
from kit.storage.store import Object, Store, Tag

MANY = 1100  # objects: more than stores list in an answer
PART = 5 << 20  # bytes: the smallest part that S3 takes

Write = Callable[[Store, Tag], None]
WRITES: dict[str, Write] = {
    "create": lambda store, _: store.create("new", b"2"),
    "replace": lambda store, tag: store.replace("a", b"2", tag),
}


@pytest.fixture
def store(store_server: StoreServer) -> Store:
    return Store(store_server.address)


def test_object_is_read_as_it_was_written(store: Store) -> None:
    store.write("runs/a/result.json", b"{}")
    store.write("runs/a/result.json", b'{"score": 1}')

    assert b'{"score": 1}' == _read(store, "runs/a/result.json")[0]


@pytest.mark.parametrize("size", [2, 5, 100])
def test_beginning_of_an_object_is_read(store: Store, size: int) -> None:
    store.write("a", b"12345")

    assert b"12345"[:size] == store.read_beginning("a", size)
    assert store.read_beginning("b", size) is None


def test_missing_object_is_none(store: Store) -> None:
    assert store.read("runs/a/result.json") is None


@pytest.mark.parametrize("name", ["a b", "ä/ö", "a%20b", "a+b", "a&b", "what?", "n#1", "~x", "a*b", "a=b,c;d"])
def test_object_of_any_name_is_read_listed_and_removed(store: Store, name: str) -> None:
    store.write(name, b"1")

    assert b"1" == _read(store, name)[0]
    assert [Object(name, 1)] == store.objects("")
    store.remove([name])
    assert [] == store.objects("")


@pytest.mark.parametrize("prefix", ["", "a b", "ä", "50%", "a%20b", "what?", "n#1"])
def test_addresses_of_any_prefix_are_kept_apart(store_server: StoreServer, prefix: str) -> None:
    store = Store(Address(store_server.scheme, store_server.bucket, prefix))
    store.write("a", b"1")

    assert [Object("a", 1)] == store.objects("")
    whole = Store(Address(store_server.scheme, store_server.bucket))
    assert [Object(f"{prefix}/a".lstrip("/"), 1)] == whole.objects("")


def test_long_listings_are_whole(store: Store) -> None:
    names = [f"runs/{number:04d}" for number in range(MANY)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: store.write(name, b""), names))

    assert [Object(name, 0) for name in names] == sorted(store.objects("runs"), key=lambda found: found.name)


def test_listing_of_a_folder_leaves_out_its_neighbours(store: Store) -> None:
    for name in ("runs/a/result.json", "runs/a/deep/er", "runs/ab/result.json", "runs/top", "run"):
        store.write(name, b"123")

    assert [Object("runs/a/deep/er", 3), Object("runs/a/result.json", 3)] == store.objects("runs/a")
    assert ["a", "ab"] == store.folders("runs")
    assert ["a", "ab"] == Store(Address(store.address.scheme, store.address.bucket, "lab/retina/runs")).folders("")
    assert [] == store.objects("tfrecords")
    assert [] == store.folders("tfrecords")


def test_second_creation_is_a_conflict(store: Store) -> None:
    store.create("claim", b"1")

    with pytest.raises(StoreConflictError, match=f"^{store.address}/claim was written by another machine meanwhile$"):
        store.create("claim", b"2")
    assert b"1" == _read(store, "claim")[0]


def test_removed_object_can_be_created_again(store: Store) -> None:
    store.create("claim", b"1")
    store.remove(["claim"])

    store.create("claim", b"2")


def test_replacement_after_anothers_write_is_a_conflict(store: Store) -> None:
    store.write("note", b"1")
    tag = _read(store, "note")[1]
    store.replace("note", b"2", tag)

    with pytest.raises(StoreConflictError):
        store.replace("note", b"3", tag)
    data, newer = _read(store, "note")
    assert b"2" == data
    store.replace("note", b"4", newer)


def test_replacement_of_a_removed_object_is_refused(store: Store) -> None:
    store.write("note", b"1")
    tag = _read(store, "note")[1]
    store.remove(["note"])

    with pytest.raises(StoreConflictError):
        store.replace("note", b"2", tag)
    assert store.read("note") is None


def test_absent_objects_are_removed(store: Store) -> None:
    store.write("a", b"1")

    store.remove(["b", "a", "c/d"])

    assert [] == store.objects("")


@pytest.mark.parametrize("size", [0, 1, PART, 2 * PART + 1])
def test_files_are_uploaded_and_downloaded(
    store: Store, store_server: StoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("kit.storage.store._PART", PART)
    data = np.random.default_rng(size).bytes(size)
    (tmp_path / "shard").write_bytes(data)

    store.upload(tmp_path / "shard", "shard")
    store.download("shard", tmp_path / "copies" / "shard", xxh128(data))

    assert [Object("shard", size)] == store.objects("")
    assert data == (tmp_path / "copies" / "shard").read_bytes()
    parts = sum("partNumber" in request.query for request in store_server.seen)
    assert (3 if size > PART else 0) == parts


def test_object_with_other_bytes_is_not_kept(store: Store, tmp_path: Path) -> None:
    store.write("shard", b"one")

    with pytest.raises(StoreError, match=f"^{store.address}/shard has other bytes than were uploaded"):
        store.download("shard", tmp_path / "copies" / "shard", xxh128(b"two"))
    assert [] == list((tmp_path / "copies").iterdir())


def test_download_of_other_bytes_keeps_the_file_there(store: Store, tmp_path: Path) -> None:
    store.write("shard", b"one")
    (tmp_path / "shard").write_bytes(b"two")

    with pytest.raises(StoreError):
        store.download("shard", tmp_path / "shard", xxh128(b"two"))
    assert b"two" == (tmp_path / "shard").read_bytes()


def test_download_of_a_missing_object_leaves_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.download("shard", tmp_path / "copies" / "shard", xxh128(b""))
    assert [] == list((tmp_path / "copies").iterdir())


def test_upload_of_a_missing_file_names_it(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="No such file"):
        store.upload(tmp_path / "shard", "shard")
    assert store.read("shard") is None


def test_download_goes_on_where_its_connection_was_cut(store: Store, store_server: StoreServer, tmp_path: Path) -> None:
    data = np.random.default_rng(1).bytes(3 << 20)
    store.write("shard", data)
    cuts = iter([CUT])
    store_server.fault = lambda _: next(cuts, None)

    store.download("shard", tmp_path / "shard", xxh128(data))

    assert data == (tmp_path / "shard").read_bytes()
    assert 2 == store_server.count("GET", "shard")


def test_download_that_is_cut_every_time_leaves_nothing(
    store: Store, store_server: StoreServer, tmp_path: Path
) -> None:
    data = np.random.default_rng(1).bytes(3 << 20)
    store.write("shard", data)
    store_server.fault = lambda _: CUT

    with pytest.raises(UnreachableError):
        store.download("shard", tmp_path / "copies" / "shard", xxh128(data))
    assert [] == list((tmp_path / "copies").iterdir())


def test_upload_that_is_cut_leaves_no_object(
    store: Store, store_server: StoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.storage.store._PART", PART)
    (tmp_path / "shard").write_bytes(bytes(2 * PART + 1))
    store_server.fault = lambda request: Refusal(500) if "partNumber=2" in request.query else None

    with pytest.raises(UnreachableError):
        store.upload(tmp_path / "shard", "shard")
    assert [] == store.objects("")


def test_write_whose_answer_is_lost_is_repeated(store: Store, store_server: StoreServer) -> None:
    losses = iter([LOSE])
    store_server.fault = lambda _: next(losses, None)

    store.write("a", b"1")

    assert 2 == store_server.count("PUT", "a")


@pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))
def test_store_without_conditions_is_not_written_to(store: Store, store_server: StoreServer, write: Write) -> None:
    store.write("a", b"1")
    tag = _read(store, "a")[1]
    store_server.fault = _knows_no_conditions

    with pytest.raises(
        StoreError, match="the store has no conditional writes, without which two machines overwrite"
    ) as raised:
        write(store, tag)
    assert StoreError is raised.type
    assert [Object("a", 1)] == store.objects("")
    assert b"1" == _read(store, "a")[0]


def _knows_no_conditions(request: Request) -> Refusal | None:
    return Refusal(501, "NotImplemented") if request.is_conditional else None


def _read(store: Store, name: str) -> tuple[bytes, Tag]:
    found = store.read(name)
    assert found
    return found


def test_store_with_conditions_is_asked_once(store_server: StoreServer) -> None:
    store = Store(store_server.address)
    store.require_conditions()
    asked = len(store_server.seen)
    store.require_conditions()

    assert asked == len(store_server.seen)
    assert not store.objects("")


def test_store_that_ignores_conditions_is_refused_and_keeps_nothing_of_the_question(store_server: StoreServer) -> None:
    store = Store(store_server.address)
    store_server.fault = lambda _: IGNORE

    with pytest.raises(StoreError, match="the store ignores conditions and overwrites what another machine wrote"):
        store.require_conditions()
    assert not store.objects("")
