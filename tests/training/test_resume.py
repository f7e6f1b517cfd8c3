"""A training that is killed at any point resumes to bit-equal results."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kit
from kit.datasets import Dataset
from kit.errors import RunError, SpecError
from kit.files import seal
from kit.progress import NoProgress
from kit.runs import BEGIN, History, Position, RunDirectory
from kit.specs import RunSpec, TrainSpec
from kit.training.early_stopping import Limit
from kit.training.progressive_resizing import next_piece, side_of, sides_of
from kit.training.request import run_spec
from tests.training.test_training import weights
from tests.waiting import wait_until

STEPS = 37  # prime and above 32, so that every step is a call of its own
STATES = {  # everything that has a state
    "model.filters": "4",
    "model.pool": 2,
    "model.dense": "8",
    "model.dropout": 0.2,
    "model.dense_dropout": 0.3,
    "augment.horizontal_flip": "true",
    "augment.mixup": 0.4,
    "train.batch_size": 2,
    "train.epochs": 3,
    "train.ema": 0.9,
    "train.sampling": "balanced",
    "train.class_weights": "balanced",
    "train.schedule.kind": "plateau",
    "train.schedule.patience": 1,
    "train.schedule.factor": 0.5,
    "train.early_stopping.patience": 4,
    "train.metrics": "accuracy,auc,f1",
}
SIDES = st.lists(st.integers(1, 99), max_size=4, unique=True).map(sorted).map(tuple)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """93 images of two classes, 74 or 75 of them to train on."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 255, (93, 8, 8, 3), np.uint8)
    labels = ["common"] * 63 + ["rare"] * 30
    root = tmp_path_factory.mktemp("noise")
    return kit.shard_arrays(images, labels, name="noise", split=(0.8, 0.2), root=root, workers=1)


@pytest.fixture(scope="module")
def spec(noise: Dataset) -> RunSpec:
    return run_spec(noise, "histopathologic-cancer", STATES, seed=3)


@pytest.fixture(scope="module")
def whole(noise: Dataset, spec: RunSpec, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """An undisturbed run."""
    return finished(noise, spec, RunDirectory(tmp_path_factory.mktemp("whole")))


@pytest.fixture(scope="module")
def stopped(noise: Dataset, spec: RunSpec, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run that was stopped at the ninth step of its second epoch."""
    run = RunDirectory(tmp_path_factory.mktemp("stopped"))
    stop_at(STEPS + 9, noise, spec, run)
    return run


@pytest.fixture
def parts(stopped: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A copy of the run that was stopped."""
    return RunDirectory(shutil.copytree(stopped.path, tmp_path / "parts"))


def finished(dataset: Dataset, spec: RunSpec, directory: RunDirectory, **options: Any) -> RunDirectory:
    from kit.training.fit import train_run

    train_run(dataset, spec, directory, **options)
    return directory


def stop_at(step: int, dataset: Dataset, spec: RunSpec, directory: RunDirectory, **options: Any) -> None:
    """End a training as a kill would, once so many of its steps are done."""

    class StoppedError(Exception):
        pass

    class Steps:
        done = 0

        def start(self, task: str, total: int) -> None:
            del task, total
            self.done = 0

        def advance(self, steps: int = 1, note: str = "") -> None:
            del note
            self.done += steps
            if self.done >= step:
                raise StoppedError

        def finish(self) -> None:
            pass

    with pytest.raises(StoppedError):
        finished(dataset, spec, directory, progress=Steps(), **{"checkpoint_minutes": 0, **options})


def assert_equal(one: RunDirectory, other: RunDirectory) -> None:
    """Assert that two runs have bit-equal results, except for their times."""
    rows = [[{**row, "seconds": 0} for row in run.history().rows] for run in (one, other)]
    assert rows[0] == rows[1]
    for name in ("last_weights", "best_weights"):
        first, second = (weights(getattr(run, name)) for run in (one, other))
        assert first.keys() == second.keys()
        assert all(np.array_equal(values, second[key]) for key, values in first.items())
    assert one.predictions.read_text() == other.predictions.read_text()


@pytest.mark.slow
def test_a_training_goes_on_from_the_middle_of_an_epoch(
    noise: Dataset, spec: RunSpec, whole: RunDirectory, tmp_path: Path
) -> None:
    parts = RunDirectory(tmp_path / "parts")
    for step, position in (
        (5, Position(0, 5)),
        (3, Position(0, 5)),
        (STEPS + 30, Position(1, 30)),
        (80, Position(2, 6)),
    ):
        stop_at(step, noise, spec, parts)
        assert parts.checkpoints()[0] == position
    finished(noise, spec, parts)

    assert_equal(whole, parts)
    assert not parts.checkpoints()


def test_seconds_of_an_epoch_are_those_of_all_its_parts(noise: Dataset, spec: RunSpec, tmp_path: Path) -> None:
    parts = RunDirectory(tmp_path / "parts")
    stop_at(12, noise, spec, parts)
    (newest, *_) = parts.checkpoints()
    with h5py.File(parts.checkpoint(newest)) as file:
        before = float(file["begun_epoch"].attrs["seconds"])
    stop_at(STEPS + 1, noise, spec, parts)

    assert before > 0
    assert parts.history().rows[0]["seconds"] > before


def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    noise: Dataset, spec: RunSpec, whole: RunDirectory, parts: RunDirectory
) -> None:
    newest, before = parts.checkpoints()
    path = parts.checkpoint(newest)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    finished(noise, spec, parts)

    assert [(1, 9), (1, 8)] == [newest, before]
    assert_equal(whole, parts)


def test_without_a_sound_checkpoint_a_training_begins_anew(
    noise: Dataset, spec: RunSpec, whole: RunDirectory, parts: RunDirectory
) -> None:
    for position in parts.checkpoints():
        path = parts.checkpoint(position)
        path.write_bytes(path.read_bytes()[:100])
    finished(noise, spec, parts)

    assert_equal(whole, parts)


@pytest.mark.slow
def test_a_training_whose_best_weights_are_lost_begins_anew(
    noise: Dataset, spec: RunSpec, whole: RunDirectory, parts: RunDirectory
) -> None:
    parts.best_weights.unlink()
    finished(noise, spec, parts)

    assert_equal(whole, parts)


def test_a_checkpoint_of_another_model_is_named(noise: Dataset, spec: RunSpec, tmp_path: Path) -> None:
    parts, other = RunDirectory(tmp_path / "parts"), RunDirectory(tmp_path / "other")
    stop_at(5, noise, spec, parts)
    stop_at(7, noise, run_spec(noise, "histopathologic-cancer", {**STATES, "model.filters": "5"}, seed=3), other)
    other.checkpoint(Position(0, 7)).rename(parts.checkpoint(Position(0, 7)))

    with pytest.raises(RunError, match=r"epoch-00000-step-0000007.weights.h5 is of another run or another epoch"):
        finished(noise, spec, parts)


def test_a_checkpoint_whose_metrics_counted_otherwise_is_named(noise: Dataset, spec: RunSpec, tmp_path: Path) -> None:
    """As those that held the 200 thresholds of Keras' AUC."""
    parts = RunDirectory(tmp_path / "parts")
    stop_at(5, noise, spec, parts)
    for position in parts.checkpoints():
        path = parts.checkpoint(position)
        with h5py.File(path, "r+") as file:
            metrics = file["begun_epoch"]["metrics"]
            metrics[str(len(metrics))] = np.zeros((1, 200), np.float32)
        seal(path)

    with pytest.raises(RunError, match=r"of another version of kit.* remove the run's epoch-\*-step-\*\.weights\.h5"):
        finished(noise, spec, parts)


def test_a_checkpoint_within_a_call_of_several_steps_goes_on(noise: Dataset, tmp_path: Path) -> None:
    """24 steps are one call on one device and 24 calls on several; the checkpoints after the 7th step are equal."""
    from kit.training.checkpoint import Begun, save_checkpoint
    from kit.training.compile import compiled_model

    spec = run_spec(noise, "histopathologic-cancer", {**STATES, "train.batch_size": 3, "train.epochs": 2}, seed=3)
    parts = RunDirectory(tmp_path / "parts")
    parts.claim(spec)
    lines = History(parts.history_file).digest()
    model = compiled_model(spec, noise)
    save_checkpoint(model, parts, Position(0, 7), history=lines, begun=Begun.of(model, 1))
    finished(noise, spec, parts)

    assert 2 == len(parts.history().rows)
    assert 2 * 24 - 7 == weights(parts.last_weights)["optimizer/vars/0"]


@pytest.mark.slow
def test_half_precision_goes_on_too(noise: Dataset, tmp_path: Path) -> None:
    """The state includes the loss scale and the averaged weights of the inner optimizer."""
    changes = {**STATES, "train.epochs": 2, "train.precision": "mixed_float16"}
    spec = run_spec(noise, "histopathologic-cancer", changes, seed=3)
    whole, parts = RunDirectory(tmp_path / "whole"), RunDirectory(tmp_path / "parts")
    finished(noise, spec, whole)
    stop_at(STEPS + 9, noise, spec, parts)
    finished(noise, spec, parts)

    assert_equal(whole, parts)
    assert all(np.isfinite(row["loss"]) for row in whole.history().rows)


@pytest.mark.slow
def test_images_grow_and_a_training_goes_on_at_their_size(noise: Dataset, tmp_path: Path) -> None:
    changes = {**STATES, "model.top": "average", "train.progressive": "4,6", "train.epochs": 3}
    spec = run_spec(noise, "histopathologic-cancer", changes, seed=3)
    whole, parts = RunDirectory(tmp_path / "whole"), RunDirectory(tmp_path / "parts")
    finished(noise, spec, whole)
    for step in (9, STEPS + 9):
        stop_at(step, noise, spec, parts)
    finished(noise, spec, parts)

    assert_equal(whole, parts)


def test_each_size_of_images_is_traced_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that trained on smaller images first rounds like one that resumes with the full size."""
    generator = np.random.default_rng(0)
    images, labels = generator.integers(0, 255, (40, 16, 16, 3), np.uint8), ["a", "b"] * 20
    dataset = kit.shard_arrays(images, labels, name="larger", split=(0.8, 0.2), root=tmp_path, workers=1)
    changes = {
        "model.top": "average",
        "model.filters": "32",
        "model.pool": 2,
        "train.batch_size": 8,
        "train.epochs": 2,
        "train.progressive": "12",
    }
    spec = run_spec(dataset, "histopathologic-cancer", changes, seed=3)
    whole = finished(dataset, spec, RunDirectory(tmp_path / "whole"))
    parts = finished(dataset, spec, RunDirectory(tmp_path / "parts"), limit=Limit(epochs=1))
    monkeypatch.setattr("kit.training.compile._models", {})  # as in a new process
    finished(dataset, spec, parts)

    assert_equal(whole, parts)


def test_a_training_that_is_stopped_after_its_last_epoch_ends_as_any(
    noise: Dataset, spec: RunSpec, whole: RunDirectory, tmp_path: Path
) -> None:
    """Its weights are not yet those that were averaged, which a fit ends with."""
    parts = RunDirectory(tmp_path / "parts")
    with pytest.raises(RuntimeError):
        finished(noise, spec, parts, progress=_StopsAtTheEnd())
    finished(noise, spec, parts)

    assert_equal(whole, parts)


class _StopsAtTheEnd(NoProgress):
    def finish(self) -> None:
        raise RuntimeError


@given(
    epochs=st.integers(5, 60),
    sides=SIDES,
    until=st.integers(0, 60),
    begin=st.tuples(st.integers(0, 60), st.integers(0, 9)),
)
def test_pieces_follow_each_other_to_the_end(
    epochs: int, sides: tuple[int, ...], until: int, begin: tuple[int, int]
) -> None:
    spec = TrainSpec(epochs=epochs, progressive=sides)
    until, position = min(until, epochs), Position(*begin)
    trained = []
    while piece := next_piece(position, until, spec):
        assert position == piece.begin
        assert piece.end == piece.begin.epochs + 1 or not piece.begin.steps
        trained += [(epoch, piece.side) for epoch in range(piece.begin.epochs, piece.end)]
        position = Position(piece.end)

    assert [(epoch, side_of(epoch, spec)) for epoch in range(begin[0], until)] == trained


@given(epochs=st.integers(5, 200), sides=SIDES)
def test_images_grow_in_equal_parts_and_are_whole_in_the_end(epochs: int, sides: tuple[int, ...]) -> None:
    spec = TrainSpec(epochs=epochs, progressive=sides)
    shown = [side_of(epoch, spec) for epoch in range(epochs)]
    lengths = [shown.count(side) for side in (*sides, None)]

    assert [side for side in (*sides, None) for _ in range(shown.count(side))] == shown
    assert min(lengths) >= 1
    assert max(lengths) - min(lengths) <= 1


def test_the_shorter_side_is_the_one_that_is_given() -> None:
    assert (32, 48) == sides_of((64, 96, 3), 32)
    assert (43, 32) == sides_of((128, 96, 3), 32)


def test_sizes_that_cannot_grow_are_refused(noise: Dataset, tmp_path: Path) -> None:
    average = {"model.filters": "4", "model.kernel": 3, "model.pool": 2, "model.top": "average"}

    def refused(message: str, changes: dict[str, Any]) -> None:
        with pytest.raises(SpecError, match=message):
            finished(
                noise, run_spec(noise, "histopathologic-cancer", changes, seed=0), RunDirectory(tmp_path / "refused")
            )
        assert not (tmp_path / "refused").exists()

    refused(r"train.progressive=4 needs model.top=average, got flatten", {**STATES, "train.progressive": "4"})
    refused(r"must be smaller than the images, which are 8x8", {**average, "train.progressive": "4,8"})
    refused(r"train.progressive=2: model.kernel=3 does not fit in block 1", {**average, "train.progressive": "2"})
    refused(r"needs 3 epochs or more, got epochs=2", {**average, "train.progressive": "4,5", "train.epochs": 2})
    refused(r"progressive must be increasing sides of 1 or more, got 5, 4", {**average, "train.progressive": "5,4"})


def test_minutes_below_zero_are_refused(noise: Dataset, spec: RunSpec, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"checkpoint_minutes must be 0 or more, got -1"):
        finished(noise, spec, RunDirectory(tmp_path), checkpoint_minutes=-1)


SCRIPT = """
import sys, time
from pathlib import Path
from kit.progress import NoProgress
from kit.runs import BEGIN, Position, RunDirectory
from kit.datasets.dataset import read_dataset
from kit.training.fit import train_run

class Halting(NoProgress):
    def advance(self, steps=1, note=""):
        while next(iter(directory.checkpoints()), BEGIN) >= halt:
            time.sleep(1)  # until it is killed

directory, halt = RunDirectory(Path(sys.argv[2])), Position(*map(int, sys.argv[4:]))
dataset, minutes = read_dataset(Path(sys.argv[1])), float(sys.argv[3])
train_run(dataset, directory.spec(), directory, checkpoint_minutes=minutes, progress=Halting())
"""
LATE, NEVER = Position(2, 5), Position(99, 0)


def _train(dataset: Dataset, run: RunDirectory, minutes: float, halt: Position) -> subprocess.Popen[bytes]:
    """Train in a process of its own, which waits to be killed once it has a checkpoint of a position or a later one."""
    asked = map(str, (dataset.folder, run.path, minutes, halt.epochs, halt.steps))
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(SCRIPT), *asked])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_training_that_is_killed_again_and_again_is_an_undisturbed_one(
    noise: Dataset, spec: RunSpec, whole: RunDirectory, tmp_path: Path, seed: int
) -> None:
    """SIGKILL at random moments, within epochs and between them, while files are written and while they are not."""
    chance = random.Random(seed)  # noqa: S311 (moments to kill at)
    killed = RunDirectory(tmp_path / "killed")
    killed.claim(spec)
    reached = [BEGIN]
    for _ in range(5):
        further = chance.randint(0, 40)  # steps before the kill
        with _train(noise, killed, chance.choice([0, 0.0002]), LATE) as process:
            enough = min(_steps_at(reached[-1]) + further, _steps_at(LATE))
            wait_until(lambda enough=enough: _steps(killed) >= enough, process)
            time.sleep(chance.random() * 0.05)
            process.kill()
        assert -signal.SIGKILL == process.returncode
        reached.append(next(iter(killed.checkpoints()), BEGIN))
    with _train(noise, killed, 10, NEVER) as process:
        assert 0 == process.wait()

    assert any(position.steps for position in reached)
    assert reached == sorted(reached)
    assert_equal(whole, killed)


def _steps(run: RunDirectory) -> int:
    return _steps_at(next(iter(run.checkpoints()), BEGIN))


def _steps_at(position: Position) -> int:
    return position.epochs * STEPS + position.steps
