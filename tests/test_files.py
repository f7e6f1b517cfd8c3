from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_128_hexdigest

from kit.errors import WorkspaceError
from kit.files import (
    is_sealed,
    locked,
    refuse_overwrite,
    seal,
    sweep,
    whole_file,
    whole_folder,
    write_together,
    write_whole,
    xxh128_file,
)
from kit.workspace import Workspace


def _fail_halfway(path: Path) -> None:
    with whole_file(path) as temporary:
        temporary.write_bytes(b"half")
        raise InterruptedError


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InterruptedError):
        _fail_halfway(tmp_path / "file.bin")

    assert not list(tmp_path.iterdir())


def test_failure_keeps_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"earlier")

    with pytest.raises(InterruptedError):
        _fail_halfway(path)

    assert path.read_bytes() == b"earlier"
    assert [path] == list(tmp_path.iterdir())


def test_file_is_replaced_only_when_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"earlier")

    with whole_file(path) as temporary:
        temporary.write_bytes(b"later")
        during = path.read_bytes()

    assert during == b"earlier"
    assert path.read_bytes() == b"later"
    assert [path] == list(tmp_path.iterdir())


def test_open_reader_of_a_replaced_file_keeps_the_earlier_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"earlier")

    with path.open("rb") as reader:
        write_whole(path, b"later")

        assert reader.read() == b"earlier"


def test_nothing_written_is_an_error_and_keeps_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"earlier")

    with pytest.raises(FileNotFoundError), whole_file(path):
        pass

    assert path.read_bytes() == b"earlier"


def test_temporary_name_is_hidden_and_keeps_the_ending(tmp_path: Path) -> None:
    with whole_file(tmp_path / "best.weights.h5") as temporary:
        temporary.touch()

    assert temporary.name.startswith(".")
    assert temporary.name.endswith(".weights.h5")
    assert temporary.parent == tmp_path


def test_sweep_removes_what_a_killed_process_had_begun_and_nothing_else(tmp_path: Path) -> None:
    code = f"import os, pathlib, kit.files as f; f.whole_file(pathlib.Path({str(tmp_path / 'new.bin')!r})).__enter__()"
    killed = f"{code}.write_bytes(b'half'); os._exit(9)"
    subprocess.run([sys.executable, "-c", killed], check=False)
    (tmp_path / "old.bin").write_bytes(b"whole")
    (tmp_path / ".hidden").touch()
    before = len(list(tmp_path.iterdir()))
    sweep(tmp_path)

    assert before == 3
    assert {tmp_path / "old.bin", tmp_path / ".hidden"} == set(tmp_path.iterdir())


def test_a_folder_appears_whole_and_replaces_what_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "model"
    for content in ("first", "second"):
        with whole_folder(path) as temporary:
            (temporary / "part").mkdir()
            (temporary / "part" / f"{content}.txt").write_text(content)

            assert temporary != path

    assert [path] == list(path.parent.iterdir())
    assert [path / "part", path / "part" / "second.txt"] == sorted(path.rglob("*"))


def test_a_folder_that_fails_leaves_what_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "model"
    write_whole(path / "old.txt", "old")
    with pytest.raises(FileNotFoundError), whole_folder(path) as temporary:
        (temporary / "new.txt").rename(temporary / "nothing" / "new.txt")

    assert [path] == list(tmp_path.iterdir())
    assert [path / "old.txt"] == list(path.iterdir())


def test_what_a_killed_process_has_begun_of_a_folder_goes_with_the_next_one(tmp_path: Path) -> None:
    code = f"import os, pathlib, kit.files as f; begun = f.whole_folder(pathlib.Path({str(tmp_path / 'model')!r}))"
    killed = f"{code}; begun.__enter__().joinpath('half').touch(); os._exit(9)"
    subprocess.run([sys.executable, "-c", killed], check=False)
    subprocess.run([sys.executable, "-c", killed], check=False)
    before = list(tmp_path.rglob("*"))
    sweep(tmp_path)

    assert ("half", 2) == (before[-1].name, len(before))
    assert not list(tmp_path.iterdir())


KILLED = """
import os, pathlib, sys
import kit.files as f
stop = getattr(f, sys.argv[2])
count = 0
def dying(*given):
    global count
    count += 1
    if count == int(sys.argv[3]):
        os._exit(9)
    return stop(*given)
setattr(f, sys.argv[2], dying)
f.write_together(pathlib.Path(sys.argv[1]), {"one.csv": "new", "two.png": b"new"})
"""


def test_files_written_together_make_a_new_folder_or_join_one_that_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    first = write_together(folder, {"one.csv": "1", "two.png": b"2"})
    (folder / "mine.txt").write_text("mine")
    second = write_together(folder, {"two.png": b"3", "three.csv": "é"})

    assert [folder / "one.csv", folder / "two.png"] == first
    assert [folder / "two.png", folder / "three.csv"] == second
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {"one.csv": b"1", "two.png": b"3", "three.csv": "é".encode(), "mine.txt": b"mine"} == content
    assert [folder] == list(folder.parent.iterdir())


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize(("step", "at"), [("_write_new", 1), ("_write_new", 2), ("_to_disk", 1), ("publish", 1)])
def test_a_kill_while_files_are_written_together_leaves_none_of_them(
    tmp_path: Path, step: str, at: int, *, is_new: bool
) -> None:
    folder = tmp_path / "report"
    if not is_new:
        write_together(folder, {"one.csv": "old", "two.png": b"old"})
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder), step, str(at)], check=False)

    assert (0 if step == "publish" and not is_new else 9) == killed.returncode
    expected = {} if is_new else dict.fromkeys(("one.csv", "two.png"), b"old" if killed.returncode else b"new")
    shown = {path.name: path.read_bytes() for path in folder.glob("[!.]*")}
    assert expected == shown

    write_together(folder, {"one.csv": "new", "two.png": b"new"})
    assert {"one.csv", "two.png"} == {path.name for path in folder.iterdir()}
    assert [folder] == list(tmp_path.iterdir())


def test_files_that_cannot_be_written_together_are_told_by_their_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"File name too long: '.*/report'") as refused:
        write_together(tmp_path / "report", {"one.csv": "1", "x" * 300: "2"})

    assert str(tmp_path / "report") == refused.value.filename
    assert not list(tmp_path.iterdir())


@given(st.binary())
def test_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "some" / "folder" / "file.bin"
    write_whole(path, data)

    assert data == path.read_bytes()
    assert xxh3_128_hexdigest(data) == xxh128_file(path)


def test_text_is_written_as_utf8_without_changed_line_ends(tmp_path: Path) -> None:
    write_whole(tmp_path / "file.txt", "µ\r\n…\n")

    assert (tmp_path / "file.txt").read_bytes() == b"\xc2\xb5\r\n\xe2\x80\xa6\n"


@pytest.mark.parametrize("size", [0, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_hash_does_not_depend_on_how_the_file_is_read(tmp_path: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + b"\7" * (size % 256)
    (tmp_path / "file.bin").write_bytes(data)

    assert xxh3_128_hexdigest(data) == xxh128_file(tmp_path / "file.bin")


HOLD = """
import sys, time
from pathlib import Path
from kit.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_what_another_process_writes_is_refused_until_it_is_done(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "first"
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert "held\n" == holder.stdout.readline()
        with pytest.raises(WorkspaceError, match=f"another kit command is writing {re.escape(str(folder))}"):
            locked(folder).__enter__()
        holder.communicate()

    with locked(folder):
        assert [".first.lock"] == [path.name for path in folder.parent.iterdir()]
    assert not list(folder.parent.iterdir())


def test_a_killed_process_locks_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "first"
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
        holder.wait()

    with locked(folder):
        pass
    assert not list(tmp_path.iterdir())


def test_a_target_that_is_a_folder_is_named_as_the_user_knows_it(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    with pytest.raises(IsADirectoryError) as caught:
        write_whole(tmp_path / "out", "text")
    assert str(tmp_path / "out") == caught.value.filename
    assert [tmp_path / "out"] == list(tmp_path.iterdir())


def test_existing_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    path.touch()

    with pytest.raises(WorkspaceError, match=re.escape(f"{path} exists")):
        refuse_overwrite(path, force=False)


def test_free_name_and_force_are_not_refused(tmp_path: Path) -> None:
    refuse_overwrite(tmp_path / "free.csv", force=False)
    refuse_overwrite(tmp_path, force=True)


def test_workspace_is_the_argument_before_the_environment_before_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KIT_ROOT", raising=False)
    current = Workspace.at()
    monkeypatch.setenv("KIT_ROOT", str(tmp_path))

    assert current.datasets == Path("tfrecords")
    assert Workspace.at().runs == tmp_path / "runs"
    assert Workspace.at(tmp_path / "other").submissions == tmp_path / "other" / "submissions"


@given(data=st.binary(max_size=200), place=st.integers(0), bit=st.integers(0, 7), lost=st.integers(1))
def test_any_change_breaks_a_seal(
    data: bytes, place: int, bit: int, lost: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("sealed") / "file.bin"
    path.write_bytes(data)
    seal(path)
    sealed = path.read_bytes()
    changed = bytearray(sealed)
    changed[place % len(sealed)] ^= 1 << bit

    assert is_sealed(path)
    assert data == sealed[: len(data)]
    for damaged in (changed, sealed[: -1 - lost % len(sealed)], sealed + b"more", b""):
        path.write_bytes(damaged)
        assert not is_sealed(path)
