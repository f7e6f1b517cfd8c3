from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from xxhash import xxh3_128_hexdigest

from kit.conversion import shard
from kit.datasets import Dataset, find_dataset, verify_dataset
from kit.datasets.dataset import read_dataset
from kit.datasets.example import decode_example, encode_example
from kit.datasets.read import read_examples
from kit.datasets.tfrecord import TFRecordWriter, read_records
from kit.errors import CorruptRecordError, ShardError, SourceError, SpecError, WorkspaceError
from kit.locks import locked
from tests.conftest import Competition
from tests.waiting import halting, wait_until


def _files(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, hidden ones too, by its name there."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _names(folder: Path) -> list[str]:
    """Names of the files in `folder`, including hidden ones."""
    return sorted(path.name for path in folder.iterdir())


def _times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def _change(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def _edit_manifest(dataset: Dataset, edit: Callable[[dict[str, Any]], None]) -> None:
    path = dataset.folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    edit(manifest)
    path.write_text(json.dumps(manifest))


class StopAfter:
    """Progress that presses Ctrl-C once some shards are finished."""

    def __init__(self, shards: int) -> None:
        self.left = shards

    def start(self, task: str, total: int) -> None:
        pass

    def advance(self, steps: int = 1, note: str = "") -> None:
        del steps, note
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def finish(self) -> None:
        pass


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 small images in two class folders: three shards a split when divided in halves."""
    folder = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(3)
    for number in range(400):
        path = folder / f"class{number % 2}" / f"{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 255, (8, 8, 3), np.uint8))
    return folder


HALVES = {"name": "cells", "split": (0.5, 0.5)}


@pytest.fixture(scope="session")
def undisturbed(many: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    root = tmp_path_factory.mktemp("undisturbed")
    return _files(shard(many, **HALVES, workers=1, root=root).folder)


@pytest.fixture
def cells(competition: Competition, tmp_path: Path) -> Dataset:
    return shard(**competition.inputs, name="cells", workers=1, root=tmp_path)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_bytes_do_not_depend_on_the_number_of_workers(
    many: Path, tmp_path: Path, undisturbed: dict[str, bytes], workers: int
) -> None:
    dataset = shard(many, **HALVES, workers=workers, root=tmp_path)

    assert undisturbed == _files(dataset.folder)
    assert ["cells"] == _names(tmp_path / "tfrecords")


def test_folder_holds_shards_and_their_descriptions_only(cells: Dataset) -> None:
    assert sorted(_files(cells.folder)) == [
        "dataset_info.json",
        "features.json",
        "image-class-label.labels.txt",
        "manifest.json",
        "sample_submission.csv",
        "test-00000-of-00001.tfrecord",
        "train-00000-of-00001.tfrecord",
        "validation-00000-of-00001.tfrecord",
    ]


def test_manifest_counts_images_by_split_and_class(cells: Dataset) -> None:
    assert cells.manifest.counts == {
        "train": {"0": 8, "1": 8},
        "validation": {"0": 4, "1": 4},
        "test": {"unlabelled": 6},
    }
    assert cells.manifest.classes == ("0", "1")
    assert cells.manifest.splits == ("train", "validation", "test")
    assert cells.manifest.image.formats == {"raw": 30}
    assert cells.shape == (40, 40, 3)


def test_manifest_proves_the_shards(many: Path, tmp_path: Path) -> None:
    dataset = shard(many, **HALVES, workers=1, root=tmp_path)

    assert len(dataset.manifest.shards) == 6
    for info in dataset.manifest.shards:
        data = (dataset.folder / info.name).read_bytes()

        assert len(data) == info.bytes
        assert xxh3_128_hexdigest(data) == info.xxh128
        assert len(list(read_records(dataset.folder / info.name))) == info.records


def test_sample_submission_is_copied(cells: Dataset, competition: Competition) -> None:
    assert competition.sample_submission.read_bytes() == (cells.folder / "sample_submission.csv").read_bytes()
    assert cells.manifest.sample_submission


def test_dataset_is_found_by_name(cells: Dataset, tmp_path: Path) -> None:
    assert cells == find_dataset("cells", root=tmp_path)


def test_classes_that_are_numbers_are_sorted_as_numbers(tmp_path: Path, competition: Competition) -> None:
    rows = [f"case{number:02d},{(2, 10, 1)[number % 3]}\n" for number in range(24)]
    competition.labels.write_text("id,label\n" + "".join(rows))
    dataset = shard(competition.train, labels=competition.labels, name="cells", workers=1, root=tmp_path)

    assert dataset.manifest.classes == ("1", "2", "10")
    assert (dataset.folder / "image-class-label.labels.txt").read_text() == "1\n2\n10\n"


def test_second_call_writes_nothing(cells: Dataset, competition: Competition, tmp_path: Path) -> None:
    before = _times(tmp_path / "tfrecords")
    again = shard(**competition.inputs, name="cells", workers=1, root=tmp_path)

    assert cells == again
    assert before == _times(tmp_path / "tfrecords")


@pytest.mark.parametrize("settings", [{"seed": 1}, {"size": (20, 20)}, {"channels": 1}, {"split": (0.5, 0.5)}])
@pytest.mark.usefixtures("cells")
def test_other_settings_are_refused_by_the_folders_name(
    competition: Competition, tmp_path: Path, settings: dict[str, Any]
) -> None:
    before = _files(tmp_path / "tfrecords")

    with pytest.raises(ShardError, match=r"tfrecords/cells was made from other inputs or settings.*force=True"):
        shard(**competition.inputs, **settings, name="cells", workers=1, root=tmp_path)

    assert before == _files(tmp_path / "tfrecords")


@pytest.mark.usefixtures("cells")
def test_changed_labels_are_refused(competition: Competition, tmp_path: Path) -> None:
    competition.labels.write_text(competition.labels.read_text().replace("case00,0", "case00,1"))

    with pytest.raises(ShardError, match="other inputs or settings"):
        shard(**competition.inputs, name="cells", workers=1, root=tmp_path)


@pytest.mark.usefixtures("cells")
def test_changed_image_is_refused(competition: Competition, tmp_path: Path) -> None:
    path = next(competition.train.iterdir())
    path.write_bytes(path.read_bytes())  # the same bytes at another time

    with pytest.raises(ShardError, match="other inputs or settings"):
        shard(**competition.inputs, name="cells", workers=1, root=tmp_path)


def test_what_differs_is_named(cells: Dataset, competition: Competition, tmp_path: Path) -> None:
    with pytest.raises(ShardError, match=r"size was none, is \[8,8\]; seed was 0, is 7; choose another name="):
        shard(**competition.inputs, name="cells", size=(8, 8), seed=7, workers=1, root=tmp_path)

    verify_dataset(cells)


@pytest.mark.parametrize("force", [False, True])
def test_what_kit_did_not_write_is_never_replaced(competition: Competition, tmp_path: Path, *, force: bool) -> None:
    mine = tmp_path / "tfrecords" / "cells" / "thesis.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("years of work")

    with pytest.raises(ShardError, match="cells exists and is not a dataset made by kit; move it away"):
        shard(**competition.inputs, name="cells", force=force, workers=1, root=tmp_path)
    assert "years of work" == mine.read_text()
    assert ["cells"] == _names(tmp_path / "tfrecords")


def test_one_command_at_a_time_writes_a_dataset(competition: Competition, tmp_path: Path) -> None:
    with (
        locked(tmp_path / "tfrecords" / "cells"),
        pytest.raises(WorkspaceError, match=r"another kit command is writing .*cells; wait until it has finished"),
    ):
        shard(**competition.inputs, name="cells", workers=1, root=tmp_path)

    assert not _names(tmp_path / "tfrecords")


def test_force_replaces_the_whole_folder(cells: Dataset, competition: Competition, tmp_path: Path) -> None:
    (cells.folder / "notes.txt").write_text("mine")
    dataset = shard(**competition.inputs, name="cells", seed=1, force=True, workers=1, root=tmp_path)
    fresh = shard(**competition.inputs, name="cells", seed=1, workers=1, root=tmp_path / "fresh")

    assert cells.manifest.fingerprint != dataset.manifest.fingerprint
    assert _files(fresh.folder) == _files(dataset.folder)
    assert ["cells"] == _names(tmp_path / "tfrecords")


def test_failed_replacement_keeps_the_dataset(cells: Dataset, competition: Competition, tmp_path: Path) -> None:
    before = _files(tmp_path / "tfrecords")
    _cut(competition)

    with pytest.raises(SourceError, match="cannot be stored"):
        shard(**competition.inputs, name="cells", seed=1, force=True, workers=1, root=tmp_path)

    assert before == _files(tmp_path / "tfrecords")
    verify_dataset(cells)


@pytest.mark.parametrize("name", ["", "../cells", ".cells", "a/b"])
def test_name_that_is_no_folders_is_refused(competition: Competition, tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError, match=re.escape(f"dataset name '{name}'")):
        shard(**competition.inputs, name=name, workers=1, root=tmp_path)


@pytest.mark.parametrize("workers", [0, -1])
def test_fewer_than_one_worker_is_refused(competition: Competition, tmp_path: Path, workers: int) -> None:
    with pytest.raises(SpecError, match=f"workers must be 1 or more, got {workers}"):
        shard(**competition.inputs, name="cells", workers=workers, root=tmp_path)


def test_channels_other_than_one_or_three_are_refused(competition: Competition, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="channels must be 1 or 3, got 4"):
        shard(**competition.inputs, name="cells", channels=4, workers=1, root=tmp_path)


def _cut(competition: Competition, *, number: int = 0) -> str:
    """Cut one of the training images in half; return its name."""
    path = sorted(competition.train.iterdir())[number]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path.name


@pytest.mark.parametrize("workers", [1, 2])
def test_image_that_cannot_be_stored_stops_with_its_name_and_reason_and_leaves_nothing(
    competition: Competition, tmp_path: Path, workers: int
) -> None:
    name = _cut(competition)

    with pytest.raises(SourceError, match=rf"truncated or damaged .*: \S*{re.escape(name)} \(1\)\. .*max_rejects=1"):
        shard(**competition.inputs, name="cells", workers=workers, root=tmp_path)

    assert not _names(tmp_path / "tfrecords")


def test_images_that_cannot_be_stored_are_listed_if_allowed(competition: Competition, tmp_path: Path) -> None:
    names = [_cut(competition, number=number) for number in (0, 5)]
    dataset = shard(**competition.inputs, name="cells", max_rejects=2, workers=1, root=tmp_path)
    header, *rows = (dataset.folder / "rejects.csv").read_text().splitlines()

    assert header == "input,reason"
    assert names == [Path(row.partition(",")[0]).name for row in rows]
    assert all("truncated" in row for row in rows)
    assert dataset.manifest.rejects == 2
    assert dataset.manifest.records("train") + dataset.manifest.records("validation") == 22
    verify_dataset(dataset)


def test_one_more_than_the_allowed_images_stops(competition: Competition, tmp_path: Path) -> None:
    for number in range(3):
        _cut(competition, number=number)

    with pytest.raises(SourceError, match=r"3 inputs cannot be stored: .*max_rejects=3"):
        shard(**competition.inputs, name="cells", max_rejects=2, workers=1, root=tmp_path)

    assert not _names(tmp_path / "tfrecords")


def test_split_that_loses_all_images_of_a_class_stops(competition: Competition, tmp_path: Path) -> None:
    for number in range(0, 24, 2):
        _cut(competition, number=number)

    with pytest.raises(SourceError, match=r"no readable (train|validation) image of class 0"):
        shard(**competition.inputs, name="cells", max_rejects=24, workers=1, root=tmp_path)

    assert not _names(tmp_path / "tfrecords")


def test_source_that_holds_no_readable_image_stops(competition: Competition, tmp_path: Path) -> None:
    for number in range(24):
        _cut(competition, number=number)

    with pytest.raises(SourceError, match="no readable"):
        shard(competition.train, labels=competition.labels, name="cells", max_rejects=24, workers=1, root=tmp_path)


@pytest.mark.parametrize("shards", [1, 3, 5])
def test_stopped_command_goes_on_where_it_was(
    many: Path, tmp_path: Path, undisturbed: dict[str, bytes], shards: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        shard(many, **HALVES, workers=1, root=tmp_path, progress=StopAfter(shards))
    partial = tmp_path / "tfrecords" / ".cells.partial"
    finished = {path.name: path.stat().st_mtime_ns for path in partial.glob("*.tfrecord")}
    dataset = shard(many, **HALVES, workers=1, root=tmp_path)

    assert shards == len(finished)
    assert finished.items() <= _times(dataset.folder).items()  # not written again
    assert undisturbed == _files(dataset.folder)
    assert ["cells"] == _names(tmp_path / "tfrecords")


@pytest.mark.parametrize("damage", ["changed", "cut", "unfinished", "no summary", "odd summary", "stray"])
def test_damaged_leftovers_of_a_stopped_command_are_written_again(
    many: Path, tmp_path: Path, undisturbed: dict[str, bytes], damage: str
) -> None:
    with pytest.raises(KeyboardInterrupt):
        shard(many, **HALVES, workers=1, root=tmp_path, progress=StopAfter(3))
    path = tmp_path / "tfrecords" / ".cells.partial" / "train-00001-of-00003.tfrecord"
    summary = path.with_suffix(".written.json")
    match damage:
        case "changed":
            _change(path, 100)
        case "cut":
            path.write_bytes(path.read_bytes()[:-20])
        case "unfinished":
            path.unlink()
        case "no summary":
            summary.unlink()
        case "odd summary":
            summary.write_bytes(summary.read_bytes()[:-20])
        case "stray":
            path.with_name(f".123.tmp.{path.name}").write_bytes(b"half")
    dataset = shard(many, **HALVES, workers=1, root=tmp_path)

    assert undisturbed == _files(dataset.folder)
    assert ["cells"] == _names(tmp_path / "tfrecords")


def test_leftovers_of_other_settings_are_not_used(many: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    with pytest.raises(KeyboardInterrupt):
        shard(many, **HALVES, seed=1, workers=1, root=tmp_path, progress=StopAfter(3))
    dataset = shard(many, **HALVES, workers=1, root=tmp_path)

    assert undisturbed == _files(dataset.folder)


def test_stopped_command_leaves_no_dataset(many: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        shard(many, **HALVES, workers=1, root=tmp_path, progress=StopAfter(3))

    with pytest.raises(WorkspaceError, match="unknown dataset 'cells'"):
        find_dataset("cells", root=tmp_path)


@pytest.fixture(scope="session")
def slow_to_decode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,024 names of eight large images: eight shards a split, each of which takes a while."""
    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(5)
    for label in range(2):
        (folder / f"class{label}").mkdir()
    originals = [folder / "class0" / f"{number:04d}.png" for number in range(8)]
    for path in originals:
        cv2.imwrite(str(path), rng.integers(0, 255, (400, 400, 3), np.uint8))
    for number in range(8, 1024):
        (folder / f"class{number % 2}" / f"{number:04d}.png").hardlink_to(originals[number % 8])
    return folder


@pytest.fixture(scope="session")
def large_undisturbed(slow_to_decode: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    root = tmp_path_factory.mktemp("large-undisturbed")
    return _files(shard(slow_to_decode, **HALVES, size=(16, 16), workers=2, root=root).folder)


@pytest.mark.slow
@pytest.mark.parametrize("finished", [0, 1, 8])
def test_killed_command_goes_on_where_it_was(
    slow_to_decode: Path, tmp_path: Path, large_undisturbed: dict[str, bytes], finished: int
) -> None:
    options = ["--name", "cells", "--split", "50/50", "--size", "16", "--workers", "2", "--root", str(tmp_path)]
    words = ["shard", str(slow_to_decode), *options]
    partial = tmp_path / "tfrecords" / ".cells.partial"
    begun = halting(words, partial, "[!.]*.written.json", max(1, finished))
    with subprocess.Popen(begun, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_until(
            lambda: (partial / "plan.json").exists() and len(list(partial.glob("[!.]*.written.json"))) >= finished,
            process,
        )
        process.kill()
    left = len(list(partial.glob("[!.]*.written.json")))

    assert process.returncode == -9
    assert finished <= left < 16
    with pytest.raises(WorkspaceError):
        find_dataset("cells", root=tmp_path)

    command = [sys.executable, "-m", "kit", *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    assert large_undisturbed == _files(tmp_path / "tfrecords" / "cells")
    assert ["cells"] == _names(tmp_path / "tfrecords")


def test_changed_byte_is_found_with_its_record_and_offset(cells: Dataset, tmp_path: Path) -> None:
    path = cells.paths("validation")[0]
    first = len(next(read_records(path))) + 16
    _change(path, first + 500)

    with pytest.raises(CorruptRecordError, match=rf"{re.escape(str(path))}: record 1 at byte {first} is damaged"):
        verify_dataset(find_dataset("cells", root=tmp_path))


def test_shard_of_sound_records_in_another_order_is_found(cells: Dataset) -> None:
    path = cells.paths("train")[0]
    records = list(read_records(path))
    with TFRecordWriter(path) as writer:
        for record in reversed(records):
            writer.write(record)

    with pytest.raises(ShardError, match=rf"{re.escape(str(path))} was changed after writing"):
        verify_dataset(read_dataset(cells.folder))


def test_the_same_command_verifies_a_finished_dataset(many: Path, tmp_path: Path) -> None:
    dataset = shard(many, **HALVES, workers=1, root=tmp_path)
    path = dataset.folder / dataset.manifest.shards[0].name
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)

    with pytest.raises(CorruptRecordError, match=rf"{path.name}: record \d+ at byte \d+ is damaged or cut short"):
        shard(many, **HALVES, workers=1, root=tmp_path)
    assert dataset == shard(many, **HALVES, workers=1, root=tmp_path, force=True)


def test_untouched_dataset_is_verified(cells: Dataset) -> None:
    verify_dataset(cells)


@pytest.mark.parametrize("end", [0, 1000, -1])
def test_cut_shard_is_refused_by_name_when_the_dataset_is_opened(cells: Dataset, tmp_path: Path, end: int) -> None:
    path = cells.paths("train")[0]
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:end])

    with pytest.raises(ShardError, match=rf"{re.escape(str(path))} has .* bytes, the manifest says {size:,}"):
        find_dataset("cells", root=tmp_path)


def test_missing_shard_is_named(cells: Dataset, tmp_path: Path) -> None:
    cells.paths("test")[0].unlink()

    with pytest.raises(ShardError, match=r"test-00000-of-00001\.tfrecord is missing; restore it"):
        find_dataset("cells", root=tmp_path)


def test_folder_without_manifest_is_no_dataset(cells: Dataset, tmp_path: Path) -> None:
    (cells.folder / "manifest.json").unlink()

    with pytest.raises(ShardError, match=r"cells has no manifest\.json, so it is not a dataset"):
        read_dataset(cells.folder)
    with pytest.raises(WorkspaceError, match="unknown dataset 'cells'"):
        find_dataset("cells", root=tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_damaged_manifest_is_named(cells: Dataset, tmp_path: Path, content: bytes) -> None:
    (cells.folder / "manifest.json").write_bytes(content)

    with pytest.raises(ShardError, match=r"cells/manifest\.json: .*; restore the file, or shard again with force=True"):
        find_dataset("cells", root=tmp_path)


def test_newer_format_is_refused_by_its_version(cells: Dataset, tmp_path: Path) -> None:
    _edit_manifest(cells, lambda manifest: manifest.update(format_version=99))

    with pytest.raises(ShardError, match="has format version 99, this kit reads 3 and 4; shard it again"):
        find_dataset("cells", root=tmp_path)


@pytest.mark.usefixtures("cells")
def test_unknown_dataset_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"unknown dataset 'cell'; did you mean 'cells'\? .*tfrecords"):
        find_dataset("cell", root=tmp_path)


def test_unknown_split_names_those_there_are(cells: Dataset) -> None:
    with pytest.raises(ShardError, match="unknown split 'valid'; did you mean 'validation'"):
        cells.paths("valid")


def test_pixels_come_back(cells: Dataset, competition: Competition) -> None:
    read = {example.key: example for split in cells.manifest.splits for example in read_examples(cells, split)}

    assert competition.images.keys() == read.keys()
    for key, pixels in competition.images.items():
        assert np.array_equal(pixels, read[key].pixels)
        assert read[key].text == ("" if key.startswith("test") else str(int(key[-2:]) % 2))


def test_test_images_are_stored_in_the_order_of_the_sample_submission(cells: Dataset) -> None:
    keys = [example.key for example in read_examples(cells, "test")]

    assert keys == ["test3", "test0", "test5", "test1", "test4", "test2"]


def test_record_holds_every_feature(cells: Dataset) -> None:
    record = decode_example(next(read_records(cells.paths("train")[0])))
    encoded, name, key = record.pop("image/encoded"), record.pop("image/filename"), record.pop("image/key")
    text = record["image/class/text"]

    assert len(encoded) == 40 * 40 * 3
    assert name.startswith(key + b".")
    assert record == {
        "image/channels": 3,
        "image/class/label": [b"0", b"1"].index(text),
        "image/class/text": text,
        "image/fold": -1,
        "image/format": b"raw",
        "image/group": b"",
        "image/height": 40,
        "image/width": 40,
    }


def test_images_of_different_sizes_have_no_common_shape(competition: Competition, tmp_path: Path) -> None:
    cv2.imwrite(str(competition.train / "case00.tif"), np.zeros((30, 50, 3), np.uint8))
    dataset = shard(**competition.inputs, name="cells", workers=1, root=tmp_path)

    with pytest.raises(ShardError, match="30 to 40 pixels high and 40 to 50 wide; shard them with size="):
        _ = dataset.shape


def test_record_of_another_program_is_refused(cells: Dataset) -> None:
    with TFRecordWriter(cells.paths("train")[0]) as writer:
        writer.write(*encode_example({"height": 3, "image": b"abc"}))

    with pytest.raises(ShardError, match=r"lacks image/encoded, .* it has \['height', 'image'\]"):
        list(read_examples(cells, "train"))


@pytest.mark.parametrize("wrong", [{"image/height": 39}, {"image/height": -1}, {"image/format": b"png"}])
def test_record_whose_pixels_do_not_fit_is_refused(cells: Dataset, wrong: dict[str, bytes | int]) -> None:
    path = cells.paths("train")[0]
    features = decode_example(next(read_records(path)))
    with TFRecordWriter(path) as writer:
        writer.write(*encode_example(features | wrong))

    with pytest.raises(ShardError):
        list(read_examples(cells, "train"))


def test_real_patches_come_back_without_a_changed_bit(pcam: Path, tmp_path: Path) -> None:
    dataset = shard(
        pcam / "train",
        name="pcam",
        labels=pcam / "train_labels.csv",
        test=pcam / "test",
        sample_submission=pcam / "sample_submission.csv",
        workers=2,
        root=tmp_path,
    )
    labels = dict(line.split(",") for line in (pcam / "train_labels.csv").read_text().split()[1:])
    seen = {}
    for split in ("train", "validation"):
        for example in read_examples(dataset, split):
            seen[example.key] = example.text

            assert example.key == hashlib.sha1(example.pixels.tobytes(), usedforsecurity=False).hexdigest()
    tested = [line.split(",")[0] for line in (pcam / "sample_submission.csv").read_text().split()[1:]]

    assert labels == seen
    assert len(seen) == 1823
    assert tested == [example.key for example in read_examples(dataset, "test")]
    assert dataset.manifest.counts["train"] == {"0": 785, "1": 491}


def test_real_class_folders_below_train_and_test_become_splits(chest_xray: Path, tmp_path: Path) -> None:
    dataset = shard(chest_xray, name="xray", workers=2, root=tmp_path)
    found = Counter(
        (example.key.split("/")[0], split, example.text)
        for split in dataset.manifest.splits
        for example in read_examples(dataset, split)
        if example.key.split("/")[1] == example.text
    )
    folders = Counter(path.relative_to(chest_xray).parts[:2] for path in chest_xray.rglob("*.jpeg"))

    assert found.total() == 1431
    assert dataset.manifest.image.formats == {"jpeg": 1431}
    for label in ("NORMAL", "PNEUMONIA"):
        trained, held = found["train", "train", label], found["train", "validation", label]

        assert folders["test", label] == found["test", "test", label]
        assert folders["train", label] == trained + held
        assert abs(held - 0.3 * (trained + held)) <= 1


def test_a_script_without_a_main_guard_may_shard_in_parallel(competition: Competition, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import kit, sys\n"
        "print('begun')\n"
        "kit.shard(sys.argv[1], name='pets', labels=sys.argv[2], root=sys.argv[3], workers=2)\n"
        "assert __file__ and 'script' in __file__\n"
    )
    arguments = [str(competition.train), str(competition.labels), str(tmp_path)]
    done = subprocess.run([sys.executable, str(script), *arguments], check=True, capture_output=True, text=True)

    assert done.stdout == "begun\n"
    assert (tmp_path / "tfrecords" / "pets" / "manifest.json").is_file()
