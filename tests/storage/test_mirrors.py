"""Copies on a machine, notes that machines write in turn, and room for copies."""

from __future__ import annotations

from pathlib import Path

import pytest
from stores import StoreServer

from kit.errors import SpecError
from kit.storage import Address, fetch_note, keep_note, mirrored, open_mirror, room_for_copies, shown

ADDRESS = Address("s3", "lab", "retina")
NOTE = "runs/search/ablation.json"


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_paths_of_a_copy_have_addresses(cache: Path) -> None:
    top = open_mirror(ADDRESS)
    path = top / "runs" / "search" / "arm-0" / "model.weights.h5"

    at = mirrored(path)

    assert at
    assert (ADDRESS, "runs/search/arm-0/model.weights.h5", path) == (at.address, at.name, at.path)
    assert "s3://lab/retina/runs/search/arm-0/model.weights.h5" == at.url == shown(path)
    assert cache in path.parents


def test_paths_elsewhere_have_none(cache: Path, tmp_path: Path) -> None:
    open_mirror(ADDRESS)

    assert mirrored(cache / "a") is None
    assert str(tmp_path / "a") == shown(tmp_path / "a")


@pytest.mark.usefixtures("cache")
def test_relative_paths_of_a_copy_have_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(open_mirror(ADDRESS))

    assert "s3://lab/retina/runs/a" == shown(Path("runs/a"))


def test_copy_is_the_same_every_time_and_no_others(cache: Path) -> None:
    others = [Address("gs", "lab", "retina"), Address("s3", "lab"), Address("s3", "lab", "retina/2")]

    assert open_mirror(ADDRESS) == open_mirror(ADDRESS)
    assert 4 == len({open_mirror(address) for address in (ADDRESS, *others)}) == len(list(cache.iterdir()))


@pytest.mark.usefixtures("cache")
def test_damaged_mark_of_a_copy_is_written_anew() -> None:
    folder = open_mirror(ADDRESS)
    (folder / ".store").write_text("s3://other")

    assert "s3://lab/retina/runs/a" == shown(open_mirror(ADDRESS) / "runs" / "a")


def test_copies_lie_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KIT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert tmp_path / "xdg" / "kit" / "stores" == open_mirror(ADDRESS).parent

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert tmp_path / "home" / ".cache" / "kit" / "stores" == open_mirror(ADDRESS).parent


def test_relative_cache_is_below_the_current_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KIT_CACHE", "cache")

    assert tmp_path / "cache" == open_mirror(ADDRESS).parent


def test_note_of_one_machine_is_fetched_by_another(store_server: StoreServer, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = _two_machines(store_server, monkeypatch)
    here.write_text("1")

    assert fetch_note(there) is None
    assert not there.exists()
    assert keep_note(here, fetch_note(here))
    assert fetch_note(there) == fetch_note(here)

    assert "1" == there.read_text()


def test_note_that_another_machine_wrote_meanwhile_is_kept(
    store_server: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = _two_machines(store_server, monkeypatch)
    here.write_text("1")
    keep_note(here, None)
    before = fetch_note(there)
    here.write_text("2")
    assert keep_note(here, before)
    there.write_text("3")

    assert not keep_note(there, before)
    assert not keep_note(there, None)
    assert fetch_note(there)
    assert "2" == there.read_text()


def test_note_fetched_again_is_not_rewritten(store_server: StoreServer, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = _two_machines(store_server, monkeypatch)
    here.write_text("1")
    keep_note(here, None)
    fetch_note(there)
    before = there.stat().st_ino

    fetch_note(there)

    assert before == there.stat().st_ino


def test_notes_without_a_store_are_files(tmp_path: Path) -> None:
    note = tmp_path / "ablation.json"

    assert fetch_note(note) is None
    assert keep_note(note, None)
    assert not note.exists()


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("value", ["", "many", "0", "-1", "nan", "inf", "1 GB"])
def test_malformed_limit_of_copies_is_repeated(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("KIT_CACHE_GB", value)

    with pytest.raises(SpecError) as raised:
        room_for_copies(open_mirror(ADDRESS))
    assert f"KIT_CACHE_GB must be a number of gigabytes above 0, got '{value}'" == str(raised.value)


def test_shards_of_all_copies_count_against_the_limit(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CACHE_GB", "0.000001")
    for address in (ADDRESS, Address("gs", "lab")):
        shard = open_mirror(address) / "tfrecords" / "retina" / "train-0.tfrecord"
        shard.parent.mkdir(parents=True)
        shard.write_bytes(bytes(300))
        (shard.parent / "manifest.json").write_bytes(bytes(1000))
    (shard.parent / "link.tfrecord").symlink_to("nowhere")

    assert 400 == room_for_copies(cache)
    shard.write_bytes(bytes(2000))
    assert 0 == room_for_copies(cache)


def test_disk_keeps_a_reserve(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIT_CACHE_GB", raising=False)
    free = room_for_copies(open_mirror(ADDRESS))
    monkeypatch.setattr("kit.storage.room._RESERVE", 1 << 60)

    assert free >= 0
    assert 0 == room_for_copies(cache)


def _two_machines(server: StoreServer, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return the file of a note in the copies of two machines, the first of which has its folder."""
    here = open_mirror(server.address) / NOTE
    here.parent.mkdir(parents=True)
    monkeypatch.setenv("KIT_CACHE", str(here.parents[3] / "other"))
    return here, open_mirror(server.address) / NOTE
