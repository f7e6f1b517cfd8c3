"""Notes and warnings of a training: the default recipe, averages that cannot converge, results at chance level."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy.stats import binom

import kit
from kit.datasets import Dataset
from kit.inference.predictions import Predictions
from kit.progress import NoProgress
from kit.runs import History
from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values
from kit.training.request import run_spec
from kit.training.training_warnings import doubt_averages, doubt_columns, doubt_result, note_undefined
from tests.made import class_predictions


class Notes(NoProgress):
    """Records the notes."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def advance(self, steps: int = 1, note: str = "") -> None:
        del steps
        self.said.append(note)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Images independent of their class: 64 to train on, 16 to validate."""
    images = np.random.default_rng(0).integers(0, 255, (80, 8, 8, 3), np.uint8)
    root = tmp_path_factory.mktemp("noise")
    return kit.shard_arrays(images, ["a", "b"] * 40, name="noise", split=(0.8, 0.2), root=root, workers=1)


def scores(truth: list[int], named: list[int], classes: int = 2) -> Predictions:
    return class_predictions([], np.asarray(truth, np.int32), np.eye(classes, dtype=np.float32)[named])


def averages(noise: Dataset, **settings: Any) -> str:
    wanted = {f"model.{name}" if name.startswith("bn") else f"train.{name}": value for name, value in settings.items()}
    return doubt_averages(run_spec(noise, "histopathologic-cancer", wanted, seed=0), noise)


def test_averages_that_keep_what_they_began_with_are_named_with_a_momentum_that_does_not(noise: Dataset) -> None:
    said = averages(noise, bn_momentum=0.99, batch_size=4, epochs=4)

    assert "53% of its moving averages are still their initial values after all 64 steps (0.99^64)" in said
    assert "set model.bn_momentum=0.9, or train more epochs" in said
    assert not averages(noise, bn_momentum=0.9, batch_size=4, epochs=4)
    assert not averages(noise, bn_momentum=0.99, batch_size=4, epochs=20)
    assert "model.bn_momentum=0.5" in averages(noise, bn_momentum=0.9, batch_size=8, epochs=2)
    assert averages(noise, bn_momentum=0.9, batch_size=32, epochs=1).endswith("train more epochs")
    assert not averages(noise, bn_momentum=0.99, bn_position="none", batch_size=32, epochs=1)


def test_the_share_that_is_left_is_what_keras_has_left(noise: Dataset) -> None:
    """Statistics of batches that all have the mean 1 and began at 0."""
    from kit.compat import keras

    layer = keras.layers.BatchNormalization(momentum=0.99)
    batch = np.ones((4, 2), np.float32)
    for _ in range(64):
        layer(batch, training=True)

    assert "53%" in averages(noise, bn_momentum=0.99, batch_size=4, epochs=4)
    assert pytest.approx(1 - 0.5256, abs=1e-4) == float(layer.moving_mean[0])


def test_one_class_for_all_images_is_named() -> None:
    said = doubt_result(scores([0, 1] * 20, [1] * 40), ("no", "yes"))

    assert "predicts yes for all 40 validation images; AUC 0.5000, where chance has 0.5" == said


@pytest.mark.parametrize("images", [40, 200])
def test_chance_is_where_a_binomial_test_cannot_tell_it(images: int) -> None:
    truth = [0] * (images // 2) + [1] * (images // 2)
    fewest = int(binom.ppf(0.95, images, 0.5)) + 1  # right answers that chance gives in 5 % of cases at most
    for right in (fewest - 1, fewest):
        named = truth[: right // 2] + [1 - one for one in truth[right // 2 : -(right - right // 2)]]
        named += truth[-(right - right // 2) :]
        said = doubt_result(scores(truth, named), ("no", "yes"))

        assert right == sum(one == other for one, other in zip(truth, named, strict=True))
        assert bool(said) == (right < fewest)


def test_a_rare_class_that_is_ranked_well_is_not_called_unseen() -> None:
    from sklearn.metrics import roc_auc_score

    chances = np.linspace(0.01, 0.4, 100, dtype=np.float32)
    truth = [0] * 95 + [1] * 5
    ranked = class_predictions([], np.asarray(truth, np.int32), np.stack([1 - chances, chances], axis=1))

    assert 1.0 == roc_auc_score(truth, chances)
    assert "predicts no for all 100 validation images; AUC 1.0000, where chance has 0.5" == (
        doubt_result(ranked, ("no", "yes"))
    )


def test_the_largest_class_is_what_must_be_beaten() -> None:
    truth = [0] * 60 + [1] * 20 + [2] * 20
    said = doubt_result(scores(truth, [0] * 59 + [1] * 2 + [0] * 39, 3), ("a", "b", "c"))

    assert (
        "no better than chance: validation accuracy 0.6000, and a for every image would have 0.6000 (n = 100); AUC"
        in said
    )
    assert not doubt_result(scores(truth, truth, 3), ("a", "b", "c"))


def test_a_training_says_its_recipe_and_ends_with_its_doubt(noise: Dataset) -> None:
    from kit.reports.training import describe_run

    notes = Notes()
    settings = {"model.filters": "4", "model.pool": 2, "train.epochs": 1, "train.batch_size": 16}
    root = Path(noise.folder).parents[1]
    run = kit.train("noise", settings=settings, root=root, progress=notes)
    named = Notes()
    kit.train("noise", recipe="histopathologic-cancer", settings=settings, root=root, progress=named)

    assert any(note.startswith("recipe histopathologic-cancer, as none is named") for note in notes.said)
    assert any("(0.99^4)" in note or "^4)" in note for note in notes.said)
    assert not any("none is named" in note for note in named.said)
    assert run.result().doubt
    assert describe_run(run)[-1] == run.result().doubt


def doubt_of(target: Target, truth: np.ndarray, outputs: np.ndarray) -> str:
    given = np.asarray(outputs, np.float32)
    return doubt_result(Predictions([str(key) for key in range(len(truth))], truth, given, target), target.names)


def test_the_same_answer_for_all_images_is_named_whatever_is_predicted() -> None:
    grades, tags = Grades(names=("low", "mid", "top")), Tags(names=("haze", "road"))
    values = Values.of(("x", "y"), ["1 -10", "3 10"])
    generator = np.random.default_rng(0)
    graded, marked = generator.integers(0, 3, 30).astype(np.int32), generator.integers(0, 2, (30, 2), np.int8)
    numbers = generator.normal(size=(30, 2)).astype(np.float32)
    near = generator.normal(0, 1e-4, (30, 2))

    assert "predicts mid for all 30 validation images" == doubt_of(grades, graded, np.full((30, 1), 0.8))
    assert "predicts mid for all 30 validation images" == doubt_of(grades, graded, np.tile([0.2, 0.5, 0.3], (30, 1)))
    assert "predicts haze for all 30 validation images" == doubt_of(tags, marked, np.tile([0.6, 0.4], (30, 1)))
    assert "predicts no tag for all 30 validation images" == doubt_of(tags, marked, np.tile([0.1, 0.4], (30, 1)))
    assert "predicts 2 -0.5 for all 30 validation images" == doubt_of(values, numbers, near + np.array([2, -0.5]))
    assert not doubt_of(grades, graded, graded[:, None])
    assert not doubt_of(tags, marked, marked)
    assert not doubt_of(values, numbers, numbers + near)


def test_numbers_that_are_worse_than_their_mean_are_named() -> None:
    from sklearn.metrics import r2_score

    values = Values.of(("x",), ["1", "3"])
    truth = np.random.default_rng(0).normal(size=(30, 1)).astype(np.float32)
    explained = r2_score(truth, -truth)

    assert f"no better than chance: R² {explained:.4f} on the validation images" in doubt_of(values, truth, -truth)


@pytest.mark.parametrize(
    ("target", "labels", "said"),
    [
        (Classes(names=("a", "b", "c")), [*"ab"] * 4, "val_auc, val_average_precision: the mean without class c (1)"),
        (Classes(names=("a", "b", "c")), [*"abc"] * 3, ""),
        (Classes(names=("a", "b")), ["a"] * 4, ""),  # of two classes there is no mean
        (Tags(names=("a", "b", "c", "d", "e")), ["a b", "a c", "a"], "the mean without tag a, d, e (3)"),
        (Tags(names=("a", "b")), ["a b", "", "a"], ""),
    ],
)
def test_names_that_a_mean_on_validation_leaves_out_are_named_and_counted(
    target: Target, labels: list[str], said: str, noise: Dataset
) -> None:
    shard = msgspec.structs.replace(noise.manifest.shards[0], split="validation", records=len(labels))
    counts = {"validation": target.count(labels)}
    manifest = msgspec.structs.replace(noise.manifest, target=target, counts=counts, shards=(shard,))
    words = doubt_columns(["auc", "average_precision", "accuracy"], manifest)

    assert said in words
    assert bool(said) == bool(words)


def test_a_metric_without_a_value_is_said_once_and_not_of_a_training_that_diverged() -> None:
    history, said = History(Path("unwritten")), []
    rows = [(1.0, 0.5), (1.0, math.nan), (math.nan, math.nan), (1.0, math.nan), (1.0, 0.5)]
    for loss, value in rows:
        history.rows.append({"epoch": 1.0, "loss": loss, "val_loss": loss, "own": 0.5, "val_own": value})
        said.append(note_undefined(history))

    assert ["", "val_own: no value in epoch 2: NaN in the history, and never the best epoch", "", "", ""] == said


OWN = """
calls = []

def sometimes(truth, given):
    calls.append(1)
    return [float("nan"), 0.3, 0.1][(len(calls) - 1) // 2]

def never(truth, given):
    return float("nan")
"""


def test_epochs_in_which_a_metric_of_ones_own_has_no_value_are_nan_and_never_the_best(
    noise: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    some, none = f"{tmp_path}/own.py:sometimes", f"{tmp_path}/own.py:never"
    notes, root = Notes(), Path(noise.folder).parents[1]
    settings = {
        "model.filters": "4",
        "model.pool": 2,
        "train.epochs": 3,
        "train.batch_size": 16,
        "train.metrics": f"accuracy,{some},{none}",
        "train.monitor": f"val_{some}",
    }
    run = kit.train("noise", settings=settings, root=root, progress=notes)
    values = run.history().column(f"val_{some}")
    (shown,) = kit.evaluate(run.path, metric=none, root=root).measures.metrics

    assert (True, [np.float32(0.3), np.float32(0.1)]) == (math.isnan(values[0]), values[1:])
    assert 2 == run.result().best_epoch
    assert shown.value is None
    assert [(f"{none}, {some}, val_{none}, val_{some}", "1")] == [
        (names, epoch[0])
        for names, mark, epoch in (note.partition(": no value in epoch ") for note in notes.said)
        if mark
    ]
