from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from made import dataset_of

import kit
from kit.datasets import Dataset, find_dataset, verify_dataset
from kit.datasets.example import Feature, decode_example, encode_example
from kit.datasets.read import read_examples
from kit.datasets.tfrecord import TFRecordWriter, read_records
from kit.errors import ShardError, SpecError
from kit.files import xxh128_file
from kit.reports.class_balance import write_class_counts
from kit.reports.dataset import dataset_tables, remarks
from kit.reports.labels import describe_metric
from kit.seals import seal
from kit.targets import Target
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

if TYPE_CHECKING:
    from pathlib import Path

TAGS = Tags(names=("haze", "road", "water"), separator="|", no_tag="none")
TAGGED = ["haze|road", "none", "road", "road|haze"] * 10  # the last as a person wrote it, in another order
NUMBERS = ["1.50 3", "-2 4", "0.125 5", "7 6"] * 10
VALUES = Values.of(("angle", "count"), NUMBERS)
GRADES = Grades(names=("low", "middle", "high"))
GRADED = ["low", "high", "middle", "low"] * 10
TARGETS: list[tuple[Target, list[str]]] = [(TAGS, TAGGED), (VALUES, NUMBERS), (GRADES, GRADED)]


def _rewrite(dataset: Dataset, changes: dict[str, Feature]) -> Dataset:
    """Change each first train record's features, and the checksum with it."""
    path = dataset.paths("train")[0]
    first, *others = map(decode_example, read_records(path))
    path.unlink()
    with TFRecordWriter(path) as writer:
        for features in (first | changes, *others):
            writer.write(*encode_example(features))
    manifest = json.loads((dataset.folder / "manifest.json").read_text())
    for shard in manifest["shards"]:
        if shard["name"] == path.name:
            shard["xxh128"], shard["bytes"] = xxh128_file(path), path.stat().st_size
    from kit.datasets.manifest import ShardInfo, fingerprint

    shards = [ShardInfo(**shard) for shard in manifest["shards"]]
    manifest["fingerprint"] = fingerprint(dataset.manifest.target, shards)
    (dataset.folder / "manifest.json").write_bytes(seal(manifest))
    return find_dataset(dataset.manifest.name, root=dataset.folder.parent.parent)


@pytest.mark.parametrize(("target", "labels"), TARGETS)
def test_dataset_of_every_target_is_read_back_and_verified(target: Target, labels: list[str], tmp_path: Path) -> None:
    dataset_of(tmp_path, target, labels, unlabelled=3)
    dataset = find_dataset("made", root=tmp_path)
    verify_dataset(dataset)
    texts = [example.text for split in ("train", "validation") for example in read_examples(dataset, split)]

    assert sorted(labels) == sorted(texts)
    assert target == dataset.manifest.target
    assert [""] * 3 == [example.text for example in read_examples(dataset, "test")]


@pytest.mark.parametrize(
    ("target", "labels", "wrong"),
    [
        (TAGS, TAGGED, {"image/class/label": (0, 2)}),
        (TAGS, TAGGED, {"image/class/label": (3,)}),
        (TAGS, TAGGED, {"image/class/label": -1}),
        (TAGS, TAGGED, {"image/class/text": b"fog"}),
        (VALUES, NUMBERS, {"image/values": (0.0, 0.0)}),
        (VALUES, NUMBERS, {"image/values": (0.0,)}),
        (VALUES, NUMBERS, {"image/class/text": b"many"}),
        (GRADES, GRADED, {"image/class/label": 7}),
    ],
)
def test_label_that_contradicts_its_text_is_found(
    target: Target, labels: list[str], wrong: dict[str, Feature], tmp_path: Path
) -> None:
    dataset = dataset_of(tmp_path, target, labels)
    verify_dataset(_rewrite(dataset, {}))  # the same bytes
    with pytest.raises(ShardError, match=r"the manifest's (counts|classes) is .*, the records have"):
        verify_dataset(_rewrite(dataset, wrong))


@pytest.mark.parametrize(("target", "labels"), TARGETS)
def test_same_inputs_give_the_same_bytes_of_every_target(target: Target, labels: list[str], tmp_path: Path) -> None:
    first, again = (dataset_of(tmp_path / name, target, labels) for name in ("first", "again"))

    assert first.manifest == again.manifest


def test_counts_that_exceed_the_records_are_refused(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, TAGS, TAGGED)
    manifest = json.loads((dataset.folder / "manifest.json").read_text())
    manifest["counts"]["train"]["road"] = 29
    (dataset.folder / "manifest.json").write_bytes(seal(manifest))

    with pytest.raises(ShardError, match="shards and counts differ"):
        find_dataset("made", root=tmp_path)


def _version_3(dataset: Dataset) -> None:
    """Write the manifest as kit did when it knew classes only."""
    path = dataset.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    target = manifest.pop("target")
    path.write_bytes(seal({**manifest, "format_version": 3, "classes": target["names"]}))


def test_dataset_of_format_version_3_is_opened_verified_and_trained(tmp_path: Path) -> None:
    labels = np.arange(80) % 2
    rng = np.random.default_rng(0)
    images = np.stack([rng.integers(90 * label, 90 * label + 90, (16, 16, 3), np.uint8) for label in labels])
    made = kit.shard_arrays(images, labels, name="old", root=tmp_path, workers=1)
    _version_3(made)
    old = find_dataset("old", root=tmp_path)
    verify_dataset(old)
    settings = {"train.epochs": 1, "train.batch_size": 8, "model.pool": 2, "model.filters": "4", "model.dense": "8"}
    run = kit.train("old", settings=settings, root=tmp_path)

    assert made.manifest.fingerprint == old.manifest.fingerprint
    assert made.manifest.target == old.manifest.target
    assert old.manifest.format_version == 3
    assert "accuracy" == old.metric
    assert run.is_finished
    again = kit.shard_arrays(images, labels, name="old", root=tmp_path, workers=1)  # is the same one, left as it is

    assert again.manifest == old.manifest


def test_table_of_tags_counts_images_of_each(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, TAGS, TAGGED, unlabelled=3)
    images = dataset_tables(dataset)[0]
    rows = {row[0]: row[1:] for row in images.rows}
    records = dataset.manifest.records("train")

    assert ("split", "all", "haze", "road", "unlabelled") == images.columns
    assert rows["train"][0] == f"{records}"
    assert rows["train"][2] == f"{21}\n{21 / records:.1%}"
    assert "metric: micro_f1, the default of tags; kit shard --metric names the competition's" == describe_metric(
        dataset.manifest.target, dataset.metric
    )
    assert "metric: column_auc" == describe_metric(dataset.manifest.target, "column_auc")
    assert "warning: no train image has the tag water (1); nothing can be learned of it" in remarks(dataset)


def test_table_of_values_shows_their_range(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, VALUES, NUMBERS)
    (values,) = (table for table in dataset_tables(dataset) if table.title.startswith("values"))

    assert ("angle", "1.65625", f"{np.std([1.5, -2, 0.125, 7]):.6g}", "-2", "7") == values.rows[0]
    assert f"{np.std([3, 4, 5, 6]):.6g}" == values.rows[1][2]


def test_chart_of_classes_is_refused_for_numbers(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, VALUES, NUMBERS)
    with pytest.raises(SpecError, match="counts images of each class, grade or tag; made has numbers"):
        write_class_counts(dataset, tmp_path / "chart.png")


@pytest.mark.parametrize(("target", "labels"), TARGETS)
def test_augmented_images_of_every_target_are_drawn(target: Target, labels: list[str], tmp_path: Path) -> None:
    from kit.reports.augmentation import write_augmentation
    from kit.specs import AugmentSpec

    write_augmentation(dataset_of(tmp_path, target, labels), AugmentSpec(mixup=0.4), tmp_path / "mixed.png")

    assert (tmp_path / "mixed.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "labels"}, r"target\.kind must be one of classes, grades, tags, values, got 'labels'"),
        ({"kind": 3}, r"target\.kind must be one of classes, grades, tags, values"),
        ({"separator": 3}, r"target\.separator must be a text, got 3"),
        ({"names": "road"}, r"target\.names must be a list, got 'road'"),
    ],
)
def test_target_that_was_changed_is_named(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, TAGS, TAGGED)
    manifest = json.loads((dataset.folder / "manifest.json").read_text())
    manifest["target"] |= changes
    (dataset.folder / "manifest.json").write_bytes(seal(manifest))

    with pytest.raises(ShardError, match=message):
        find_dataset("made", root=tmp_path)
