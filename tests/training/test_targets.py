"""Trainings of every target and head, against the same network in plain Keras on the same batches."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import dataset_of
from numpy.typing import NDArray
from sklearn import metrics as reference

import kit
from kit.ablation import Axis
from kit.datasets import Dataset
from kit.errors import SpecError
from kit.inference.predictions import read_predictions
from kit.runs import RunDirectory
from kit.specs import ShardSpec
from kit.targets import Target
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values
from kit.training.request import run_spec
from tests.training.test_devices import train_on
from tests.training.test_resume import assert_equal, finished, stop_at

COUNT = 60
SETTINGS = {
    "model.filters": "4",
    "model.pool": 2,
    "model.dense": "8",
    "model.bn_position": "none",
    "train.epochs": 2,
    "train.batch_size": 8,
    "train.learning_rate": 0.01,
}
TAGS = Tags(names=("cirrus", "haze", "road"))
_RNG = np.random.default_rng(0)
_MARKS = _RNG.random((COUNT, 3)) < (0.5, 0.3, 0.4)
_NUMBERS = [f"{angle:.6g} {100 + count}" for angle, count in zip(_RNG.normal(size=COUNT), range(COUNT), strict=True)]
TARGETS: dict[str, tuple[Target, list[str]]] = {
    "grades": (Grades(names=("low", "mid", "top")), ["low", "mid", "top", "low"] * (COUNT // 4)),
    "tags": (TAGS, [TAGS.join(np.array(TAGS.names)[row]) for row in _MARKS]),
    "values": (Values.of(("angle", "count"), _NUMBERS), _NUMBERS),
}
Decide = Callable[[NDArray[Any]], NDArray[Any]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a dataset of each target, of random images in two folds."""
    folder = tmp_path_factory.mktemp("targets")
    for name, (target, labels) in TARGETS.items():
        dataset_of(folder, target, labels, name=name, spec=ShardSpec(split=(0.6, 0.4)))
    return folder


def opened(root: Path, name: str) -> Dataset:
    from kit.datasets import find_dataset

    return find_dataset(name, root=root)


def plain_outputs(dataset: Dataset, head: str, loss: Any, activation: str, units: int) -> dict[str, list[Any]]:
    """Train two epochs in plain Keras, and give losses, labels and outputs of the validation split after each."""
    from kit.compat import keras
    from kit.models.build import build_model
    from kit.pipeline import eval_batches, train_batches

    layer = dataset.manifest.target.head(head)
    spec = run_spec(dataset, "histopathologic-cancer", {**SETTINGS, "model.head": head}, seed=0)
    initial = build_model(spec.model, dataset.shape, layer, seed=0)
    network = keras.Sequential(
        [
            keras.Input(dataset.shape),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.MaxPooling2D(2, 2),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(units, activation=activation),
        ]
    )
    network.set_weights(initial.get_weights())
    network.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    steps = dataset.full_batches("train", 8)
    batches = list(train_batches(dataset, layer, batch_size=8, seed=0).take(2 * steps).as_numpy_iterator())
    (kept,) = eval_batches(dataset, "validation").as_numpy_iterator()
    images, truth = kept["image"] / np.float32(255), kept["label"]
    found: dict[str, list[Any]] = {"loss": [], "val_loss": [], "outputs": [], "truth": [truth]}
    for begin in (0, steps):
        losses = [
            network.train_on_batch(*batch) for batch in batches[begin : begin + steps] if not network.reset_metrics()
        ]
        found["loss"].append(float(np.mean(losses)))
        found["val_loss"].append(float(network.evaluate(images, layer.encode(truth), verbose=0)))
        found["outputs"].append(network.predict(images, verbose=0))
    return found


def test_weighed_tags_are_learned_as_by_a_plain_network_with_an_output_for_each_tag(root: Path) -> None:
    from sklearn.utils.class_weight import compute_class_weight

    from kit.compat import keras
    from kit.models.build import build_model
    from kit.pipeline import eval_batches, train_batches

    dataset, settings = opened(root, "tags"), {**SETTINGS, "train.class_weights": "balanced", "train.evaluate": "last"}
    layer = dataset.manifest.target.head()
    spec = run_spec(dataset, "histopathologic-cancer", settings, seed=0)
    *hidden, kernel, bias = build_model(spec.model, dataset.shape, layer, seed=0).get_weights()
    inputs = keras.Input(dataset.shape)
    shown = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    shown = keras.layers.Flatten()(keras.layers.MaxPooling2D(2, 2)(shown))
    shown = keras.layers.Dense(8, activation="relu")(shown)
    network = keras.Model(inputs, [keras.layers.Dense(1, activation="sigmoid")(shown) for _ in TAGS.names])
    network.set_weights([*hidden, *(part for j in range(3) for part in (kernel[:, [j]], bias[[j]]))])
    network.compile(optimizer=keras.optimizers.Adam(0.01), loss=["binary_crossentropy"] * 3, loss_weights=[1 / 3] * 3)
    steps = dataset.full_batches("train", 8)
    every = list(train_batches(dataset, layer, batch_size=8, seed=0).take(2 * steps).as_numpy_iterator())
    (stored,) = eval_batches(dataset, "train", batch_size=COUNT).as_numpy_iterator()
    weights = np.stack(
        [compute_class_weight("balanced", classes=np.array([0, 1]), y=column) for column in stored["label"].T]
    )
    losses = []
    for images, labels in every:
        weighed = [weights[j][labels[:, j].astype(int)].astype(np.float32) for j in range(3)]
        network.reset_metrics()
        losses.append(network.train_on_batch(images, [labels[:, [j]] for j in range(3)], sample_weight=weighed)[0])
    (kept,) = eval_batches(dataset, "validation").as_numpy_iterator()
    outputs = np.concatenate(network.predict(kept["image"] / np.float32(255), verbose=0), axis=1)
    run = kit.train("tags", settings=settings, root=root)
    predicted = read_predictions(run.predictions, TAGS)

    assert np.reshape(losses, (2, steps)).mean(axis=1) == pytest.approx(run.history().column("loss"), rel=1e-4)
    assert outputs == pytest.approx(predicted.outputs, abs=1e-4)
    plain = float(keras.losses.BinaryCrossentropy()(kept["label"].astype(np.float32), outputs))
    assert plain == pytest.approx(run.history().column("val_loss")[-1], rel=1e-4)


def rmse(truth: NDArray[Any], given: NDArray[Any]) -> float:
    return float(reference.root_mean_squared_error(truth, given))


def qwk(truth: NDArray[Any], given: NDArray[Any]) -> float:
    return float(reference.cohen_kappa_score(truth, given, weights="quadratic"))


def micro_f1(truth: NDArray[Any], given: NDArray[Any]) -> float:
    return float(reference.f1_score(truth, given, average="micro"))


@pytest.mark.parametrize(
    ("name", "head", "loss", "activation", "units", "decide", "metric", "judge"),
    [
        ("tags", "tags", "binary_crossentropy", "sigmoid", 3, lambda given: given >= 0.5, "micro_f1", micro_f1),
        ("grades", "classes", "categorical_crossentropy", "softmax", 3, lambda given: given.argmax(axis=1), "qwk", qwk),
        ("grades", "value", "mse", "linear", 1, lambda given: np.clip(np.rint(given[:, 0] + 1), 0, 2), "qwk", qwk),
        ("values", "value", "mse", "linear", 2, None, "rmse", rmse),
    ],
)
def test_an_epoch_is_that_of_plain_keras(
    root: Path,
    name: str,
    head: str,
    loss: str,
    activation: str,
    units: int,
    decide: Decide | None,
    metric: str,
    judge: Callable[..., float],
) -> None:
    dataset = opened(root, name)
    run = kit.train(name, settings={**SETTINGS, "model.head": head}, root=root)
    found = plain_outputs(dataset, head, loss, activation, units)
    numbers = np.asarray([label.split() for label in TARGETS["values"][1]], np.float64)
    given = [decide(one) if decide else one * numbers.std(axis=0) + numbers.mean(axis=0) for one in found["outputs"]]

    np.testing.assert_allclose(run.history().column("loss"), found["loss"], rtol=1e-4)
    np.testing.assert_allclose(run.history().column("val_loss"), found["val_loss"], rtol=1e-4)
    expected = [judge(found["truth"][0], one) for one in given]
    np.testing.assert_allclose(run.history().column(f"val_{metric}"), expected, rtol=1e-4, atol=1e-6)


def test_coral_learns_what_plain_keras_learns_of_shared_weights(root: Path) -> None:
    """Shared weights are a unit of one output, and thresholds that are added to it."""
    from kit.compat import keras, tf
    from kit.models.build import build_model
    from kit.pipeline import train_batches

    dataset = opened(root, "grades")
    run = kit.train("grades", settings=SETTINGS, head="cumulative", root=root)
    head = dataset.manifest.target.head("cumulative")
    network = build_model(run.spec().model, dataset.shape, head, seed=0)
    optimizer, losses = keras.optimizers.Adam(0.01), []
    steps = dataset.full_batches("train", 8)
    kernel, bias = network.get_layer("head").trainable_weights
    features = keras.Model(network.input, network.get_layer("head").input)
    for images, labels in train_batches(dataset, head, batch_size=8, seed=0).take(steps):
        with tf.GradientTape() as tape:
            above = tf.matmul(features(images, training=True), tf.convert_to_tensor(kernel)) + bias
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, above))
        weights = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        losses.append(float(loss))

    assert pytest.approx(np.mean(losses), rel=1e-4) == run.history().column("loss")[0]
    assert [row["val_qwk"] for row in run.history().rows]


@pytest.mark.parametrize(
    ("name", "head"), [("grades", "value"), ("grades", "cumulative"), ("tags", ""), ("values", "")]
)
def test_predictions_that_are_kept_have_the_figure_of_the_best_epoch(root: Path, name: str, head: str) -> None:
    from kit.metrics import find_metric

    target = TARGETS[name][0]
    run = kit.train(name, settings={**SETTINGS, **({"model.head": head} if head else {})}, root=root)
    kept, metric = read_predictions(run.predictions, target), find_metric(target.default_metric)
    curve = run.history().column(f"val_{metric.name}")

    assert pytest.approx(run.result().best[f"val_{metric.name}"], rel=1e-5) == kept.judge(metric).value
    assert curve.index((min if metric.direction == "min" else max)(curve)) + 1 == run.result().best_epoch
    assert f"val_{metric.name}" == run.spec().train.monitor == run.spec().train.early_stopping.monitor


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("tags", {"model.head": "cumulative"}, r"model.head: unknown head 'cumulative'.*this dataset's target is tags"),
        ("grades", {"train.loss": "mse"}, "train.loss: head classes takes crossentropy, .*focal.*, not mse"),
        ("grades", {"model.head": "value", "train.loss": "focal"}, "train.loss: head value takes .*, not focal"),
        ("values", {"train.label_smoothing": 0.1}, "train.label_smoothing=0.1 spreads the truth over names"),
        ("tags", {"train.sampling": "balanced"}, "train.sampling=balanced needs one class or grade an image"),
        ("values", {"train.class_weights": "balanced"}, "train.class_weights=balanced needs classes, grades or tags"),
        ("values", {"train.sampling": "balanced"}, "train.sampling=balanced needs one class or grade an image"),
        ("values", {"train.metrics": "auc"}, "metric auc does not fit: it judges .*; this dataset's target is values"),
        (
            "grades",
            {"model.head": "value", "train.metrics": "log_loss"},
            "log_loss judges probabilities, and head value",
        ),
        ("grades", {"train.metrics": "qwq"}, "unknown metric 'qwq'; did you mean 'qwk'"),
        ("grades", {"train.monitor": "qwk"}, "monitor must be val_loss or val_ and a metric, got 'qwk'"),
    ],
)
def test_what_a_target_or_a_head_does_not_take_is_refused_before_anything_is_written(
    root: Path, name: str, changes: dict[str, Any], message: str
) -> None:
    before = sorted(root.rglob("*"))
    with pytest.raises(SpecError, match=message):
        kit.train(name, settings={**SETTINGS, **changes}, seed=77, root=root)

    assert before == sorted(root.rglob("*"))


STATES = {**SETTINGS, "model.dropout": 0.2, "augment.mixup": 0.4, "train.ema": 0.9, "train.batch_size": 2}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "head", "metrics"),
    [("grades", "cumulative", "qwk,accuracy"), ("tags", "", "micro_f1,column_auc"), ("values", "", "rmse,spearman")],
)
def test_a_training_that_is_killed_between_and_within_epochs_goes_on_to_the_same(
    root: Path, tmp_path: Path, name: str, head: str, metrics: str
) -> None:
    dataset = opened(root, name)
    changes = {**STATES, "train.metrics": metrics, "model.head": head}
    spec = run_spec(dataset, "histopathologic-cancer", changes, seed=3)
    steps = dataset.full_batches("train", 2)
    whole = finished(dataset, spec, RunDirectory(tmp_path / "whole"))
    parts = RunDirectory(tmp_path / "parts")
    for step in (5, steps + 3):
        stop_at(step, dataset, spec, parts)
    finished(dataset, spec, parts)

    assert_equal(whole, parts)
    assert all(math.isfinite(value) for row in whole.history().metrics() for value in row.values())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "metrics"), [("tags", "micro_f1,column_auc"), ("values", "rmse,spearman")])
def test_two_devices_come_to_the_figures_of_one(root: Path, tmp_path: Path, name: str, metrics: str) -> None:
    changes = {**SETTINGS, "train.metrics": metrics, "augment.mixup": 0.4}
    one, two = (train_on(devices, opened(root, name), tmp_path, changes) for devices in ("cpu", "cpu:2"))

    for row, same in zip(one.history().metrics(), two.history().metrics(), strict=True):
        assert row == pytest.approx(same, rel=1e-4, abs=1e-6)
    assert all(math.isfinite(value) for row in two.history().metrics() for value in row.values())


@pytest.mark.slow
def test_heads_are_an_ablation_whose_seeds_are_paired(root: Path) -> None:
    ablation = kit.ablate(
        "grades",
        [Axis("model.head", ("classes", "cumulative", "value"))],
        settings={**SETTINGS, "train.epochs": 1},
        seeds=1,
        jobs=1,
        root=root,
    )
    specs = {run.spec().arm: run.spec().train for run in ablation.runs}

    assert {"head=classes", "head=cumulative", "head=value"} == set(specs)
    assert ["crossentropy", "crossentropy", "mse"] == [spec.loss for spec in specs.values()]
    assert "val_qwk" == ablation.plan.figure() == ablation.plan.figure("qwk")
    assert all(run.history().column("val_qwk") for run in ablation.runs)


def test_half_precision_trains_every_head(root: Path) -> None:
    run = kit.train("values", settings={**SETTINGS, "train.precision": "mixed_bfloat16"}, root=root)
    single = kit.train("values", settings=SETTINGS, root=root)

    np.testing.assert_allclose(run.history().column("val_loss"), single.history().column("val_loss"), rtol=0.05)


def test_a_metric_of_ones_own_is_monitored_by_its_own_direction(root: Path, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("def miss(truth, given):\n    return float(abs(truth - given).max())\n")
    name = f"{tmp_path}/score.py:miss:min:numbers"
    run = kit.train("values", settings={**SETTINGS, "train.metrics": name, "train.monitor": f"val_{name}"}, root=root)
    curve = run.history().column(f"val_{name}")

    assert curve.index(min(curve)) + 1 == run.result().best_epoch
    assert curve[0] != curve[1]
