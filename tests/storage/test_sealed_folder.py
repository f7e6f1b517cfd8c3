"""Folders of a store that appear, and are replaced, whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from stores import LOSE, Fault, Refusal, Request, StoreServer
from waiting import wait_until

from kit.errors import StoreConflictError, StoreError, UnreachableError
from kit.files import xxh128
from kit.progress import Progress
from kit.storage import FolderHead, SealedFolder, mirrored, open_mirror
from kit.storage.store import Tag

NAME, HEAD = "tfrecords/retina", "manifest.json"
SHARDS = [f"train-{number}" for number in range(6)]
UPLOAD = """
import sys
from pathlib import Path
from kit.storage import SealedFolder, mirrored
SealedFolder(mirrored(Path(sys.argv[1])), "manifest.json").upload(sys.argv[2:])
"""


@pytest.fixture
def folder(store_server: StoreServer) -> SealedFolder:
    return _machine(store_server)


@pytest.fixture
def other(store_server: StoreServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SealedFolder:
    """The same folder at another machine."""
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "other"))
    return _machine(store_server)


class Counted(Progress):
    def __init__(self) -> None:
        self.reported: list[object] = []

    def start(self, task: str, total: int) -> None:
        self.reported.append((task, total))

    def advance(self, steps: int = 1, note: str = "") -> None:
        assert not note
        self.reported.append(steps)

    def finish(self) -> None:
        self.reported.append("end")


def test_uploaded_folder_is_fetched_elsewhere(folder: SealedFolder, other: SealedFolder) -> None:
    hashes = _write(folder, "a")
    up, down = Counted(), Counted()
    folder.upload(SHARDS, progress=up)

    head = _head(other)
    other.fetch(head, hashes, down)
    assert other.copied_head() is None
    other.keep_head(head)

    assert _files(folder) == _files(other)
    assert [("upload tfrecords/retina", 6), *[1] * 6, "end"] == up.reported
    assert [("fetch tfrecords/retina", 6), *[1] * 6, "end"] == down.reported


def test_folder_that_is_there_is_not_sent_again(folder: SealedFolder, store_server: StoreServer) -> None:
    _write(folder, "a")
    folder.upload(SHARDS)
    sent = len(store_server.seen)

    folder.upload(SHARDS, before=_head(folder))

    assert ["GET"] == [request.method for request in store_server.seen[sent:]]


def test_upload_that_ends_by_an_error_goes_on_where_it_ended(folder: SealedFolder, store_server: StoreServer) -> None:
    _write(folder, "a")
    store_server.fault = _refuse_after(3)
    with pytest.raises(UnreachableError):
        folder.upload(SHARDS)
    assert folder.read_head() is None
    there = {found.name.rpartition("/")[2] for found in folder.at.store.objects(NAME)}
    assert 3 == len(there)

    store_server.fault, begin = lambda _: None, len(store_server.seen)
    folder.upload(SHARDS)

    assert {*SHARDS, HEAD} - there == _sent(store_server, begin)
    assert folder.read_head()


def test_killed_upload_leaves_no_head_and_goes_on(folder: SealedFolder, store_server: StoreServer) -> None:
    _write(folder, "a")
    held, go = threading.Event(), threading.Event()
    store_server.fault = _hold("train-5", held, go)
    process = subprocess.Popen(
        [sys.executable, "-c", UPLOAD, folder.at.path, *SHARDS], env={**os.environ, **store_server.environment}
    )
    wait_until(lambda: held.is_set() and len(folder.at.store.objects(NAME)) == len(SHARDS) - 1, process)
    process.kill()
    process.wait()
    go.set()

    store_server.fault = lambda _: None
    assert folder.read_head() is None
    begin = len(store_server.seen)
    folder.upload(SHARDS)
    assert {"train-5", HEAD} == _sent(store_server, begin)
    assert {*SHARDS, HEAD} == {found.name.rpartition("/")[2] for found in folder.at.store.objects(NAME)}


def test_cut_file_of_another_size_is_sent_again(folder: SealedFolder, store_server: StoreServer) -> None:
    _write(folder, "a")
    version = FolderHead((folder.at.path / HEAD).read_bytes(), Tag()).version
    folder.at.store.write(f"{NAME}/{version}/train-2", b"")
    begin = len(store_server.seen)

    folder.upload(SHARDS)

    assert "train-2" in _sent(store_server, begin)


def test_replaced_folder_has_the_new_files_alone(folder: SealedFolder) -> None:
    _write(folder, "a")
    folder.upload(SHARDS)
    old = _head(folder)
    hashes = _write(folder, "b")

    folder.upload(SHARDS, before=old)

    new = _head(folder)
    assert new.version != old.version
    names = {found.name for found in folder.at.store.objects(NAME)}
    assert {f"{NAME}/{HEAD}", *(f"{NAME}/{new.version}/{name}" for name in SHARDS)} == names
    folder.fetch(new, hashes)


def test_reader_of_a_replaced_folder_is_told(folder: SealedFolder, other: SealedFolder) -> None:
    hashes = _write(folder, "a")
    folder.upload(SHARDS)
    read = _head(other)
    _write(folder, "b")
    folder.upload(SHARDS, before=_head(folder))

    with pytest.raises(StoreError, match=f"^{other.at.url} was replaced meanwhile; run the command again$"):
        other.fetch(read, hashes)
    assert other.copied_head() is None


def test_missing_file_is_named(folder: SealedFolder, other: SealedFolder) -> None:
    hashes = _write(folder, "a")
    folder.upload(SHARDS)
    head = _head(other)
    name = f"{NAME}/{head.version}/train-1"
    folder.at.store.remove([name])

    with pytest.raises(StoreError, match=f"/{name} is missing; make {NAME} again$"):
        other.fetch(head, hashes)


def test_damaged_file_is_named(folder: SealedFolder, other: SealedFolder) -> None:
    hashes = _write(folder, "a")
    folder.upload(SHARDS)
    head = _head(other)
    folder.at.store.write(f"{NAME}/{head.version}/train-1", b"other")

    with pytest.raises(StoreError, match=r"/train-1 has other bytes than were uploaded; upload it again$"):
        other.fetch(head, hashes)


def test_second_of_two_first_uploads_is_a_conflict(folder: SealedFolder, other: SealedFolder) -> None:
    hashes = _write(folder, "a")
    _write(other, "b")

    folder.upload(SHARDS)
    with pytest.raises(StoreConflictError, match=f"^{folder.at.url}/{HEAD} was written by another machine meanwhile$"):
        other.upload(SHARDS)

    assert (folder.at.path / HEAD).read_bytes() == _head(other).data
    other.fetch(_head(other), hashes)
    assert (folder.at.path / "train-0").read_bytes() == (other.at.path / "train-0").read_bytes()


def test_second_of_two_replacements_is_a_conflict(
    folder: SealedFolder, other: SealedFolder, store_server: StoreServer
) -> None:
    _write(folder, "a")
    folder.upload(SHARDS)
    before = _head(other)
    hashes = _write(folder, "b")
    _write(other, "c")

    store_server.before_writing(HEAD, lambda: folder.upload(SHARDS, before=before))
    with pytest.raises(StoreConflictError):
        other.upload(SHARDS, before=before)

    assert (folder.at.path / HEAD).read_bytes() == _head(other).data
    other.fetch(_head(other), hashes)
    assert (folder.at.path / "train-0").read_bytes() == (other.at.path / "train-0").read_bytes()


def test_two_uploads_of_the_same_files_both_succeed(
    folder: SealedFolder, other: SealedFolder, store_server: StoreServer
) -> None:
    _write(folder, "a")
    _write(other, "a")

    store_server.before_writing(HEAD, lambda: folder.upload(SHARDS))
    other.upload(SHARDS)

    assert (folder.at.path / HEAD).read_bytes() == _head(other).data


@pytest.mark.parametrize("replaces", [False, True], ids=["new", "replaced"])
def test_head_whose_answer_is_lost_is_written(folder: SealedFolder, store_server: StoreServer, replaces: bool) -> None:
    if replaces:
        _write(folder, "a")
        folder.upload(SHARDS)
    before = folder.read_head()
    hashes = _write(folder, "b")
    losses = iter([LOSE])
    store_server.fault = lambda request: next(losses, None) if request.is_conditional else None

    folder.upload(SHARDS, before=before)

    assert 7 == len(folder.at.store.objects(NAME))
    folder.fetch(_head(folder), hashes)


def test_store_without_conditions_keeps_what_is_there(folder: SealedFolder, store_server: StoreServer) -> None:
    hashes = _write(folder, "a")
    folder.upload(SHARDS)
    before = _head(folder)
    _write(folder, "b")
    store_server.fault = lambda request: Refusal(501, "NotImplemented") if request.is_conditional else None

    with pytest.raises(StoreError, match="has no conditional writes"):
        folder.upload(SHARDS, before=before)

    assert before == folder.read_head()
    folder.fetch(before, hashes)


def _machine(server: StoreServer) -> SealedFolder:
    at = mirrored(open_mirror(server.address) / NAME)
    assert at
    return SealedFolder(at, HEAD)


def _write(folder: SealedFolder, content: str) -> dict[str, str]:
    """Write files of a dataset into a copy; returns their hashes."""
    folder.at.path.mkdir(parents=True, exist_ok=True)
    data = {name: f"{content} {name}".encode() * 10 for name in SHARDS}
    for name, written in data.items():
        (folder.at.path / name).write_bytes(written)
    (folder.at.path / HEAD).write_text(content)
    return {name: xxh128(written) for name, written in data.items()}


def _head(folder: SealedFolder) -> FolderHead:
    head = folder.read_head()
    assert head
    return head


def _files(folder: SealedFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.at.path.iterdir()}


def _sent(server: StoreServer, begin: int) -> set[str]:
    return {request.name.rpartition("/")[2] for request in server.seen[begin:] if request.method == "PUT"}


def _refuse_after(count: int) -> Fault:
    """Take some writes, and refuse all others."""
    taken: set[str] = set()
    lock = threading.Lock()

    def fault(request: Request) -> Refusal | None:
        with lock:
            if request.method == "PUT" and request.name not in taken:
                if len(taken) == count:
                    return Refusal(503)
                taken.add(request.name)
        return None

    return fault


def _hold(name: str, held: threading.Event, go: threading.Event) -> Fault:
    """Let the write of a file wait, and refuse it then."""

    def fault(request: Request) -> Refusal | None:
        if request.method == "PUT" and request.name.endswith(name):
            held.set()
            go.wait()
            return Refusal(503)
        return None

    return fault
