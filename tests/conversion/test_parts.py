"""Parts of a dataset, written by several commands and joined by one: the bytes are those of a single command."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from kit import locks
from kit.conversion import shard
from kit.conversion.build_part import ShardedPart
from kit.conversion.write_shard import summary_path
from kit.datasets.dataset import read_dataset
from kit.errors import BusyError, KitError, ShardError, SourceError, SpecError
from kit.locks import locked, locked_part
from kit.progress import NoProgress
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 images of two classes, some equal, some alike: two shards of train, two of validation."""
    folder = tmp_path_factory.mktemp("parts") / "images"
    rng = np.random.default_rng(3)
    pixels = [cv2.resize(rng.integers(0, 255, (4, 4, 3), np.uint8), (16, 16)) for _ in range(300)]
    pixels[7], pixels[11] = pixels[8], pixels[12]
    pixels[20] = np.clip(pixels[21].astype(int) + 1, 0, 255).astype(np.uint8)
    for number, image in enumerate(pixels):
        path = folder / f"class{number % 2}" / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
    return folder


def written(images: Path, root: Path, part: str, **options: object) -> ShardedPart:
    made = shard(images, part=part, name="cells", workers=1, root=root, **{"split": (0.5, 0.5), **options})  # type: ignore[arg-type]
    assert isinstance(made, ShardedPart)
    return made


def joined(images: Path, root: Path, **options: object) -> dict[str, bytes]:
    dataset = shard(images, name="cells", workers=1, root=root, **{"split": (0.5, 0.5), **options})  # type: ignore[arg-type]
    return files_in(dataset.folder)


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture(scope="module")
def alone(images: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of the dataset, written by one command, in which equal images are kept together."""
    files = joined(images, tmp_path_factory.mktemp("alone"))
    assert 5 == len(files["duplicates.csv"].splitlines())
    return files


@pytest.mark.parametrize("parts", [("1/1",), ("1/2", "2/2"), ("3/3", "1/3", "2/3"), ("2/3",), ("1/2", "3/3"), ("9/9",)])
def test_joined_parts_are_the_bytes_of_one_command_whichever_ran(
    images: Path, tmp_path: Path, alone: dict[str, bytes], parts: tuple[str, ...]
) -> None:
    for part in parts:
        written(images, tmp_path, part)

    assert alone == joined(images, tmp_path)
    assert ["cells"] == names_in(tmp_path / "tfrecords")


@pytest.mark.parametrize("options", [{"near_bits": 4}, {"folds": 3, "split": None}, {"size": (8, 8)}])
def test_near_duplicates_folds_and_sizes_are_those_of_one_command(
    images: Path, tmp_path: Path, options: dict[str, object]
) -> None:
    for part in ("2/2", "1/2"):
        written(images, tmp_path / "parts", part, **options)

    assert joined(images, tmp_path / "alone", **options) == joined(images, tmp_path / "parts", **options)


def test_parts_share_the_images_evenly_and_say_what_is_missing(images: Path, tmp_path: Path) -> None:
    made = [written(images, tmp_path, f"{index}/2") for index in (1, 2)]

    assert [150, 150] == [part.records for part in made]
    assert [2, 0] == [part.missing for part in made]
    assert {4} == {part.total for part in made}
    assert 4 == len({name for part in made for name in part.shards})
    assert not (tmp_path / "tfrecords" / "cells").exists()


def test_a_part_that_runs_twice_writes_nothing_anew(images: Path, tmp_path: Path) -> None:
    made = written(images, tmp_path, "1/2")
    before = {path: path.stat().st_mtime_ns for path in made.folder.iterdir()}

    assert made == written(images, tmp_path, "1/2")
    assert before == {path: path.stat().st_mtime_ns for path in made.folder.iterdir()}


def test_a_part_of_a_complete_dataset_has_nothing_to_do(images: Path, tmp_path: Path, alone: dict[str, bytes]) -> None:
    folder = tmp_path / "tfrecords" / "cells"
    assert alone == joined(images, tmp_path)
    late = written(images, tmp_path, "2/2")

    assert (folder, (), 0) == (late.folder, late.shards, late.missing)
    assert ["cells"] == names_in(tmp_path / "tfrecords")
    assert alone == files_in(folder)


def test_a_shard_that_was_changed_after_its_part_is_written_anew(
    images: Path, tmp_path: Path, alone: dict[str, bytes]
) -> None:
    made = written(images, tmp_path, "1/2")
    path = made.folder / made.shards[0]
    path.write_bytes(path.read_bytes()[:-1] + b"\0")

    assert alone == joined(images, tmp_path)


@pytest.mark.parametrize("part", ["2/2", None])
def test_other_settings_than_those_of_the_parts_are_refused_and_remove_nothing(
    images: Path, tmp_path: Path, part: str | None
) -> None:
    made = written(images, tmp_path, "1/2")
    before = files_in(made.folder)
    with pytest.raises(ShardError, match=r"parts wrote shards from other .*: seed was 0, is 7; give .* force=True$"):
        shard(images, part=part, name="cells", split=(0.5, 0.5), seed=7, workers=1, root=tmp_path)

    assert before == files_in(made.folder)


def test_force_begins_the_parts_anew(images: Path, tmp_path: Path) -> None:
    written(images, tmp_path / "parts", "1/2")
    written(images, tmp_path / "parts", "1/2", seed=7, force=True)
    written(images, tmp_path / "parts", "2/2", seed=7, force=True)  # keeps what the first wrote with the same settings
    one = {
        path.name: path.stat().st_mtime_ns for path in (tmp_path / "parts/tfrecords/.cells.partial").glob("*.tfrecord")
    }

    assert 4 == len(one)
    assert joined(images, tmp_path / "alone", seed=7) == joined(images, tmp_path / "parts", seed=7)


def test_other_settings_are_refused_even_with_force_while_a_part_is_at_work(images: Path, tmp_path: Path) -> None:
    made = written(images, tmp_path, "1/2")
    before = files_in(made.folder)
    with (
        locked_part(tmp_path / "tfrecords" / "cells"),
        pytest.raises(ShardError, match=r"plan\.json: parts are writing .*: seed was 0, is 7"),
    ):
        written(images, tmp_path, "2/2", seed=7, force=True)

    assert before == files_in(made.folder)


def test_parts_are_not_joined_while_one_is_at_work(images: Path, tmp_path: Path, alone: dict[str, bytes]) -> None:
    made = written(images, tmp_path, "1/2")
    before = files_in(made.folder)
    with (
        locked_part(tmp_path / "tfrecords" / "cells"),
        pytest.raises(BusyError, match=r"parts of .*cells are at work; wait until all of them have ended") as refused,
    ):
        joined(images, tmp_path)

    assert 3 == refused.value.exit_status
    assert before == files_in(made.folder)
    assert alone == joined(images, tmp_path)


def test_a_part_does_not_begin_while_the_whole_is_written(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_PART_TIMEOUT", 0.1)
    with (
        locked(tmp_path / "tfrecords" / "cells"),
        pytest.raises(BusyError, match="another kit command is writing"),
    ):
        written(images, tmp_path, "1/2")

    assert [] == names_in(tmp_path / "tfrecords")


def test_a_part_of_a_stopped_command_keeps_its_shards(images: Path, tmp_path: Path, alone: dict[str, bytes]) -> None:
    class Stopped(NoProgress):
        def advance(self, steps: int = 1, note: str = "") -> None:
            del note
            if steps:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        joined(images, tmp_path, progress=Stopped())
    made = written(images, tmp_path, "1/1")

    assert 0 == made.missing
    assert alone == joined(images, tmp_path)


def _is_written(images: Path, root: Path, part: str) -> bool:
    try:
        written(images, root, part)
    except SourceError:
        return False
    return True


def test_a_bad_image_stops_its_own_part_and_keeps_the_others(images: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(images, tmp_path / "images")
    bad = folder / "class0" / "000.png"
    bad.write_bytes(bad.read_bytes()[:60])
    assert 3 == sum(_is_written(folder, tmp_path, f"{index}/4") for index in (1, 2, 3, 4))
    with pytest.raises(SourceError, match=r"000\.png \(1\)\. .*max_rejects=1"):
        joined(folder, tmp_path)
    assert 4 == len(list((tmp_path / "tfrecords/.cells.partial").glob("*.tfrecord")))
    expected = joined(folder, tmp_path / "alone", max_rejects=1)
    assert expected == joined(folder, tmp_path, max_rejects=1)


def test_what_cannot_become_a_dataset_leaves_nothing(images: Path, tmp_path: Path) -> None:
    with pytest.raises(KitError, match="fewer than the 500"):
        written(images, tmp_path, "1/2", per_class=500)

    assert [] == names_in(tmp_path / "tfrecords")


def test_a_wrong_part_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="part='5/4' counts from 1: give 1/4 to 4/4"):
        shard(tmp_path / "nowhere", part="5/4", root=tmp_path)


SCRIPT = """
import sys
from kit.conversion import shard
if __name__ == "__main__":
    source, root, part, workers, size = sys.argv[1:]
    options = {"split": (0.5, 0.5), "workers": int(workers), "size": int(size) or None}
    shard(source, name="cells", root=root, part=part, **options)
"""


def begun(images: Path, root: Path, part: str, *, workers: int = 1, size: int = 0) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SCRIPT, str(images), str(root), part, str(workers), str(size)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)


@pytest.mark.slow
def test_parts_at_once_and_one_of_them_twice_do_no_harm(images: Path, tmp_path: Path, alone: dict[str, bytes]) -> None:
    running = [begun(images, tmp_path, part) for part in ("1/3", "2/3", "3/3", "3/3")]
    ended = [process.communicate()[1] for process in running]

    assert [0] * 4 == [process.returncode for process in running], ended
    assert [".cells.partial"] == names_in(tmp_path / "tfrecords")
    assert alone == joined(images, tmp_path)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """400 images that take longer to decode than anybody takes to see that a shard is begun."""
    rng = np.random.default_rng(0)
    for number in range(400):
        path = tmp_path / "many" / f"class{number % 2}" / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 255, (300, 300, 3), np.uint8))
    return tmp_path / "many"


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("is_run_again", [False, True])
def test_a_part_that_is_killed_while_it_writes_leaves_the_others_and_the_join_unharmed(
    workers: int, is_run_again: bool, many: Path, tmp_path: Path
) -> None:
    partial = tmp_path / "tfrecords" / ".cells.partial"
    expected = joined(many, tmp_path / "alone", size=16)
    killed, other = (begun(many, tmp_path, part, workers=workers, size=16) for part in ("1/2", "2/2"))
    wait_until(lambda: any(partial.glob(".*.tmp.train-00000-*.tfrecord")), killed)  # a shard of the first part
    os.killpg(killed.pid, signal.SIGKILL)  # its workers, too
    killed.communicate()
    assert -signal.SIGKILL == killed.returncode
    assert b"" == other.communicate()[1]
    assert 0 == other.returncode
    assert any(partial.glob(".*.tmp.*"))
    finished = [path for path in partial.glob("[!.]*.tfrecord") if summary_path(path).exists()]  # not only renamed
    kept = {path.name: path.stat().st_ino for path in finished}
    assert kept
    if is_run_again:
        again = begun(many, tmp_path, "1/2", workers=workers, size=16)
        assert b"" == again.communicate()[1]
        assert 0 == again.returncode

    assert expected == joined(many, tmp_path, size=16)
    assert kept.items() <= {path.name: path.stat().st_ino for path in (tmp_path / "tfrecords/cells").iterdir()}.items()
    assert ["cells"] == names_in(tmp_path / "tfrecords")
    assert read_dataset(tmp_path / "tfrecords" / "cells").manifest.records("train") == 200
