from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import msgspec
import numpy as np
import pytest
from trained import SETTINGS, write_images

import kit
from kit.datasets import Dataset
from kit.datasets.manifest import Manifest
from kit.errors import CorruptRecordError, RunError, SpecError
from kit.runs import History, RunDirectory
from kit.runs.history import best_epoch
from kit.specs import ModelSpec, override
from kit.specs.recipe import DEFAULT_RECIPE
from kit.training.request import run_spec
from tests.waiting import wait_until

FIGURES = ("loss", "accuracy", "val_loss", "val_accuracy")


def figures(run: RunDirectory) -> list[list[float]]:
    history = run.history()
    return [history.column(name) for name in FIGURES]


def weights(path: Path) -> dict[str, np.ndarray]:
    import h5py

    found: dict[str, np.ndarray] = {}

    def collect(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = np.array(item)

    with h5py.File(path) as file:
        file.visititems(collect)
    return found


def test_a_run_leaves_all_its_files_and_no_others(run: RunDirectory) -> None:
    later = ("evaluation-", "validation_predictions-", "export")  # what other tests have asked of it
    names = {path.name for path in run.path.iterdir() if not path.name.startswith(later)}

    assert names == {
        "best.weights.h5",
        "environment.json",
        "history.csv",
        "last.weights.h5",
        "result.json",
        "spec.json",
        "tensorboard",
        "validation_predictions.csv",
    }
    assert list(run.tensorboard.rglob("events.out.tfevents.*"))


def test_a_run_learns_and_its_result_says_what_its_history_says(run: RunDirectory) -> None:
    history, result = run.history(), run.result()
    accuracies = history.column("val_accuracy")

    assert 3 == len(history.rows) == result.epochs
    assert accuracies[-1] == result.final["val_accuracy"]
    assert max(accuracies) == result.best["val_accuracy"]
    assert accuracies.index(max(accuracies)) + 1 == result.best_epoch
    assert history.column("loss")[-1] < history.column("loss")[0]


def test_a_run_records_versions_and_devices(run: RunDirectory) -> None:
    environment = json.loads(run.environment.read_text())

    assert kit.__version__ == environment["kit"]
    assert environment["devices"]


def test_validation_predictions_are_one_line_an_image_and_sum_to_one(run: RunDirectory) -> None:
    header, *lines = run.predictions.read_text().splitlines()

    assert "id,label,dark,light" == header
    assert 36 == len(lines)
    assert all(math.isclose(sum(map(float, line.split(",")[2:])), 1, abs_tol=1e-5) for line in lines)


def test_a_finished_run_is_not_trained_again(run: RunDirectory, tiny: Dataset, workspace: Path) -> None:
    before = {
        path: path.stat().st_mtime_ns for path in run.path.iterdir() if path.is_file() and path.name != "spec.json"
    }
    again = kit.train(tiny.manifest.name, settings=SETTINGS, root=workspace)

    assert run.path == again.path
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_equal_seeds_give_equal_numbers_and_other_seeds_others(
    run: RunDirectory, tiny: Dataset, tmp_path: Path
) -> None:
    from kit.training.fit import train_run

    spec = run.spec()
    same, other = RunDirectory(tmp_path / "same"), RunDirectory(tmp_path / "other")
    train_run(tiny, spec, same)
    train_run(tiny, type(spec)(**{**_fields(spec), "seed": 1}), other)

    assert figures(run) == figures(same)
    assert figures(run) != figures(other)
    assert _equal(weights(run.last_weights), weights(same.last_weights))


@pytest.mark.slow
def test_a_model_that_trained_before_begins_anew_with_all_that_has_a_state(tiny: Dataset, tmp_path: Path) -> None:
    from kit.training.compile import lent_model
    from kit.training.fit import train_run

    state = {"model.dropout": "0.3", "train.ema": "0.9", "train.learning_rate": "0.01", "train.epochs": "2"}
    spec, other = (run_spec(tiny, DEFAULT_RECIPE, {**SETTINGS, **state}, seed=seed) for seed in (5, 6))
    fresh, used = RunDirectory(tmp_path / "fresh"), RunDirectory(tmp_path / "used")
    train_run(tiny, spec, fresh)
    train_run(tiny, other, RunDirectory(tmp_path / "other"))
    with lent_model(spec, tiny) as first:
        pass
    with lent_model(other, tiny) as second:
        assert first is second
    train_run(tiny, spec, used)

    assert figures(fresh) == figures(used)
    before, after = weights(fresh.last_weights), weights(used.last_weights)
    assert before.keys() == after.keys()
    assert all(np.array_equal(values, after[name]) for name, values in before.items())


def test_a_model_of_a_training_that_broke_off_is_not_kept(tiny: Dataset) -> None:
    from kit.training.compile import lent_model

    spec = run_spec(tiny, DEFAULT_RECIPE, {**SETTINGS, "train.learning_rate": "0.02"}, seed=0)
    with pytest.raises(KeyboardInterrupt), lent_model(spec, tiny) as broken:
        raise KeyboardInterrupt
    with lent_model(spec, tiny) as model:
        assert model is not broken


@pytest.mark.slow
def test_images_that_do_not_fit_into_memory_are_streamed(run: RunDirectory, tiny: Dataset, tmp_path: Path) -> None:
    from kit.training.fit import train_run

    first, second = RunDirectory(tmp_path / "first"), RunDirectory(tmp_path / "second")
    for directory in (first, second):
        train_run(tiny, run.spec(), directory, memory_share=0)

    assert figures(first) == figures(second)
    assert first.history().column("loss")[-1] < first.history().column("loss")[0]


def test_a_run_with_its_images_on_the_disk_gives_the_same_numbers_and_leaves_none_of_them(
    run: RunDirectory, tiny: Dataset, tmp_path: Path
) -> None:
    from kit.training.early_stopping import Limit
    from kit.training.fit import train_run

    spec, directory = override(run.spec(), {"train.cache": "disk"}), RunDirectory(tmp_path / "disk")
    train_run(tiny, spec, directory, limit=Limit(epochs=1))
    assert 6 == len(list(directory.decoded.glob("*.npy")))
    train_run(tiny, spec, directory)

    assert figures(run) == figures(directory)
    assert not directory.decoded.exists()


def test_images_that_memory_cannot_hold_are_refused_before_anything_is_written(
    run: RunDirectory, tiny: Dataset
) -> None:
    from kit.training.check import check_spec

    huge = msgspec.structs.replace(tiny.manifest.image, height=(1 << 23, 1 << 23), width=(1 << 23, 1 << 23))
    dataset = type(tiny)(tiny.folder, msgspec.structs.replace(tiny.manifest, image=huge))
    spec = override(run.spec(), {"train.cache": "memory"})

    with pytest.raises(
        SpecError, match=r"train.cache=memory: the decoded images of tiny fill .* GB; give disk or none"
    ):
        check_spec(spec, dataset)


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [1, 2])
def test_a_killed_training_goes_on_to_the_same_numbers(
    run: RunDirectory, tiny: Dataset, tmp_path: Path, epoch: int
) -> None:
    from kit.training.fit import train_run

    killed = RunDirectory(tmp_path / "killed")
    killed.claim(run.spec())
    _kill_after(epoch, tiny, killed)
    assert not killed.is_finished

    train_run(tiny, run.spec(), killed)

    assert figures(run) == figures(killed)
    assert _equal(weights(run.last_weights), weights(killed.last_weights))
    assert _equal(weights(run.best_weights), weights(killed.best_weights))
    assert not [path for path in killed.path.iterdir() if ".tmp." in path.name]


@pytest.mark.slow
def test_a_damaged_checkpoint_falls_back(run: RunDirectory, tiny: Dataset, tmp_path: Path) -> None:
    from kit.training.fit import train_run

    killed = RunDirectory(tmp_path / "killed")
    killed.claim(run.spec())
    _kill_after(1, tiny, killed)
    (newest, *_) = killed.checkpoints()
    damaged = killed.checkpoint(newest)
    damaged.write_bytes(damaged.read_bytes()[:1000])
    train_run(tiny, run.spec(), killed)

    assert figures(run) == figures(killed)


def test_weights_with_a_wrong_bit_are_refused(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    copy = RunDirectory(Path(shutil.copytree(run.path, tmp_path / run.path.name)))
    data = bytearray(copy.best_weights.read_bytes())
    data[len(data) // 2] ^= 1
    copy.best_weights.write_bytes(data)

    with pytest.raises(RunError, match=r"weights.h5 was changed after .*, or remove the folder .* and run its command"):
        kit.evaluate(copy.path, split="train", root=workspace)


def test_steps_that_take_long_are_calls_of_their_own(tiny: Dataset) -> None:
    from kit.training.compile import joined_steps

    spec = run_spec(tiny, DEFAULT_RECIPE, {"train.batch_size": 7}, seed=0)
    large = msgspec.structs.replace(tiny.manifest.image, height=(512, 512), width=(512, 512))
    images = Dataset(tiny.folder, msgspec.structs.replace(tiny.manifest, image=large))

    steps = tiny.full_batches("train", 7)
    assert steps == joined_steps(spec, tiny)
    assert 1 == joined_steps(spec, images)


@pytest.mark.parametrize("content", [b"epoch,loss\n1,\xff\n", b"epoch,loss\n1,low\n"])
def test_a_history_that_holds_no_numbers_names_the_way_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "history.csv").write_bytes(content)

    with pytest.raises(RunError, match=r"history.csv is not a history of numbers: .*; remove the folder"):
        History.read(tmp_path / "history.csv")


def test_a_directory_of_other_settings_is_refused(run: RunDirectory, tiny: Dataset) -> None:
    from kit.training.fit import train_run

    spec = run.spec()
    with pytest.raises(RunError, match=r"holds a run of other settings"):
        train_run(tiny, type(spec)(**{**_fields(spec), "seed": 9}), run)


def test_a_run_of_other_shards_is_refused(run: RunDirectory, tiny: Dataset, tmp_path: Path) -> None:
    from kit.training.fit import train_run

    spec = run.spec()
    with pytest.raises(RunError, match=r"its shards have changed since"):
        train_run(tiny, type(spec)(**{**_fields(spec), "fingerprint": "0" * 16}), RunDirectory(tmp_path / "run"))


def test_a_record_changed_after_writing_is_named_when_training_meets_it(tiny: Dataset, tmp_path: Path) -> None:
    shutil.copytree(tiny.folder, tmp_path / "tfrecords" / "tiny")
    shard = tmp_path / "tfrecords" / "tiny" / tiny.shards("train")[0].name
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)

    with pytest.raises(CorruptRecordError, match=rf"{shard.name}: record \d+ at byte \d+ is damaged"):
        kit.train(tiny.manifest.name, settings=SETTINGS, root=tmp_path)


def test_a_network_that_does_not_fit_leaves_nothing_behind(tiny: Dataset, workspace: Path) -> None:
    before = set((workspace / "runs").glob("*")) if (workspace / "runs").is_dir() else set()

    with pytest.raises(SpecError, match=r"model.pool=30 does not fit in block 1"):
        kit.train(tiny.manifest.name, settings={"model.pool": 30}, root=workspace)
    assert before == (set((workspace / "runs").glob("*")) if (workspace / "runs").is_dir() else set())


def test_a_diverging_training_is_a_result(tiny: Dataset, workspace: Path) -> None:
    wild = {**SETTINGS, "train.learning_rate": 1e30, "train.optimizer": "sgd", "model.bn_position": "none"}
    run = kit.train(tiny.manifest.name, settings=wild, root=workspace)
    result = run.result()

    assert result.final["loss"] is None
    assert 3 == result.epochs
    assert math.isnan(run.history().column("loss")[-1])


TRAIN_ON_DEVICES = """
import sys
from pathlib import Path
from kit.compat import tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[4]))
from kit.runs import RunDirectory
from kit.datasets.dataset import read_dataset
from kit.training.fit import train_run
dataset, spec = read_dataset(Path(sys.argv[1])), RunDirectory(Path(sys.argv[2])).spec()
train_run(dataset, spec, RunDirectory(Path(sys.argv[3])))
"""


def _train_on(devices: int, dataset: Dataset, run: RunDirectory, target: Path) -> RunDirectory:
    """Train a run's settings in a process with so many logical devices."""
    arguments = [str(dataset.folder), str(run.path), str(target), str(devices)]
    subprocess.run([sys.executable, "-c", TRAIN_ON_DEVICES, *arguments], check=True)
    return RunDirectory(target)


@pytest.mark.slow
def test_two_devices_give_the_losses_of_one(tiny: Dataset, run: RunDirectory, tmp_path: Path) -> None:
    one, two = (_train_on(devices, tiny, run, tmp_path / str(devices)) for devices in (1, 2))

    assert np.allclose(one.history().column("loss"), two.history().column("loss"), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_two_devices_train_with_all_that_has_a_state(tiny: Dataset, tmp_path: Path) -> None:
    """Dropout, averaged weights, a falling rate: kept by every replica."""
    changes = {
        **SETTINGS,
        "model.dropout": 0.2,
        "train.ema": 0.9,
        "train.schedule.kind": "plateau",
        "train.metrics": "accuracy,auc,f1",
        "augment.mixup": 0.4,
    }
    asked = RunDirectory(tmp_path / "asked")
    asked.claim(run_spec(tiny, "histopathologic-cancer", changes, seed=0))
    result = _train_on(2, tiny, asked, tmp_path / "two").result()

    assert 3 == result.epochs
    assert all(value is not None for value in result.final.values())


@pytest.mark.slow
def test_two_threads_repeat_themselves_bit_for_bit(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 180, ("dark", "light"))
    dataset = kit.shard(tmp_path / "images", name="large", size=(96, 96), root=tmp_path, workers=1)
    changes = {"train.epochs": 2, "train.batch_size": 32, "train.threads": 2, "model.pool": 3, "model.kernel": 3}
    asked = RunDirectory(tmp_path / "asked")
    asked.claim(run_spec(dataset, "histopathologic-cancer", changes, seed=0))
    first, *others = (_train_on(1, dataset, asked, tmp_path / str(number)) for number in range(4))

    assert all(first.history().metrics() == other.history().metrics() for other in others)
    assert all(first.predictions.read_text() == other.predictions.read_text() for other in others)


def test_large_images_are_measured_in_smaller_batches(tiny: Dataset) -> None:
    from kit.inference.batch_size import measuring_batch

    wide = ModelSpec(filters=(100,), kernel=3, padding="same", pool=2, dense=())
    assert 256 == measuring_batch(ModelSpec(filters=(4,), pool=2), tiny)
    for side in (16, 256, 1024, 16_384):
        large = dataclasses.replace(tiny, manifest=_sized(tiny, side))
        batch = measuring_batch(wide, large)
        values = batch * side * side * 200  # before and behind the activation

        assert 1 <= batch <= 256
        assert batch == 1 or values * 4 <= 1 << 29


def _sized(dataset: Dataset, side: int) -> Manifest:
    image = msgspec.structs.replace(dataset.manifest.image, height=(side, side), width=(side, side))
    return msgspec.structs.replace(dataset.manifest, image=image)


def test_the_best_epoch_is_the_first_of_equals_and_never_nan() -> None:
    assert 1 == best_epoch([0.1, 0.9, 0.9], smaller_is_better=False)
    assert 2 == best_epoch([math.nan, 0.9, 0.2, 0.2], smaller_is_better=True)
    assert best_epoch([math.nan], smaller_is_better=True) is None


def test_a_history_line_cut_short_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss\n1,0.5\n2,0.")
    history = History.read(path)
    history.cut(1)
    history.append({"epoch": 2.0, "loss": 0.25})

    assert [0.5, 0.25] == History.read(path).column("loss")


def _kill_after(epoch: int, dataset: Dataset, directory: RunDirectory) -> None:
    """Train in a process of its own and kill it once `epoch` epochs are in its history."""
    script = """
        import sys, time
        from pathlib import Path
        from kit.progress import NoProgress
        from kit.runs import RunDirectory
        from kit.datasets.dataset import read_dataset
        from kit.training.fit import train_run

        class Halting(NoProgress):
            def advance(self, steps=1, note=""):
                while len(directory.history().rows) >= int(sys.argv[3]):
                    time.sleep(1)  # until it is killed

        directory = RunDirectory(Path(sys.argv[2]))
        train_run(read_dataset(Path(sys.argv[1])), directory.spec(), directory, progress=Halting())
    """
    arguments = [sys.executable, "-c", textwrap.dedent(script), str(dataset.folder), str(directory.path), str(epoch)]
    with subprocess.Popen(arguments) as process:
        wait_until(lambda: len(directory.history().rows) >= epoch, process)
        os.kill(process.pid, signal.SIGKILL)


def _fields(spec: object) -> dict[str, object]:
    return {name: getattr(spec, name) for name in spec.__struct_fields__}


def _equal(some: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> bool:
    return some.keys() == others.keys() and all(np.array_equal(some[name], others[name]) for name in some)
