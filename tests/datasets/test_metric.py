from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from made import dataset_of

import kit
from kit.conversion.reshard import plan_again, shard_again
from kit.datasets import Dataset, find_dataset, verify_dataset
from kit.errors import ShardError, SpecError
from kit.metrics import find_metric
from kit.progress import NoProgress
from kit.targets import Target
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

IMAGES = np.random.default_rng(0).integers(0, 255, (24, 8, 8, 3), np.uint8)
LABELS = ["cat", "dog"] * 12
GRADES = {"target": "grades", "class_names": ["cat", "dog"]}
DEFAULTS: list[tuple[Target, list[str], str]] = [
    (Grades(names=("0", "1", "2")), [*"012012"] * 4, "qwk"),
    (Tags(names=("a", "b")), ["a b", "b", "", "a"] * 6, "micro_f1"),
    (Values.of(["x"], [str(value) for value in range(24)]), [str(value) for value in range(24)], "rmse"),
]


def _shard(root: Path, metric: object = None, **options: object) -> Dataset:
    return kit.shard_arrays(IMAGES, LABELS, name="pets", metric=metric, workers=1, root=root, **options)


def _others(dataset: Dataset) -> dict[str, tuple[bytes, int]]:
    """Every file but that of the metric, with its time of change."""
    paths = [path for path in dataset.folder.iterdir() if path.name != "metric.json"]
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def test_metric_of_classes_is_accuracy_unless_one_is_named(tmp_path: Path) -> None:
    assert "accuracy" == _shard(tmp_path).metric
    assert not (tmp_path / "tfrecords" / "pets" / "metric.json").exists()


@pytest.mark.parametrize(("target", "labels", "default"), DEFAULTS)
def test_metric_is_the_targets_default(target: Target, labels: list[str], default: str, tmp_path: Path) -> None:
    assert default == dataset_of(tmp_path, target, labels).metric


def test_named_metric_is_read_by_whoever_opens_the_dataset(tmp_path: Path) -> None:
    _shard(tmp_path, "auc")

    assert "auc" == find_dataset("pets", root=tmp_path).metric
    verify_dataset(find_dataset("pets", root=tmp_path))


class Listener(NoProgress):
    """Keeps the notes that stand for no step."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.notes += [note] * (bool(note) and not steps)


def test_metric_changes_without_sharding_anew(tmp_path: Path) -> None:
    before = _shard(tmp_path, "auc")
    files = _others(before)
    listener = Listener()
    after = _shard(tmp_path, "macro_f1", progress=listener)

    assert "macro_f1" == after.metric
    assert files == _others(after)
    assert before.manifest == after.manifest
    assert "metric: macro_f1, was auc; the shards stay as they are" in listener.notes
    verify_dataset(after)


def test_same_command_without_a_metric_keeps_it(tmp_path: Path) -> None:
    _shard(tmp_path, "auc")

    assert "auc" == _shard(tmp_path).metric


@pytest.mark.parametrize(
    ("kept", "options", "metric", "said"),
    [
        ("auc", {}, "auc", "metric: auc, kept from the replaced dataset"),
        ("column_auc", GRADES, "qwk", "metric: qwk, as that of the replaced dataset was dropped: metric column_auc d"),
        (None, GRADES, "qwk", ""),
    ],
)
def test_replaced_dataset_keeps_the_metric_that_judges_its_target_and_says_it(
    tmp_path: Path, kept: str | None, options: dict[str, object], metric: str, said: str
) -> None:
    _shard(tmp_path, kept)
    listener = Listener()
    dataset = _shard(tmp_path, seed=1, force=True, progress=listener, **options)

    assert metric == dataset.metric
    assert [bool(said)] == [any(note.startswith(said) for note in listener.notes) and bool(said)]
    verify_dataset(dataset)


def test_fold_has_the_metric_of_its_dataset(tmp_path: Path) -> None:
    assert "auc" == _shard(tmp_path, "auc", folds=3).for_fold(1).metric


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("rmse", "metric rmse does not fit: it judges .*values; this dataset's target is classes"),
        ("acuracy", "unknown metric 'acuracy'; did you mean 'accuracy'"),
        ("nowhere.py:cost", "metric file nowhere.py is missing"),
        (np.mean, "metric takes text or None, got <function mea"),
    ],
)
def test_metric_that_cannot_be_is_refused_before_anything_is_written(
    metric: object, message: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match=message):
        _shard(tmp_path, metric)

    assert not list(tmp_path.rglob("*.tfrecord"))


def test_metric_that_cannot_be_leaves_the_one_there_is(tmp_path: Path) -> None:
    _shard(tmp_path, "auc")
    with pytest.raises(SpecError):
        _shard(tmp_path, "rmse")

    assert "auc" == find_dataset("pets", root=tmp_path).metric


def test_metric_in_a_file_of_the_workspace_moves_with_it(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    (first / "score.py").write_text("def share(truth, prediction):\n    return (truth == prediction).mean()\n")
    _shard(first, f"{first / 'score.py'}:share:max")
    shutil.move(first, tmp_path / "second")
    metric = find_metric(find_dataset("pets", root=tmp_path / "second").metric)

    assert metric.score(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0]), None).value == 0.75


def test_metric_in_a_file_elsewhere_is_found_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "score.py").write_text("def share(truth, prediction):\n    return (truth == prediction).mean()\n")
    monkeypatch.chdir(tmp_path)
    _shard(tmp_path / "workspace", "score.py:share")
    monkeypatch.chdir("/")

    assert find_metric(find_dataset("pets", root=tmp_path / "workspace").metric).direction == "max"


def test_damaged_metric_is_refused_and_put_right_by_naming_it_again(tmp_path: Path) -> None:
    dataset = _shard(tmp_path, "auc")
    (dataset.folder / "metric.json").write_text("{")
    with pytest.raises(ShardError, match=r"metric\.json: not JSON.*; remove the file, or name the metric again"):
        _ = dataset.metric

    assert "auc" == _shard(tmp_path, "auc").metric


def test_dataset_sharded_at_another_size_keeps_the_metric(tmp_path: Path) -> None:
    import cv2

    for index, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        path = tmp_path / "images" / label / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
    dataset = kit.shard(tmp_path / "images", name="pets", metric="auc", workers=1, root=tmp_path)
    smaller = shard_again(dataset, plan_again(dataset, {"data.size": "4"}), workers=1, root=tmp_path)

    assert (4, 4, 3) == smaller.shape
    assert "auc" == smaller.metric


def test_target_that_changed_is_named(tmp_path: Path) -> None:
    labels = [*"012"] * 8
    dataset_of(tmp_path, Grades(names=("0", "1", "2")), labels)
    with pytest.raises(ShardError, match=r"other inputs or settings: target was grades, is values;"):
        dataset_of(tmp_path, Values.of(["x"], labels), labels)
