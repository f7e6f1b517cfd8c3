"""Files that change while they are read, exceed the memory, or have odd names or folders: each becomes a reject."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

import kit
from kit.audits.image_facts import MeasureTask, measure_images, storing_spec
from kit.errors import SourceError
from kit.sources.class_folders import read_folder
from kit.specs.source import SourceSpec

CHANGED = "cannot be read: it is no longer a file, but a device, a pipe or a folder"
IN_LITTLE_MEMORY = """
import resource, sys
import kit, kit.images.stored_image, kit.conversion.write_shard

source, root, free = sys.argv[1], sys.argv[2], int(sys.argv[3])
kit.shard(source, name="first", root=root, workers=1)  # everything is imported
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + free, used + free))
kit.shard(source, name="second", root=root, workers=1, max_rejects=1)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of six images each."""
    generator = np.random.default_rng(0)
    for number in range(12):
        path = tmp_path / "images" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), generator.integers(0, 255, (8, 8, 3), np.uint8))
    return tmp_path / "images"


@pytest.fixture
def deep(folder: Path) -> Iterator[Path]:
    """Folders 1,000 levels below a class, longer than any path may be."""
    here = os.open(".", os.O_RDONLY)
    os.chdir(folder / "a")
    for _ in range(1000):
        os.mkdir("deep")  # noqa: PTH102 (pathlib knows no path of that length)
        os.chdir("deep")
    os.fchdir(here)
    os.close(here)
    yield folder
    subprocess.run(["rm", "-rf", str(folder / "a" / "deep")], check=True)


def _problem(folder: Path, change: Callable[[Path], None]) -> str:
    """Say why an image is not stored that changed after its folder was listed."""
    records, _ = read_folder(SourceSpec(folder=str(folder)))
    path = records[0].file.path
    path.unlink()
    change(path)
    first, *others = measure_images(MeasureTask(tuple(records), storing_spec("none")))

    assert {""} == {fact.problem for fact in others}
    return first.problem


@pytest.mark.parametrize(
    "change",
    [lambda path: path.symlink_to("/dev/zero"), os.mkfifo, lambda path: path.mkdir()],
    ids=["device", "pipe", "folder"],
)
def test_a_file_that_became_a_device_a_pipe_or_a_folder_is_a_reject(
    folder: Path, change: Callable[[Path], None]
) -> None:
    assert CHANGED == _problem(folder, change)


def test_a_file_that_grows_while_it_is_read_is_a_reject(folder: Path) -> None:
    """/proc/cpuinfo is a file of 0 bytes by its status, and has some when it is read."""
    if not Path("/proc/cpuinfo").exists():
        pytest.skip("no /proc")

    assert "cannot be read: it grew while it was read" == _problem(
        folder, lambda path: path.symlink_to("/proc/cpuinfo")
    )


def test_a_file_that_was_rewritten_since_it_was_listed_is_read_whole(folder: Path) -> None:
    assert "" == _problem(folder, lambda path: path.write_bytes((folder / "b" / "1.png").read_bytes() + bytes(5000)))


def test_a_file_larger_than_the_memory_is_a_reject(folder: Path) -> None:
    def hollow(path: Path) -> None:
        path.touch()
        os.truncate(path, 1 << 42)

    try:
        problem = _problem(folder, hollow)
    except OSError:
        pytest.skip("this file system takes no file of 4 TiB")

    assert problem.startswith("cannot be read: it has 4,398.05 GB, and ")
    assert problem.endswith(" of memory are free")


@pytest.mark.parametrize(
    ("free", "reason"),
    [(100, "needs 144.00 MB of memory to decode its 6000x6000 pixels, and "), (170, "needs more memory than is free")],
)
@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited and measured on Linux")
def test_an_image_that_needs_more_memory_than_there_is_is_a_reject(folder: Path, free: int, reason: str) -> None:
    """Before it is decoded where its header tells, and in the middle of it where that was not enough."""
    large = folder / "b" / "large.png"
    cv2.imwrite(str(large), np.zeros((6000, 6000), np.uint8))
    root = folder.parent
    arguments = [sys.executable, "-c", IN_LITTLE_MEMORY, str(folder), str(root), str(free << 20)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stderr
    with (root / "tfrecords" / "second" / "rejects.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert str(large) == row["input"]
    assert row["reason"].startswith(reason)
    assert not (root / "tfrecords" / "first" / "rejects.csv").exists()


def test_folders_a_thousand_deep_are_one_reject(deep: Path) -> None:
    records, rejects = read_folder(SourceSpec(folder=str(deep)))

    assert 12 == len(records)
    assert [("cannot be followed: File name too long", True)] == [(one.reason, one.is_bad) for one in rejects]
    assert rejects[0].name.startswith(f"{deep}/a/deep/deep/")


def test_names_that_are_not_utf8_of_files_that_are_no_images_are_listed(folder: Path) -> None:
    try:
        (folder / "a" / os.fsdecode(b"\xe9.txt")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    dataset = kit.shard(folder, name="named", root=folder.parent, workers=1)

    with (dataset.folder / "rejects.csv").open(newline="") as file:
        assert [[rf"{folder}/a/\xe9.txt", "no image by its ending (.txt)"]] == list(csv.reader(file))[1:]


def test_a_source_whose_own_name_is_not_utf8_is_refused_by_name(folder: Path) -> None:
    try:
        odd = folder.rename(folder.with_name(os.fsdecode(b"\xe9")))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")

    with pytest.raises(SourceError, match=r"\\udce9' is not UTF-8; rename the file"):
        read_folder(SourceSpec(folder=str(odd)))
