from __future__ import annotations

import dataclasses
import importlib.util
import linecache
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import dataset_of
from numpy.typing import NDArray

import kit
from kit.conversion.reshard import plan_again, shard_again
from kit.datasets import Dataset, find_dataset, verify_dataset
from kit.errors import ShardError, SpecError
from kit.metrics import find_metric
from kit.metrics.location import located
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


FUNCTION = "def share(truth, prediction):\n    return (truth == prediction).mean()\n"


def _nameless(folder: Path) -> Callable[..., Any]:
    del folder
    return lambda truth, prediction: (truth == prediction).mean()


def _nested(folder: Path) -> Callable[..., Any]:
    del folder

    def share(truth: NDArray[Any], prediction: NDArray[Any]) -> float:
        return float((truth == prediction).mean())

    return share


def _typed_in(folder: Path) -> Callable[..., Any]:
    """Define a function as a notebook does: its text is known, but stands in no file."""
    del folder
    cell, names = "<ipython-input-1-metric>", {"__name__": "__main__"}
    linecache.cache[cell] = (len(FUNCTION), None, FUNCTION.splitlines(keepends=True), cell)
    exec(compile(FUNCTION, cell, "exec"), names)  # noqa: S102 (as a notebook does)
    return names["share"]  # type: ignore[return-value]


def _in_a_script(folder: Path) -> Callable[..., Any]:
    (folder / "script.py").write_text(f"{FUNCTION}assert __name__ == '__main__'\n")
    return runpy.run_path(str(folder / "script.py"), run_name="__main__")["share"]  # type: ignore[no-any-return]


def _of_a_package(folder: Path) -> Callable[..., Any]:
    """Import a function from a module that takes something else from its package."""
    for name, text in {"__init__": "", "base": "", "score": f"from . import base\n{FUNCTION}"}.items():
        (folder / "own_package").mkdir(exist_ok=True)
        (folder / "own_package" / f"{name}.py").write_text(text)
    sys.path.insert(0, str(folder))
    found = importlib.import_module("own_package.score").share
    sys.path.remove(str(folder))
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_nameless, "metric is a lambda: write it as a function at the top level of a file, as later commands are"),
        (_nested, "metric is 'share', which has no place at the top level of a file: write it as a function at the"),
        (_typed_in, "metric 'share' is in no file: put the function into one, as later commands are processes of"),
        (_in_a_script, "metric 'share' is in .*script.py, which would run as a whole wherever it is loaded: put"),
        (_of_a_package, "cannot be loaded: ImportError.*; put the function into a file that loads without its package"),
    ],
)
def test_a_function_that_no_later_process_finds_is_refused_with_the_way_to_keep_it(
    make: Callable[[Path], Callable[..., Any]], message: str, tmp_path: Path
) -> None:
    function = make(tmp_path)
    for metric in (function, find_metric(function)):
        with pytest.raises(SpecError, match=message) as caught:
            _shard(tmp_path, metric)

        assert 1 == len(str(caught.value).splitlines())
    assert not (tmp_path / "tfrecords").exists()


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
        (3, "a metric is a name, a function or a kit.Metric, got 3"),
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


def test_a_function_of_a_script_that_does_nothing_where_it_is_loaded_is_kept(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"{FUNCTION}if __name__ == '__main__':\n    DONE = True\n")
    names = runpy.run_path(str(script), run_name="__main__")

    assert (True, f"{script}:share") == (names["DONE"], located(names["share"]))


OWN = """
import kit

@kit.metric(direction="min", judges="probabilities")
def cost(truth, given):
    return abs(truth - given[:, 1]).mean()

def share(truth, prediction):
    return (truth == prediction).mean()
"""


def _module(folder: Path) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own_scores.py").write_text(OWN)
    spec = importlib.util.spec_from_file_location("own_scores", folder / "own_scores.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_function_of_a_file_is_kept_as_its_place_and_found_by_another_process(tmp_path: Path) -> None:
    module = _module(tmp_path / "elsewhere")
    dataset = _shard(tmp_path / "workspace", module.cost)
    words = "import sys, kit; metric = kit.find_metric(kit.find_dataset('pets', root=sys.argv[1]).metric);"
    words += "print(metric.name, metric.direction, metric.score([0, 1], [[0.75, 0.25], [0.5, 0.5]]).value)"
    command = [sys.executable, "-c", words, str(dataset.folder.parents[1])]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout

    assert f"{tmp_path}/elsewhere/own_scores.py:cost" == dataset.metric
    assert f"{dataset.metric} min 0.375\n" == said


def test_a_metric_made_of_a_function_keeps_what_was_said_of_it_in_words(tmp_path: Path) -> None:
    module = _module(tmp_path)
    place, made = f"{tmp_path}/own_scores.py", find_metric(module.share)
    changed = dataclasses.replace(made, direction="min", judges="numbers")
    found = find_metric(f"{place}:share:min")

    assert f"{place}:share" == located(made)
    assert f"{place}:share:min:numbers" == located(changed)
    assert f"{place}:share:min" == located(found)
    assert f"{place}:cost" == located(find_metric(module.cost))
    assert "map@5" == located(find_metric("map@5"))
    assert (changed.direction, changed.judges) == (
        find_metric(located(changed)).direction,
        find_metric(located(changed)).judges,
    )


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
