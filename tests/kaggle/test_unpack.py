"""What strangers give: archives, notes and folders that would write, delete or fill where they must not."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import struct
import subprocess
import unicodedata
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PureWindowsPath

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mutations import json_mutations
from standin import SLUG, Game, StandIn

import kit
from kit.errors import KaggleError, KitError, SpecError, WorkspaceError
from kit.kaggle.archives import unpack
from kit.kaggle.fetch import Fetched
from kit.kaggle.find_sample import sample_in
from kit.kaggle.member_names import clashes, folds_case, walk, why_unsafe
from kit.kaggle.retries import Retries
from kit.kaggle.shard_suggestion import shard_command

FILES = {"labels.csv": b"id,label\n1,0\n", "train/1.tif": b"1" * 300, "train/2.tif": b"2" * 200}
CALM = Retries(connect_timeout=5, read_timeout=5, attempts=2, backoff=0.01)


def written(path: Path, files: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in files.items():
            with warnings.catch_warnings(action="ignore"):  # zipfile cuts names at NUL, so that two may become one
                archive.writestr(zipfile.ZipInfo(name), data, how)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def game(standin: StandIn, tmp_path: Path) -> Game:
    standin.games[SLUG] = Game(files=FILES, archive=written(tmp_path / "served.zip", FILES).read_bytes())
    return standin.games[SLUG]


def fetch(root: Path, *, force: bool = False) -> Fetched:
    return kit.fetch(SLUG, root=root, force=force, retries=CALM)


# Archives: methods and sizes.


@pytest.mark.parametrize(("how", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")])
def test_methods_that_may_take_any_memory_are_refused_before_anything_is_read(
    how: int, name: str, tmp_path: Path
) -> None:
    archive = written(tmp_path / "odd.zip", {"a.csv": bytes(1000)}, how)
    with pytest.raises(KaggleError, match=rf"'a.csv' is packed by {name}, and kit unpacks stored and deflated files"):
        unpack(archive, tmp_path / "folder")

    assert ["odd.zip"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_stored_and_deflated_files_come_out_whole(how: int, tmp_path: Path) -> None:
    archive = written(tmp_path / "good.zip", {**FILES, "./dot/a": b"a", "b//c": b"c"}, how)
    unpacked = unpack(archive, tmp_path / "folder")

    assert {**FILES, "dot/a": b"a", "b/c": b"c"} == contents(tmp_path / "folder")
    assert {name: len(data) for name, data in contents(tmp_path / "folder").items()} == unpacked


def patched(archive: Path, field: int, value: bytes, *, also_local: bool) -> Path:
    """Change a field of every entry: at `field` in the central directory, four bytes earlier in the local header."""
    data = archive.read_bytes()
    places = [(b"PK\x01\x02", field), *([(b"PK\x03\x04", field - 2)] if also_local else [])]
    for mark, offset in places:
        begin = data.find(mark)
        while begin >= 0:
            data = data[: begin + offset] + value + data[begin + offset + len(value) :]
            begin = data.find(mark, begin + 4)
    archive.write_bytes(data)
    return archive


@pytest.mark.parametrize("also_local", [False, True])
@pytest.mark.parametrize("declared", [0, 10, 999_999, 1_000_001, 3_000_000_000])
def test_no_more_is_written_than_was_declared(declared: int, also_local: bool, tmp_path: Path) -> None:
    archive = written(tmp_path / "lies.zip", {"a.bin": bytes(1_000_000)})
    patched(archive, 24, struct.pack("<I", declared), also_local=also_local)
    with pytest.raises(KaggleError, match=r"is damaged|is not safe to unpack"):
        unpack(archive, tmp_path / "folder")

    assert sum(map(len, contents(tmp_path / "folder").values())) <= min(declared, 1_000_000)


def test_a_method_that_lies_is_damaged(tmp_path: Path) -> None:
    archive = patched(
        written(tmp_path / "lies.zip", {"a": bytes(5000)}, zipfile.ZIP_BZIP2), 10, b"\x08\0", also_local=True
    )
    with pytest.raises(KaggleError, match="is damaged"):
        unpack(archive, tmp_path / "folder")


def test_the_limit_is_of_bytes_written_whatever_is_declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = written(tmp_path / "bomb.zip", {f"{one}.bin": bytes(3_000_000) for one in range(3)})
    monkeypatch.setattr("kit.kaggle.archives._HARMLESS", 4_000_000)
    monkeypatch.setattr("kit.kaggle.archives.refuse_unsafe", lambda *_: None)  # as if the list had looked harmless
    with pytest.raises(KaggleError, match=r"kB became 3.00 MB and more"):
        unpack(archive, tmp_path / "folder")

    assert sum(map(len, contents(tmp_path / "folder").values())) <= 4_000_000


def test_archives_within_archives_are_unpacked_once_and_never_further(tmp_path: Path, game: Game) -> None:
    inner, name = written(tmp_path / "0.zip", {"a.txt": b"a"}), "0.zip"
    for level in range(1, 150):
        inner, name = written(tmp_path / f"{level}.zip", {name: inner.read_bytes()}), f"{level}.zip"
    game.files = {"all.zip": inner.read_bytes()}
    game.archive = inner.read_bytes()
    folder = fetch(tmp_path).folder

    assert {"148/147.zip"} == {name for name in contents(folder) if not name.startswith(".")}


# Archives: names.

BAD = {
    "": "is no name",
    ".": "is no name",
    "./.": "is no name",
    "a/ /b": "is no name",
    "../a": "leads out",
    "a/../../b": "leads out",
    "..\\a": "leads out",
    "/a": "leads out",
    "\\a": "leads out",
    "C:\\a": "leads out",
    "c:a": "leads out",
    "//host/share/a": "leads out",
    "con": "is a device",
    "a/NUL.txt": "is a device",
    "aux /b": "is a device",
    "com1:x": "is a device",
    "a\0b": "cannot be seen",
    "a\nb": "cannot be seen",
    "a\x1b[2Jb": "cannot be seen",
    "a\u202etxt.exe": "cannot be seen",
    "/".join(["a"] * 100): "50 folders deep",
    "a" * 256: "longer than file systems take",
    "é" * 128: "longer than file systems take",
    "/".join(["a" * 200] * 6): "longer than file systems take",
    ".fetched.json": "file of kit's own",
    "train/.Fetched.JSON": "file of kit's own",
    ".unpacking/a": "file of kit's own",
    f".{SLUG}.zip": "file of kit's own",
    f"..{SLUG}.zip.part": "file of kit's own",
    ".labels.csv.part.json": "file of kit's own",
    ".12.tmp.labels.csv": "file of kit's own",
    ".data.lock": "file of kit's own",
}


@pytest.mark.parametrize(("name", "why"), BAD.items(), ids=map(ascii, BAD))
def test_names_that_can_be_no_file_below_a_folder_are_refused(name: str, why: str, tmp_path: Path) -> None:
    assert why in why_unsafe(name)
    archive = written(tmp_path / "bad.zip", {"good.txt": b"", name.replace("\0", "~") or "x": b""})
    data = archive.read_bytes()  # the zip module writes no empty names and no NULs, so they are put in afterwards
    archive.write_bytes(data.replace(b"a~b", b"a\0b") if name else nameless(data))
    with pytest.raises(KaggleError, match=r"not safe to unpack|is damaged"):
        unpack(archive, tmp_path / "folder")

    assert ["bad.zip"] == [path.name for path in tmp_path.iterdir()]


def nameless(data: bytes) -> bytes:
    """Take the name x away from an archive's last file, in both its headers."""
    central = data.rfind(b"PK\x01\x02")
    local = data.rfind(b"PK\x03\x04")
    end = data.rfind(b"PK\x05\x06")
    head = data[local : local + 26] + b"\0\0" + data[local + 28 : local + 30] + data[local + 31 : local + 31]
    files = data[data.find(b"PK\x01\x02") : central]
    last = data[central : central + 28] + b"\0\0" + data[central + 30 : central + 46]
    begin = local + len(head)
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 2, 2, len(files) + len(last), begin, 0)
    assert end > central
    return data[:local] + head + files + last + tail


@pytest.mark.parametrize(
    "name",
    ["a b.csv", "train/ä.png", "日本/1.png", ".DS_Store", "__MACOSX/._a", "10:30:00.png", "console/1", "...a"],
)
def test_names_that_are_only_unusual_are_taken(name: str) -> None:
    assert "" == why_unsafe(name)


@given(st.text(st.sampled_from("aCoOnN1m_. -/\\"), max_size=12))
def test_plain_names_are_those_that_a_closer_look_finds_nothing_in(name: str) -> None:
    from kit.kaggle import member_names as members

    if members._PLAIN.fullmatch(name):  # noqa: SLF001 (the short cut must agree with what it spares)
        steps = PureWindowsPath(name).parts
        assert "" == members._why_no_path(name, steps) + members._why_unwelcome(name, steps)  # noqa: SLF001


LETTERS = st.text(st.sampled_from("abAB./\\: é\u0301ßK\u212a\0\n\u202e~"), min_size=1, max_size=10)
NAMES = st.lists(
    st.one_of(LETTERS, st.text(min_size=1, max_size=6), st.sampled_from([*BAD][1:])), min_size=1, max_size=4
)


@settings(max_examples=150)
@given(names=NAMES)
@example(names=["a", "a/b"])
@example(names=["a/b", "a//b"])
@example(names=["./a", "a"])
@example(names=[":", "/\0"])
def test_whatever_its_names_an_archive_is_unpacked_whole_or_refused_and_stays_in_its_folder(
    names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    top = tmp_path_factory.mktemp("any")
    cut = [name.partition("\0")[0] for name in names]  # as zipfile writes them
    named = [name for name, kept in zip(names, cut, strict=True) if not kept.endswith("/")]
    files = {name: str(number).encode() for number, name in enumerate(named)}
    with contextlib.suppress(UnicodeEncodeError):  # half characters
        written(top / "any.zip", files)
        folder = top / "in" / "folder"
        try:
            unpacked = unpack(top / "any.zip", folder)
        except KaggleError:
            unpacked = {}
        found = contents(folder)

        assert unpacked.keys() == found.keys()
        assert not unpacked or sorted(files.values()) == sorted(found.values())
        assert {"any.zip", *(f"in/folder/{name}" for name in found)} == contents(top).keys()
        assert all(Path(os.path.realpath(folder / name)).is_relative_to(folder) for name in unpacked)


def test_names_that_differ_in_capitals_stand_side_by_side_only_where_the_file_system_tells_them_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decomposed = unicodedata.normalize("NFD", "é")
    names = ["train/A.png", "train/a.png", "é", decomposed, "x", "X/y"]
    (tmp_path / "a").touch()
    assert (tmp_path / "A").exists() == folds_case(tmp_path) == folds_case(tmp_path / "not" / "there")
    assert [] == list(clashes(names, tmp_path)) or folds_case(tmp_path)

    monkeypatch.setattr("kit.kaggle.member_names.folds_case", lambda _: True)  # as macOS and Windows do
    assert [
        "two files have the same name 'train/a.png' but for capitals",
        f"two files have the same name {decomposed!r} but for capitals",
        "'X/y' lies below a file but for capitals",
    ] == list(clashes(names, tmp_path))
    assert [] == list(clashes(FILES, tmp_path))


# Notes: what they name is never a path before it is checked.


def forged(root: Path, *names: str) -> Path:
    """Write the note of a folder that somebody gave: whole, of the right source, and with files that Kaggle lacks."""
    folder = root / "data" / SLUG
    folder.mkdir(parents=True)
    note = {"source": SLUG, "is_whole": True, "files": dict.fromkeys(names, 6), "remarks": []}
    (folder / ".fetched.json").write_text(json.dumps(note))
    return folder


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "way", ["../../victim", "train/../../../victim", "{root}/victim", "..\\..\\victim", ".fetched.json", "./.", ""]
)
@pytest.mark.usefixtures("game")
def test_a_note_deletes_nothing_outside_its_folder(way: str, force: bool, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine!!")
    folder = forged(tmp_path, way.format(root=tmp_path))
    with contextlib.nullcontext() if force else pytest.raises(SpecError, match=r"\.fetched\.json names .* force=True"):
        fetch(tmp_path, force=force)

    assert "mine!!" == victim.read_text()
    assert force == (folder / "labels.csv").is_file()


@pytest.mark.usefixtures("game")
def test_a_note_deletes_nothing_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    victim = tmp_path / "elsewhere" / "victim"
    victim.write_text("mine!!")
    folder = forged(tmp_path, "link/victim")
    (folder / "link").symlink_to(victim.parent)
    done = fetch(tmp_path, force=True)

    assert ("no longer on Kaggle, but changed here and kept: link/victim (1)",) == done.remarks
    assert "mine!!" == victim.read_text()


@pytest.mark.usefixtures("game")
def test_a_file_behind_a_link_is_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "data" / SLUG).mkdir(parents=True)
    (tmp_path / "data" / SLUG / "train").symlink_to(tmp_path)
    with pytest.raises(WorkspaceError, match=r"train/1.tif lies behind a link .*; choose another output="):
        kit.fetch(SLUG, files=["train/1.tif"], root=tmp_path, retries=CALM)


@pytest.mark.parametrize("name", ["../x", "/x", ".fetched.json", "nul"])
def test_names_of_wanted_files_are_checked_first(name: str, tmp_path: Path, standin: StandIn) -> None:
    with pytest.raises(SpecError, match=r"^files= "):
        kit.fetch(SLUG, files=[name], root=tmp_path)

    assert not standin.seen


def test_a_file_that_is_gone_from_kaggle_but_changed_here_is_kept(tmp_path: Path, game: Game) -> None:
    folder = fetch(tmp_path).folder
    (folder / "labels.csv").write_text("mine")
    game.files = {name: data for name, data in FILES.items() if name != "labels.csv"}
    game.archive = written(tmp_path / "served.zip", game.files).read_bytes()
    done = fetch(tmp_path)

    assert ("no longer on Kaggle, but changed here and kept: labels.csv (1)",) == done.remarks
    assert "mine" == (folder / "labels.csv").read_text()


@pytest.mark.parametrize("place", [".unpacking", f"..{SLUG}.zip.part"])
@pytest.mark.usefixtures("game")
def test_a_link_in_place_of_kits_own_files_leads_nowhere(place: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").write_text("mine")
    folder = tmp_path / "data" / SLUG
    folder.mkdir(parents=True)
    (folder / place).symlink_to(tmp_path / "elsewhere")
    fetch(tmp_path, force=True)

    assert {"mine": b"mine"} == contents(tmp_path / "elsewhere")
    assert FILES == {name: data for name, data in contents(folder).items() if not name.startswith(".")}


@pytest.mark.usefixtures("game")
def test_a_note_of_an_older_version_is_read(tmp_path: Path, standin: StandIn) -> None:
    note = fetch(tmp_path).folder / ".fetched.json"
    told = json.loads(note.read_text())
    del told["seal"]
    note.write_text(json.dumps(told))
    standin.seen.clear()

    assert not fetch(tmp_path).is_new
    assert not standin.seen


@pytest.mark.usefixtures("game")
def test_no_change_of_a_note_is_silent(tmp_path: Path) -> None:
    first = fetch(tmp_path)
    note, before = first.folder / ".fetched.json", contents(first.folder)
    counts: dict[str, list[str]] = {"refused": [], "harmless": [], "silent": []}
    for what, mutated in json_mutations(note.read_bytes()):
        note.write_bytes(mutated)
        try:
            same = Fetched(**{**vars_of(fetch(tmp_path)), "is_new": True}) == first
        except KitError as error:
            counts["refused" if str(note) in str(error) or "holds files of" in str(error) else "silent"].append(what)
            continue
        files = contents(first.folder).keys() - {".hashes.json"}  # which says what was read before
        counts["harmless" if same and files == before.keys() else "silent"].append(what)

    assert [] == counts["silent"]
    assert counts["refused"]


def vars_of(fetched: Fetched) -> dict[str, object]:
    return dataclasses.asdict(fetched)


# Folders of any depth.


@pytest.fixture
def top(tmp_path: Path) -> Iterator[Path]:
    """A folder that is removed by a program that does not recurse, as pytest's own way does."""
    (tmp_path / "top").mkdir()
    yield tmp_path / "top"
    subprocess.run(["rm", "-rf", tmp_path / "top"], check=True)


def deep(path: Path, levels: int) -> None:
    """Make folders within folders, further than recursion goes; a path may have 4,096 bytes."""
    for _ in range(levels):
        path /= "d"
        path.mkdir()


def test_folders_of_any_depth_are_walked(top: Path) -> None:
    deep(top, 1500)
    (top / "Sample_Submission.csv").write_text("id,label\n")

    assert 1501 == sum(1 for _ in walk(top))
    assert top / "Sample_Submission.csv" == sample_in(top)
    assert None is shard_command(top, "deep")


@pytest.mark.usefixtures("game")
def test_what_a_killed_call_left_is_removed_to_any_depth(top: Path) -> None:
    stage = top / "data" / SLUG / ".unpacking"
    stage.mkdir(parents=True)
    deep(stage, 1500)
    (stage / "link").symlink_to(top)
    fetch(top, force=True)

    assert not stage.exists()
    assert FILES == {name: data for name, data in contents(stage.parent).items() if not name.startswith(".")}


# Thousands of changed archives.


def flipped(data: bytes, rng: np.random.Generator) -> bytes:
    """Change a few bytes, half of them in the headers at the end."""
    changed = bytearray(data)
    directory = data.find(b"PK\x01\x02")
    for _ in range(rng.integers(1, 5)):
        begin = directory if rng.random() < 0.5 else 0
        changed[rng.integers(begin, len(data))] = rng.choice([0, 1, 0x2F, 0x5C, 0xFF, rng.integers(256)])
    return bytes(changed)


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    begin, end = sorted(rng.integers(0, len(data), 2))
    return data[:begin] + data[end:]


@pytest.mark.slow
@pytest.mark.parametrize("change", [flipped, cut])
def test_thousands_of_changed_archives_are_unpacked_as_they_were_or_refused(
    change: Callable[[bytes, np.random.Generator], bytes], tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    files = {"a.csv": b"id,label\n" * 30, "train/1.tif": bytes(range(256)), "train/2.tif": b"", "é/x": b"x"}
    data = written(tmp_path / "good.zip", files).read_bytes()
    archive, good = tmp_path / "in" / "changed.zip", set(files.values())
    counts = {"unpacked": 0, "refused": 0}
    for number in range(3000):
        archive.parent.mkdir()
        archive.write_bytes(change(data, rng))
        try:
            unpack(archive, archive.parent / "folder")
            counts["unpacked"] += 1
            assert set(contents(archive.parent / "folder").values()) <= good, number
        except KaggleError:
            counts["refused"] += 1
        assert {"good.zip", "in"} == {path.name for path in tmp_path.iterdir()}, number
        assert {"changed.zip", "folder"} >= {path.name for path in archive.parent.iterdir()}, number
        shutil.rmtree(archive.parent)

    assert min(counts.values()) > 0
