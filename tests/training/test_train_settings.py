"""Effects of the settings in TrainSpec: optimizers, losses, schedules, averages, metrics, early stopping."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics
from trained import SETTINGS, write_images

import kit
from kit.datasets import Dataset
from kit.runs import RunDirectory
from kit.training.request import run_spec
from tests.made import class_head, class_target
from tests.training.test_training import weights

ALL = ("accuracy", "auc", "precision", "recall", "f1")
ROUND = {  # everything that has a state of its own
    "model.dense": "8",
    "model.dropout": 0.2,
    "model.dense_dropout": 0.3,
    "augment.horizontal_flip": "true",
    "augment.rotation": 10,
    "train.ema": 0.9,
    "train.schedule.kind": "plateau",
    "train.schedule.patience": 1,
    "train.schedule.factor": 0.5,
    "train.early_stopping.patience": 4,
    "train.metrics": ",".join(ALL),
    "train.optimizer": "sgd",
    "train.momentum": 0.9,
    "train.epochs": 5,
}


@pytest.fixture(scope="module")
def three(workspace: Path) -> Dataset:
    """90 images of three classes, the first rarer than the others."""
    write_images(workspace / "three", 105, ("dark", "light", "mid"), seed=5)
    for path in sorted((workspace / "three" / "dark").iterdir())[:15]:
        path.unlink()
    return kit.shard(workspace / "three", name="three", root=workspace, workers=1)


CHANGES = [
    {"train.optimizer": "adamw", "train.weight_decay": 0.1},
    {"train.optimizer": "adamax"},
    {"train.optimizer": "sgd", "train.momentum": 0.9, "train.schedule.kind": "cosine"},
    {"train.loss": "focal", "train.label_smoothing": 0.1},
    {"train.class_weights": "balanced", "train.label_smoothing": 0.1},
    {"train.sampling": "balanced", "augment.mixup": 0.4},
    {"augment.cutmix": 1.0, "train.ema": 0.9},
]
TOGETHER = [  # all of them in fewer trainings
    {**CHANGES[0], **CHANGES[4]},
    {**CHANGES[1], **CHANGES[3], **CHANGES[6]},
    {**CHANGES[2], **CHANGES[5]},
]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        *(("tiny", changes) for changes in TOGETHER),
        *(pytest.param(name, changes, marks=pytest.mark.slow) for name in ("tiny", "three") for changes in CHANGES),
    ],
    ids=lambda changes: ",".join(map(str, changes)) if isinstance(changes, dict) else changes,
)
def test_every_setting_learns_and_is_recorded(
    name: str, changes: dict[str, Any], tiny: Dataset, three: Dataset, workspace: Path
) -> None:
    dataset = {"tiny": tiny, "three": three}[name]
    run = kit.train(
        dataset.manifest.name, settings={**SETTINGS, "train.metrics": ",".join(ALL), **changes}, root=workspace
    )
    history = run.history()

    for metric in ("loss", *ALL):
        values = history.column(metric) + history.column(f"val_{metric}")
        assert 6 == len(values)
        assert all(math.isfinite(value) for value in values)
    assert history.column("loss")[-1] < history.column("loss")[0]
    assert {*ALL, "loss"} <= run.result().final.keys()


def test_a_training_with_all_its_states_goes_on_to_the_same_numbers(tiny: Dataset, tmp_path: Path) -> None:
    from kit.training.fit import train_run

    changes = {**SETTINGS, **ROUND, "train.threads": 1}
    spec = run_spec(tiny, "histopathologic-cancer", changes, seed=3)
    whole, parts = RunDirectory(tmp_path / "whole"), RunDirectory(tmp_path / "parts")
    train_run(tiny, spec, whole)
    for epoch in (1, 3):
        _stop_after(epoch, tiny, spec, parts)
    train_run(tiny, spec, parts)

    for name in ("loss", "val_loss", "learning_rate", *(f"val_{metric}" for metric in ALL)):
        assert whole.history().column(name) == parts.history().column(name)
    one, other = weights(whole.last_weights), weights(parts.last_weights)
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def _stop_after(epoch: int, dataset: Dataset, spec: Any, directory: RunDirectory) -> None:
    """End a training as a kill would, once an epoch's history line is on the disk."""
    from kit.training import fit as module

    class StoppedError(Exception):
        pass

    class Progress:
        def start(self, task: str, total: int) -> None:
            pass

        def advance(self, steps: int = 1, note: str = "") -> None:
            del steps
            if note.startswith(f"epoch {epoch}:"):
                raise StoppedError

        def finish(self) -> None:
            pass

    with pytest.raises(StoppedError):
        module.train_run(dataset, spec, directory, progress=Progress())
    assert epoch == len(directory.history().rows)
    assert not directory.is_finished


def test_early_stopping_ends_a_training(tiny: Dataset, workspace: Path) -> None:
    changes = {"train.epochs": 30, "train.early_stopping.patience": 1, "train.early_stopping.min_delta": 10.0}
    run = kit.train(tiny.manifest.name, settings={**SETTINGS, **changes}, root=workspace)

    assert 2 == run.result().epochs == len(run.history().rows)
    assert run.last_weights.is_file()
    assert not run.checkpoints()


def test_a_cosine_rises_and_falls(tiny: Dataset, workspace: Path) -> None:
    changes = {"train.epochs": 5, "train.schedule.kind": "cosine", "train.schedule.warmup_epochs": 1}
    run = kit.train(tiny.manifest.name, settings={**SETTINGS, **changes}, root=workspace)
    rates = run.history().column("learning_rate")

    assert rates[0] == pytest.approx(0.001)
    assert rates == sorted(rates, reverse=True)
    assert rates[2] == pytest.approx(0.0005)
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_a_plateau_lowers_the_rate(tiny: Dataset, workspace: Path) -> None:
    changes = {
        "train.epochs": 4,
        "train.schedule.kind": "plateau",
        "train.schedule.patience": 1,
        "train.schedule.factor": 0.5,
        "train.schedule.smallest": 0.0002,
        "train.schedule.min_delta": 10.0,
    }
    run = kit.train(tiny.manifest.name, settings={**SETTINGS, **changes}, root=workspace)

    assert [0.001, 0.001, 0.0005, 0.00025] == pytest.approx(run.history().column("learning_rate"))


def test_averaged_weights_are_kept_and_validated(tiny: Dataset, workspace: Path) -> None:
    """A moving average with a high momentum stays near the initial weights."""
    run = kit.train(tiny.manifest.name, settings={**SETTINGS, "train.ema": 0.999999}, root=workspace)
    plain = kit.train(tiny.manifest.name, settings=SETTINGS, root=workspace)
    kernel = "layers/conv2d/vars/0"
    moved = np.abs(weights(run.last_weights)[kernel] - weights(plain.last_weights)[kernel]).max()

    assert moved > 0
    assert run.history().column("loss") == pytest.approx(plain.history().column("loss"), abs=1e-6)
    assert run.history().column("val_loss")[-1] > plain.history().column("val_loss")[-1]


def test_tensorboard_gets_hyper_parameters_and_histograms(tiny: Dataset, workspace: Path) -> None:
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
    from tensorboard.plugins.hparams import plugin_data_pb2

    run = kit.train(tiny.manifest.name, settings={**SETTINGS, "train.histograms": "true"}, root=workspace)
    events = EventMultiplexer()
    events.AddRunsFromDirectory(str(run.tensorboard))
    events.Reload()
    content = events.SummaryMetadata(".", "_hparams_/session_start_info").plugin_data.content
    started = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info

    assert 16 == started.hparams["train.batch_size"].number_value
    assert "adam" == started.hparams["train.optimizer"].string_value
    assert "epoch_accuracy" in events.GetAccumulator("validation").Tags()["tensors"]
    assert any("conv_1" in tag for tag in events.GetAccumulator("train").Tags()["tensors"])


@given(
    truth=hnp.arrays(np.int64, 30, elements=st.integers(0, 3)),
    outputs=hnp.arrays(np.float32, (30, 4), elements=st.floats(0, 1, width=32, allow_subnormal=False)),
)
@settings(max_examples=20, deadline=None)
def test_metrics_over_classes_are_scikit_learns(truth: np.ndarray, outputs: np.ndarray) -> None:
    from kit.training.metrics import make_metrics

    made = dict(zip(ALL, make_metrics(ALL, class_target(4), class_head(4), 30), strict=True))
    expected = {
        "accuracy": metrics.accuracy_score(truth, outputs.argmax(axis=1)),
        **{
            name: getattr(metrics, f"{name}_score")(truth, outputs.argmax(axis=1), average="macro", zero_division=0)
            for name in ("precision", "recall", "f1")
        },
    }
    for name, value in expected.items():
        for part in (slice(None, 11), slice(11, None)):  # in two batches
            made[name].update_state(np.eye(4, dtype=np.float32)[truth[part]], outputs[part])
        assert float(made[name].result()) == pytest.approx(value, abs=1e-6)


@given(
    truth=hnp.arrays(np.bool_, 40),
    outputs=hnp.arrays(np.float32, 40, elements=st.floats(0, 1, width=32, allow_subnormal=False)),
)
@settings(max_examples=20, deadline=None)
def test_metrics_of_two_classes_are_scikit_learns(truth: np.ndarray, outputs: np.ndarray) -> None:
    from kit.training.metrics import make_metrics

    predicted = outputs > 0.5
    expected = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        **{name: getattr(metrics, f"{name}_score")(truth, predicted, zero_division=0) for name in ALL[2:]},
    }
    made = dict(zip(ALL, make_metrics(ALL, class_target(2), class_head(2), 40), strict=True))
    for name, value in expected.items():
        made[name].update_state(truth.astype(np.float32), outputs[:, None])
        assert float(made[name].result()) == pytest.approx(value, abs=1e-6)


def exact_auc(truth: np.ndarray, outputs: np.ndarray) -> float:
    """Value of the metric `auc` after batches of 16."""
    from kit.training.metrics import make_metrics

    classes = max(2, outputs.shape[1])
    (metric,) = make_metrics(("auc",), class_target(classes), class_head(classes), len(truth))
    for place in range(0, len(truth), 16):
        part = truth[place : place + 16]
        labels = part.astype(np.float32) if classes == 2 else np.eye(classes, dtype=np.float32)[part]
        metric.update_state(labels, outputs[place : place + 16])
    return float(metric.result())


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 12, 40]))
@settings(max_examples=20, deadline=None)
def test_auc_is_exact_where_outputs_are_saturated_or_equal(seed: int, spread: int) -> None:
    """Keras' 200 thresholds take all outputs near 0, and all near 1, for equal."""
    generator = np.random.default_rng(seed)
    truth = np.r_[0, 1, generator.integers(0, 2, 98)]
    outputs = (1 / (1 + np.exp(-spread * generator.normal(truth - 0.5).round(1)))).astype(np.float32)

    assert exact_auc(truth, outputs[:, None]) == pytest.approx(metrics.roc_auc_score(truth, outputs), abs=1e-6)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_auc_of_more_classes_is_one_against_the_rest(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth = np.r_[0, 1, 2, generator.integers(0, 3, 60)]
    outputs = generator.dirichlet([0.02] * 3, len(truth)).astype(np.float32)
    ranks = [metrics.roc_auc_score(truth == place, outputs[:, place]) for place in range(3)]

    assert exact_auc(truth, outputs) == pytest.approx(np.mean(ranks), abs=1e-6)


def test_auc_of_a_split_without_one_of_two_classes_is_no_number_and_of_more_the_mean_of_the_others() -> None:
    assert np.isnan(exact_auc(np.zeros(20, int), np.linspace(0, 1, 20, dtype=np.float32)[:, None]))
    assert 0.5 == exact_auc(np.arange(20) % 2, np.full((20, 3), 1 / 3, np.float32))


def test_histories_hold_the_auc_of_what_was_predicted(tiny: Dataset) -> None:
    """On validation by the weights of the epoch's end; joined steps and short last batches are all counted."""
    run = kit.train(
        tiny.manifest.name,
        settings={**SETTINGS, "train.epochs": 1, "train.metrics": "accuracy,auc"},
        root=tiny.folder.parents[1],
    )
    rows = [line.split(",") for line in run.predictions.read_text().splitlines()[1:]]
    truth, outputs = [row[1] == "light" for row in rows], [float(row[3]) for row in rows]

    assert metrics.roc_auc_score(truth, outputs) == pytest.approx(run.history().rows[0]["val_auc"], abs=1e-6)
