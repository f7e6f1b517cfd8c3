"""The main road in the environment of TensorFlow Addons: from shards to a submission, with its optimizers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kit
from kit.ablation import Ablation
from kit.datasets import Dataset
from kit.demonstration import write_competition
from kit.errors import MissingDependencyError
from kit.runs import BEGIN, RunDirectory
from kit.specs import RunSpec
from kit.training.request import run_spec
from tests.training.test_resume import STATES, STEPS, assert_equal, finished, stop_at
from tests.waiting import wait_until

pytestmark = [pytest.mark.addons, pytest.mark.slow]

ARMS = "adam,addons/RectifiedAdam,addons/Lookahead(adamw)"
SETTINGS = {
    "train.epochs": 2,
    "train.batch_size": 64,
    "model.pool": 2,
    "model.filters": "8,16",
    "model.dense": "32",
    "model.dropout": 0.1,
    "model.bn_momentum": 0.8,
}
KINDS: dict[str, dict[str, Any]] = {
    "adam, averaged": {},
    "adamw, half precision": {"train.optimizer": "adamw", "train.precision": "mixed_float16", "train.epochs": 2},
    "sgd, cosine": {
        "train.optimizer": "sgd",
        "train.momentum": 0.9,
        "train.ema": 0,
        "train.schedule.kind": "cosine",
        "train.schedule.patience": 10,
        "train.schedule.factor": 0.1,
    },
    "lookahead": {"train.optimizer": "addons/Lookahead(adamw)", "train.ema": 0, "train.epochs": 2},
    "swa, half precision": {
        "train.optimizer": "addons/SWA(sgd)",
        "train.optimizer_args.start_averaging": 20,
        "train.optimizer_args.average_period": 3,
        "train.ema": 0,
        "train.precision": "mixed_float16",
        "train.epochs": 2,
    },
}
SCRIPT = """
import sys, time
from pathlib import Path
from kit.progress import NoProgress
from kit.runs import BEGIN, RunDirectory
from kit.datasets.dataset import read_dataset
from kit.specs.device_list import parse_devices
from kit.training.fit import train_run

class Halting(NoProgress):
    def advance(self, steps=1, note=""):
        while minutes == 0 and next(iter(directory.checkpoints()), BEGIN) >= (1, 5):
            time.sleep(1)  # until it is killed

directory, minutes = RunDirectory(Path(sys.argv[2])), float(sys.argv[4])
train_run(
    read_dataset(Path(sys.argv[1])),
    directory.spec(),
    directory,
    devices=parse_devices(sys.argv[3]),
    checkpoint_minutes=minutes,
    progress=Halting(),
)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("road")


@pytest.fixture(scope="module")
def digits(root: Path) -> Dataset:
    folder = root / "digits"
    write_competition(folder)
    return kit.shard(
        folder / "train",
        name="digits",
        labels=folder / "train_labels.csv",
        test=folder / "test",
        sample_submission=folder / "sample_submission.csv",
        folds=3,
        root=root,
    )


@pytest.fixture(scope="module")
def ablation(digits: Dataset, root: Path) -> Ablation:
    axes = [kit.parse_axis("train.optimizer", ARMS)]
    return kit.ablate(digits.manifest.name, axes, settings=SETTINGS, seeds=2, jobs=1, root=root)


@pytest.fixture(scope="module")
def noise(root: Path) -> Dataset:
    """93 images of two classes, 74 or 75 of them to train on."""
    images = np.random.default_rng(0).integers(0, 255, (93, 8, 8, 3), np.uint8)
    labels = ["common"] * 63 + ["rare"] * 30
    return kit.shard_arrays(images, labels, name="noise", split=(0.8, 0.2), root=root, workers=1)


def test_adam_and_optimizers_of_addons_are_compared(ablation: Ablation) -> None:
    comparison = ablation.compare()

    assert not ablation.failed
    assert 3 == len(comparison.arms)
    assert {"2.15.0"} == {run.keras for run in ablation.runs}
    assert all(run.history().column("loss")[-1] < run.history().column("loss")[0] for run in ablation.runs)


def test_a_run_is_evaluated_predicted_blended_and_checked_for_submission(ablation: Ablation, root: Path) -> None:
    first, *_, last = ablation.runs
    evaluation = kit.evaluate(first.path, root=root)
    files = [
        kit.predict(run.path, output=root / f"{run.path.parent.name}.csv", root=root).path for run in (first, last)
    ]
    blended = kit.blend(*files, output=root / "blended.csv", root=root)
    assert blended.path
    kit.submit(
        blended.path, competition="digits", sample=root / "digits" / "sample_submission.csv", dry_run=True, root=root
    )

    assert evaluation.scores.accuracy == pytest.approx(first.result().best["val_accuracy"], abs=1e-6)
    assert 449 == blended.rows == len(blended.path.read_text().splitlines()) - 1


def test_a_run_is_exported_as_a_saved_model_and_keras_format_is_refused(ablation: Ablation, root: Path) -> None:
    run = ablation.runs[-1]
    exported = kit.export(run.path, root=root)

    assert ["saved_model"] == list(exported.info.files)
    assert exported.info.largest_difference["saved_model"] < 1e-5
    assert "2.15.0" == exported.info.versions["keras"]
    refused = re.escape(
        "format 'keras' needs Keras 3; this environment has Keras 2.15.0 (TensorFlow Addons lane): give"
        " formats=['saved_model'], or"
    )
    with pytest.raises(MissingDependencyError, match=refused):
        kit.export(run.path, formats=["keras"], output=root / "other", root=root)


def test_folds_are_trained_and_their_predictions_joined(digits: Dataset, root: Path) -> None:
    fold_set = kit.train_folds(digits.manifest.name, folds="0,1", settings={**SETTINGS, "train.epochs": 1}, root=root)

    assert 2 == len(fold_set.finished())


def test_rates_are_tried_and_speed_is_measured(digits: Dataset, root: Path) -> None:
    found = kit.find_learning_rate(digits.manifest.name, settings=SETTINGS, root=root)
    speeds = kit.bench(digits.manifest.name, settings=SETTINGS, seconds=0.5, root=root)

    assert len(found.test.rates) > 20
    assert min(speeds.together) > 0


def spec_of(dataset: Dataset, kind: str) -> RunSpec:
    return run_spec(dataset, "histopathologic-cancer", {**STATES, **KINDS[kind]}, seed=3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_goes_on_within_an_epoch_and_at_its_end(noise: Dataset, tmp_path: Path, kind: str) -> None:
    spec = spec_of(noise, kind)
    whole = finished(noise, spec, RunDirectory(tmp_path / "whole"))
    parts = RunDirectory(tmp_path / "parts")
    for step in (5, STEPS, STEPS + 30):
        stop_at(step, noise, spec, parts)
    finished(noise, spec, parts)

    assert_equal(whole, parts)


def process(dataset: Dataset, run: RunDirectory, devices: str, minutes: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(dataset.folder), str(run.path), devices, str(minutes)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.parametrize("devices", ["cpu", "cpu:2"])
def test_a_killed_training_ends_as_an_undisturbed_one(noise: Dataset, tmp_path: Path, devices: str) -> None:
    spec = spec_of(noise, "lookahead")
    whole, killed = (RunDirectory(tmp_path / name) for name in ("whole", "killed"))
    for run in (whole, killed):
        run.claim(spec)
    with process(noise, whole, devices, 10) as undisturbed:
        assert 0 == undisturbed.wait()
    with process(noise, killed, devices, 0) as begun:
        wait_until(lambda: next(iter(killed.checkpoints()), BEGIN) >= (1, 5), begun)
        begun.kill()
    (newest, *_) = killed.checkpoints()
    with process(noise, killed, devices, 10) as resumed:
        assert 0 == resumed.wait()

    assert newest.epochs == 1
    assert newest.steps
    assert_equal(whole, killed)
