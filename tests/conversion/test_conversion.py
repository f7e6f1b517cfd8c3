from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

import kit
from kit.cli import main
from kit.conversion import shard, shard_arrays
from kit.conversion.shard_plan import ShardPlan
from kit.conversion.write_shard import ShardTask
from kit.conversion.write_shards import write_shards
from kit.datasets import Dataset
from kit.datasets.example import decode_example
from kit.datasets.read import read_examples
from kit.datasets.tfrecord import read_records
from kit.errors import EngineError, ShardError, SourceError, SpecError
from kit.files import exchange
from kit.progress import NO_PROGRESS
from kit.specs import ShardSpec
from kit.targets.classes import Classes
from tests.conftest import Competition
from tests.waiting import halting, stopped_with_open, wait_until


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _splits(dataset: Dataset) -> dict[str, str]:
    return {e.key: split for split in dataset.manifest.splits for e in read_examples(dataset, split)}


def _images(folder: Path, classes: int = 2, each: int = 40, seed: int = 0) -> Path:
    generator = np.random.default_rng(seed)
    for label in range(classes):
        for number in range(each):
            path = folder / f"class{label}" / f"{number:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), generator.integers(0, 255, (12, 12, 3), np.uint8))
    return folder


def _copy(folder: Path, name: str, to: str) -> None:
    (folder / to).write_bytes((folder / name).read_bytes())


def _pixels_as_bmp(folder: Path, name: str, to: str) -> None:
    """Write the same pixels as another file."""
    cv2.imwrite(str(folder / to), cv2.imread(str(folder / name)))


def test_equal_images_lie_in_one_split_and_are_listed(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images")
    for number in range(20):
        _copy(folder, f"class0/{number:03d}.png", f"class0/copy{number:03d}.png")
        _pixels_as_bmp(folder, f"class0/{number:03d}.png", f"class0/other{number:03d}.bmp")
    dataset = shard(folder, name="pets", workers=1, root=tmp_path)
    splits = _splits(dataset)
    with (dataset.folder / "duplicates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    for number in range(20):
        names = (f"class0/{number:03d}.png", f"class0/copy{number:03d}.png", f"class0/other{number:03d}.bmp")
        assert 1 == len({splits[name] for name in names})
    assert (20, 60, 0, 0) == (
        dataset.manifest.duplicates.sets,
        dataset.manifest.duplicates.images,
        dataset.manifest.duplicates.across_splits,
        dataset.manifest.duplicates.across_classes,
    )
    assert {str(number): 3 for number in range(20)} == Counter(row["set"] for row in rows)
    assert all(splits[Path(row["input"]).relative_to(folder).as_posix()] == row["split"] for row in rows)


def test_equal_images_across_given_splits_and_classes_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    for seed, split in enumerate(("train", "validation")):
        _images(folder / split, seed=seed)
    _copy(folder, "train/class0/000.png", "validation/class0/900.png")
    _copy(folder, "train/class0/001.png", "train/class1/901.png")
    found = shard(folder, name="pets", workers=1, root=tmp_path).manifest.duplicates

    assert (2, 4, 1, 1) == (found.sets, found.images, found.across_splits, found.across_classes)


def test_the_bytes_do_not_depend_on_workers_or_on_how_often_shards_were_written(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images", each=100)
    for number in range(30):
        _copy(folder, f"class0/{number:03d}.png", f"class0/copy{number:03d}.png")
    alone = shard(folder, name="pets", workers=1, folds=3, root=tmp_path / "alone")
    together = shard(folder, name="pets", workers=2, folds=3, root=tmp_path / "together")

    assert _files(alone.folder) == _files(together.folder)
    assert ["pets"] == [path.name for path in (tmp_path / "alone" / "tfrecords").iterdir()]


def test_a_command_killed_between_the_two_writings_ends_in_the_same_bytes(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images", each=400)
    for number in range(100):
        _copy(folder, f"class0/{number:03d}.png", f"class0/copy{number:03d}.png")
    undisturbed = shard(folder, name="pets", workers=1, root=tmp_path / "undisturbed")
    partial = tmp_path / "tfrecords" / ".pets.partial"
    words = ["shard", str(folder), "--name", "pets", "--workers", "1", "--root", str(tmp_path)]
    command = halting(words, partial, "ties.json")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_until((partial / "ties.json").exists, process)
        process.kill()
    assert (partial / "ties.json").exists()
    again = shard(folder, name="pets", workers=1, root=tmp_path)

    assert _files(undisturbed.folder) == _files(again.folder)
    assert ["pets"] == [path.name for path in (tmp_path / "tfrecords").iterdir()]


def test_folds_and_groups_are_in_the_records_and_in_the_manifest(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images", each=60)
    dataset = shard(folder, name="pets", folds=4, group=r"^\d\d", workers=1, root=tmp_path)
    read = [
        (example["image/group"], example["image/fold"], split)
        for split in dataset.manifest.splits
        for path in dataset.paths(split)
        for example in map(decode_example, read_records(path))
    ]

    assert 120 == len(read)
    assert {0: "validation", 1: "train", 2: "train", 3: "train"} == {fold: split for _, fold, split in read}
    assert 6 == dataset.manifest.groups == len({group for group, _, _ in read})
    assert all(1 == len({fold for g, fold, _ in read if g == group}) for group, _, _ in read)
    assert Counter(fold for _, fold, _ in read) == {f: sum(c.values()) for f, c in dataset.manifest.folds.items()}
    assert all(shard.fold in range(4) for shard in dataset.manifest.shards)


def test_balancing_lists_what_it_leaves_out(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images", each=40)
    for number in range(30):
        (folder / "class1" / f"{number:03d}.png").unlink()
    dataset = shard(folder, name="pets", undersample=True, workers=1, root=tmp_path)
    rows = (dataset.folder / "rejects.csv").read_text().splitlines()[1:]

    assert 20 == sum(dataset.manifest.records(split) for split in dataset.manifest.splits)
    assert (0, 30) == (dataset.manifest.rejects, dataset.manifest.left_out)
    assert all(row.endswith("not taken: undersample leaves it out") for row in rows)


def test_every_input_is_in_a_shard_or_in_the_rejects(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images", each=20)
    (folder / "class0" / "notes.txt").write_text("hello")
    (folder / "class0" / "900.png").write_bytes(b"")
    (folder / "class1" / "901.tif").write_text("text")
    (folder / "class1" / "902.jpg").write_text("version https://git-lfs.github.com/spec/v1\n")
    excluded = tmp_path / "exclude.txt"
    excluded.write_text("class0/000.png\n")
    dataset = shard(folder, name="pets", exclude=excluded, max_rejects=3, workers=1, root=tmp_path)
    with (dataset.folder / "rejects.csv").open(newline="") as file:
        rejects = {Path(row["input"]).relative_to(folder).as_posix(): row["reason"] for row in csv.DictReader(file)}
    stored = {e.key for split in dataset.manifest.splits for e in read_examples(dataset, split)}

    assert {p.relative_to(folder).as_posix() for p in folder.rglob("*.*")} == stored | rejects.keys()
    assert not stored & rejects.keys()
    assert (3, 2) == (dataset.manifest.rejects, dataset.manifest.left_out)
    assert "Git LFS pointer" in rejects["class1/902.jpg"]
    assert "0 bytes" in rejects["class0/900.png"]


def test_every_awkward_file_is_stored_or_rejected_with_a_reason(awkward: Path, tmp_path: Path) -> None:
    with (awkward / "MANIFEST.csv").open(newline="") as file:
        names = [row["path"] for row in csv.DictReader(file)]
    labels = tmp_path / "labels.csv"
    with labels.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "label"], *([name, "ab"[place % 2]] for place, name in enumerate(names))])
    dataset = shard(awkward, labels=labels, name="awkward", max_rejects=len(names), workers=1, root=tmp_path)
    stored = {e.key for split in dataset.manifest.splits for e in read_examples(dataset, split)}
    with (dataset.folder / "rejects.csv").open(newline="") as file:
        rejects = {Path(row["input"]).relative_to(awkward).as_posix(): row["reason"] for row in csv.DictReader(file)}

    assert 208 == len(names)
    assert set(names) == stored | (rejects.keys() - {"MANIFEST.csv"})
    assert not stored & rejects.keys()
    assert all(rejects.values())


@pytest.mark.parametrize("shape", [(12, 12), (12, 12, 1), (12, 12, 3)])
@pytest.mark.parametrize("workers", [1, 2])
def test_arrays_come_back_as_they_were(tmp_path: Path, shape: tuple[int, ...], workers: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (150, *shape), np.uint8)
    labels = np.arange(150) % 3
    channels = 1 if shape[-1] != 3 else 3
    dataset = shard_arrays(images, labels, name="pets", channels=channels, workers=workers, root=tmp_path)
    read = {int(e.key): e for split in dataset.manifest.splits for e in read_examples(dataset, split)}

    assert 150 == len(read)
    for number, example in read.items():
        assert np.array_equal(images[number].reshape(12, 12, channels), example.pixels)
        assert str(labels[number]) == example.text
    assert dataset == shard_arrays(images, labels, name="pets", channels=channels, workers=workers, root=tmp_path)


def test_equal_pixels_stay_together_whatever_holds_them(tmp_path: Path, big_jpegs: Path) -> None:
    """JPEGs that are kept or decoded at a reduced scale beside their lossless copies, and with other metadata."""
    for options in ({"size": (16, 16)}, {}, {"size": (16, 16), "folds": 3, "channels": 1}):
        dataset = shard(big_jpegs, name="pairs", workers=1, root=tmp_path, force=True, **options)
        rows = pd.read_csv(dataset.folder / "duplicates.csv").groupby("set")

        assert (24, 72) == (dataset.manifest.duplicates.sets, dataset.manifest.duplicates.images)
        assert 24 == len(rows)
        for _, members in rows:
            names = {Path(name).name.removesuffix("-noted.jpg").partition(".")[0] for name in members["input"]}

            assert (1, 1, 1) == (len(names), members["split"].nunique(), members["fold"].nunique(dropna=False))


@pytest.fixture(scope="module")
def big_jpegs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JPEGs, each beside a PNG of its pixels and beside itself with a comment."""
    folder = tmp_path_factory.mktemp("pairs")
    generator = np.random.default_rng(0)
    for number in range(24):
        path = folder / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        coarse = generator.integers(0, 255, (5, 5, 3), np.uint8)
        cv2.imwrite(str(path), cv2.resize(coarse, (100, 80), interpolation=cv2.INTER_CUBIC))
        data = path.read_bytes()
        cv2.imwrite(str(path.with_suffix(".png")), cv2.imread(str(path)))
        path.with_name(f"{number}-noted.jpg").write_bytes(data[:2] + b"\xff\xfe\x00\x07noted" + data[2:])
    return folder


def test_arrays_take_ids_groups_and_one_hot_labels(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
    labels = np.eye(2)[np.arange(40) % 2]
    names = [f"scan-{number}" for number in range(40)]
    dataset = shard_arrays(
        images, labels, ids=names, groups=[number // 4 for number in range(40)], name="scans", workers=1, root=tmp_path
    )
    splits = _splits(dataset)

    assert set(names) == set(splits)
    assert all(1 == len({splits[f"scan-{number}"] for number in range(n, n + 4)}) for n in range(0, 40, 4))
    assert ("0", "1") == dataset.manifest.classes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"per_class": 0}, "per_class must be 2 or more, got 0"),
        ({"undersample": ""}, "undersample takes True or False or None, got ''"),
        ({"undersample": True, "per_class": 3}, "give undersample or per_class, not both"),
        ({"channels": 2}, "channels must be 1 or 3, got 2"),
        ({"fit": "squeeze"}, "fit must be one of crop, pad, stretch"),
        ({"size": (0, 3)}, "size must be between 1"),
    ],
)
@pytest.mark.parametrize("recipe", [None, "chest-xray-ladder"])
def test_options_that_cannot_be_are_refused_with_a_recipe_too(
    tmp_path: Path, recipe: str | None, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        shard(tmp_path, name="pets", recipe=recipe, root=tmp_path, **options)


def test_arrays_of_different_sizes_and_bands_are_stored(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    images = [generator.integers(0, 256, (8 + n % 3, 9, 6), np.uint8) for n in range(40)]
    dataset = shard_arrays(images, np.arange(40) % 2, name="bands", bands=(4, 0, 2), workers=1, root=tmp_path)
    read = {int(e.key): e.pixels for split in dataset.manifest.splits for e in read_examples(dataset, split)}

    assert all(np.array_equal(image[..., [4, 0, 2]], read[number]) for number, image in enumerate(images))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ([np.zeros((8, 8)), np.zeros(8)], [0, 1], r"images must be \[n, .* got arrays of \(8, 8\), \(8,\) \(2\)"),
        (np.zeros((4, 8)), [0, 1, 0, 1], r"images must be \[n, height, width\]"),
        (np.zeros((4, 8, 8), np.uint8), [0, 1, 0], r"4 images have 3 labels"),
        (np.zeros((4, 8, 8), np.uint8), [0.5, float("nan"), 0, 1], r"'nan' is no number"),
        (np.zeros((4, 8, 8), np.uint8), [["a", "b"]] * 4, r"labels of two dimensions must be numbers"),
        (np.zeros((4, 8, 8), np.uint8), np.zeros((4, 2, 2)), r"labels must be \[n\] or \[n, columns\]"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, images: object, labels: object, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        shard_arrays(images, labels, name="pets", root=tmp_path)  # type: ignore[arg-type]
    assert not (tmp_path / "tfrecords").exists()


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
def test_npz_files_of_keras_and_medmnist_are_read(tmp_path: Path, names: tuple[str, ...]) -> None:
    generator = np.random.default_rng(0)
    images, tests = generator.integers(0, 256, (60, 8, 8), np.uint8), generator.integers(0, 256, (20, 8, 8), np.uint8)
    arrays = (images, np.arange(60)[:, None] % 2, tests, np.arange(20) % 2)
    np.savez(tmp_path / "data.npz", **dict(zip(names, arrays, strict=True)))
    dataset = shard(tmp_path / "data.npz", name="scans", channels=1, workers=1, root=tmp_path)

    assert {"train": 42, "validation": 18, "test": 20} == {
        s: dataset.manifest.records(s) for s in dataset.manifest.splits
    }


def test_an_npz_file_without_images_names_what_it_holds(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", weights=np.zeros(3))

    with pytest.raises(SourceError, match=r"data\.npz needs arrays such as images and labels, .*; it has weights"):
        shard(tmp_path / "data.npz", name="scans", root=tmp_path)


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x03\x04"])
def test_what_is_no_npz_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.npz").write_bytes(content)

    with pytest.raises(SourceError, match=r"data\.npz is not an \.npz file of numbers"):
        shard(tmp_path / "data.npz", name="scans", root=tmp_path)


def test_index_files_name_the_bytes_of_each_record(competition: Competition, tmp_path: Path) -> None:
    dataset = shard(**competition.inputs, name="cells", index=True, workers=1, root=tmp_path)
    for split in dataset.manifest.splits:
        for path in dataset.paths(split):
            data = path.read_bytes()
            spans = [tuple(map(int, line.split())) for line in path.with_suffix(".idx").read_text().splitlines()]

            assert list(read_records(path)) == [data[at + 12 : at + size - 4] for at, size in spans]


def test_load_gives_what_was_stored_with_its_shape_and_number(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images", each=20)
    cv2.imwrite(str(folder / "class0" / "000.png"), np.zeros((12, 20, 3), np.uint8))
    shard(folder, name="pets", workers=1, root=tmp_path)
    opened = kit.load("pets", "train", root=tmp_path)
    read = list(opened.as_numpy_iterator())

    assert 28 == len(read) == int(opened.cardinality())
    assert (12, None, 3) == tuple(opened.element_spec["image"].shape)
    for example in read:
        name = example["key"].decode()
        assert np.array_equal(cv2.imread(str(folder / name))[..., ::-1], example["image"])
        assert f"class{example['label']}" == name.partition("/")[0]


def test_names_are_swapped_in_one_step(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    seen: list[bool] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.append((tmp_path / "one").exists() and (tmp_path / "other").exists())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(101):
        exchange(tmp_path / "one", tmp_path / "other")
    stop.set()
    watcher.join()

    assert all(seen)
    assert (tmp_path / "one" / "other").exists()


@pytest.mark.slow
def test_a_killed_worker_is_reported_and_its_shards_are_written_again(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    big = np.random.default_rng(0).integers(0, 255, (900, 900, 3), np.uint8)
    for number in range(256):
        path = folder / f"class{number % 2}" / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        big[0, 0] = number
        cv2.imwrite(str(path), big)
    command = [sys.executable, "-m", "kit", "shard", str(folder), "--name", "pets", "--size", "32", "--workers", "2"]
    with subprocess.Popen(
        [*command, "--root", str(tmp_path)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        caught: list[int] = []
        wait_until(lambda: _catch(process.pid, caught), process)
        os.kill(caught[0], signal.SIGKILL)
        _, errors = process.communicate()
    undisturbed = shard(folder, name="pets", size=(32, 32), workers=1, root=tmp_path / "undisturbed")

    assert 0 == process.returncode
    assert "a worker process was killed; the shards it had begun are written again" in errors
    assert _files(undisturbed.folder) == _files(tmp_path / "tfrecords" / "pets")


def _catch(pid: int, caught: list[int]) -> list[int]:
    """Stop a worker while it writes a shard."""
    if (found := stopped_with_open(_children(pid), lambda path: ".tmp." in path.name)) is not None:
        caught.append(found)
    return caught


def _children(pid: int) -> list[int]:
    """Worker processes of a pool, without multiprocessing's resource tracker, told by its command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            line = (path.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == pid and b"spawn_main" in line:
            found.append(int(path.parent.name))
    return found


class _Dying:
    """An engine whose workers die at once, every time."""

    is_remote = False
    workers = 1

    def run(self, _: object, tasks: Sequence[object], *, lost: Callable[[int], None], **__: object) -> list[object]:
        for index in range(len(tasks)):
            lost(index)
        return []


def test_workers_that_die_at_once_again_are_an_error(tmp_path: Path) -> None:
    task = ShardTask(
        tmp_path, ShardPlan("train-00000-of-00001.tfrecord", "train", ()), Classes(names=("a",)), ShardSpec()
    )

    with pytest.raises(EngineError, match="a worker process was killed"):
        write_shards([task], _Dying(), NO_PROGRESS)  # type: ignore[arg-type]


@pytest.mark.parametrize("keep_others", [False, True])
def test_after_a_death_begun_shards_are_removed_unless_other_parts_may_be_writing_them(
    tmp_path: Path, keep_others: bool
) -> None:
    plan = ShardPlan("train-00000-of-00001.tfrecord", "train", ())
    task = ShardTask(tmp_path, plan, Classes(names=("a",)), ShardSpec())
    begun = tmp_path / f".0123456789abcdef.tmp.{plan.name}"
    begun.touch()

    with pytest.raises(EngineError, match="a worker process was killed"):
        write_shards([task], _Dying(), NO_PROGRESS, keep_others=keep_others)  # type: ignore[arg-type]
    assert keep_others == begun.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("size=256k", r"No space left on device; free some space and run the same command again"),
        ("ro", r"Read-only file system; choose another --root"),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_and_a_read_only_one_are_named(tmp_path: Path, options: str, message: str, workers: int) -> None:
    folder = _images(tmp_path / "images", each=500)
    root = tmp_path / "disk"
    root.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(root)], check=False, stderr=subprocess.DEVNULL
    ).returncode:
        pytest.skip("only root may mount a small disk")
    command = [sys.executable, "-m", "kit", "shard", str(folder), "--name", "pets", "--workers", str(workers)]
    try:
        answer = subprocess.run([*command, "--root", str(root)], capture_output=True, text=True, check=False)
        datasets = [path.name for path in root.glob("tfrecords/[!.]*")]
    finally:
        subprocess.run(["umount", str(root)], check=True)

    assert 1 == answer.returncode
    said = answer.stderr.splitlines()[-1]  # a slow machine shows progress before
    assert re.match(rf"kit: {re.escape(str(root))}/tfrecords.*: {message}", said)
    assert not datasets


def test_folds_and_two_shares_contradict_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = _images(tmp_path / "images", each=10)
    words = ["shard", str(folder), "--name", "pets", "--folds", "5", "--split", "80/20", "--root", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["kit", *words])
    with pytest.raises(SystemExit) as left:
        main()

    assert 1 == left.value.code
    assert capfd.readouterr().err.startswith("kit: --folds makes train and validation; give --split three shares")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "folds must be 2 or more, got 1"),
        ({"undersample": "up"}, "undersample takes True or False or None, got 'up'"),
        ({"undersample": True, "per_class": 5}, "give undersample or per_class, not both"),
        ({"fit": "squeeze"}, "fit must be one of crop, pad, stretch, got 'squeeze'"),
        ({"scale": "percentile:99,1"}, "scale must be none, minmax or percentile:1,99"),
        ({"encoding": "jpeg:0"}, "encoding must be auto, keep, raw, png, jpeg or jpeg:90"),
        ({"page": -1}, "page must be 0 or more"),
        ({"label_column": "x"}, "label_column= need labels="),
    ],
)
def test_settings_that_cannot_be_are_refused_before_anything_is_read(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        shard(tmp_path / "nowhere", name="pets", root=tmp_path, **options)  # type: ignore[arg-type]


def test_each_fold_validates_once_and_the_others_train(tmp_path: Path) -> None:
    dataset = shard(_images(tmp_path / "images", each=15), name="pets", folds=3, workers=1, root=tmp_path)
    views = [dataset.for_fold(fold) for fold in range(3)]
    keys = [
        [{example.key for example in read_examples(view, split)} for split in ("train", "validation")] for view in views
    ]
    named = [[shard.name for shard in view.shards("validation")] for view in (dataset, views[0])]

    assert all(train.isdisjoint(validation) and 30 == len(train | validation) for train, validation in keys)
    assert 30 == len(set.union(*(validation for _, validation in keys)))
    assert [(20, 10)] * 3 == [(view.manifest.records("train"), view.manifest.records("validation")) for view in views]
    assert dataset.manifest.counts == views[0].manifest.counts == dataset.for_fold(None).manifest.counts
    assert named[0] == named[1]


def test_a_fold_that_is_not_there_is_refused(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images", each=12)
    plain = shard(folder, name="plain", workers=1, root=tmp_path)
    folded = shard(folder, name="folded", folds=2, workers=1, root=tmp_path)

    with pytest.raises(ShardError, match=r"plain has no folds \(shard it with folds=5\), not fold 0"):
        plain.for_fold(0)
    with pytest.raises(ShardError, match="folded has folds 0 to 1, not fold 2"):
        folded.for_fold(2)
