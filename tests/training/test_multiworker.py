"""One model on two machines: here two processes of this one, each with an address of its own in TF_CONFIG."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from waiting import TIMEOUT, halting, wait_until

import kit
from kit.datasets import Dataset
from kit.errors import SpecError
from kit.runs import RunDirectory
from kit.specs.device_list import Devices
from kit.training.request import run_id, run_spec
from tests.training.test_peers import addresses

COUNT = 405  # a last batch of validation that two devices share unequally
SETTINGS = {  # everything that has a state, or depends on the place of an image in its batch
    "model.pool": 2,
    "model.filters": "8",
    "model.dense": "[]",
    "model.dropout": 0.2,
    "augment.rotation": 20,
    "train.batch_size": 16,
    "train.class_weights": "balanced",
    "train.ema": 0.9,
    "train.epochs": 2,
    "train.metrics": "accuracy,f1,auc",
    "train.schedule.kind": "plateau",
}
MANY = {**SETTINGS, "train.epochs": 8, "augment.mixup": 0.4}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    found = load_digits()
    images = np.repeat(found.images[:COUNT, ..., None] * 15, 3, axis=3).astype(np.uint8)
    labels = [str(label) for label in found.target[:COUNT]]
    root = tmp_path_factory.mktemp("digits")
    return kit.shard_arrays(images, labels, name="digits", split=(0.7, 0.3), root=root, workers=1)


def workspace(folder: Path, dataset: Dataset) -> Path:
    """Make a machine's own workspace."""
    folder.mkdir()
    (folder / "tfrecords").symlink_to(dataset.folder.parent)
    return folder


def run_of(dataset: Dataset, root: Path, settings: Mapping[str, Any]) -> RunDirectory:
    return RunDirectory(root / "runs" / run_id(run_spec(dataset, "histopathologic-cancer", settings, seed=3)))


def start(
    root: Path, settings: Mapping[str, Any], *options: str, halt: str = "", **variables: str
) -> subprocess.Popen[str]:
    """Start a training, which waits to be killed once there is a checkpoint whose name matches `halt`."""
    given = [f"--set={name}={value}" for name, value in settings.items()]
    words = ["train", "digits", "--root", str(root), "--seed=3", *given, *options]
    return subprocess.Popen(
        halting(words, root, f"runs/*/{halt}") if halt else [sys.executable, "-m", "kit", *words],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", **variables},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def start_worker(
    index: int, listed: tuple[str, ...], root: Path, settings: Mapping[str, Any], *options: str, halt: str = ""
) -> subprocess.Popen[str]:
    config = {"cluster": {"worker": listed}, "task": {"type": "worker", "index": index}}
    options = ("--devices=cpu", "--distribute=multiworker", *options)
    return start(root, settings, *options, halt=halt, TF_CONFIG=json.dumps(config), KIT_WORKERS_TIMEOUT=str(TIMEOUT))


def start_workers(
    listed: tuple[str, ...],
    roots: list[Path],
    settings: Mapping[str, Any],
    *options: str,
    victim: int = -1,
    halt: str = "",
) -> list[subprocess.Popen[str]]:
    """Start all workers; one of them waits to be killed once there is a checkpoint."""
    return [
        start_worker(index, listed, root, settings, *options, halt=halt if index == victim else "")
        for index, root in enumerate(roots)
    ]


@pytest.fixture
def listed() -> Iterator[tuple[str, ...]]:
    """Addresses of two workers."""
    with addresses(2) as found:
        yield found


def ended(process: subprocess.Popen[str], status: int = 0) -> str:
    """Wait for a process to end with a status, and return its lines on stderr."""
    _, errors = process.communicate(timeout=TIMEOUT)

    assert status == process.returncode, errors
    return errors


@pytest.mark.cluster
@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_two_workers_train_what_two_devices_of_one_machine_train(
    schedule: str, digits: Dataset, listed: tuple[str, ...], tmp_path: Path
) -> None:
    """The second machine has a folder of its own, in which nothing of the run appears."""
    settings = {**SETTINGS, "train.schedule.kind": schedule}
    roots = [workspace(tmp_path / name, digits) for name in ("chief", "other")]
    alone = workspace(tmp_path / "alone", digits)
    for worker in start_workers(listed, roots, settings):
        ended(worker)
    ended(start(alone, settings, "--devices=cpu:2"))
    run, one = (run_of(digits, root, settings) for root in (roots[0], alone))
    hashes = json.loads(run.environment.read_text())["workers"]

    assert run.is_finished
    assert 2 == len(hashes)
    assert 1 == len(set(hashes.values()))
    assert not (roots[1] / "runs").exists()
    assert 2 == len(run.history().rows) == len(one.history().rows)
    assert run.history().metrics() == one.history().metrics()
    assert run.history().column("learning_rate") == one.history().column("learning_rate")
    assert run.predictions.is_file()


@pytest.mark.cluster
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_worker_ends_the_other_and_the_same_command_goes_on(
    victim: int, digits: Dataset, listed: tuple[str, ...], tmp_path: Path
) -> None:
    whole, root = (workspace(tmp_path / name, digits) for name in ("whole", "root"))
    ended(start(whole, MANY, "--devices=cpu:2"))
    run = run_of(digits, root, MANY)
    workers = start_workers(listed, [root, root], MANY, victim=victim, halt="epoch-00001.weights.h5")
    wait_until(lambda: run.checkpoints() and len(run.history().rows), workers[1 - victim])
    workers[victim].send_signal(signal.SIGKILL)
    began = time.monotonic()
    last_line = ended(workers[1 - victim], 3).splitlines()[-1]
    waited, kept = time.monotonic() - began, len(run.history().rows)
    ended(workers[victim], -signal.SIGKILL)
    for worker in start_workers(listed, [root, root], MANY):
        ended(worker)

    assert waited < 60
    assert last_line.startswith(f"kit: {f'worker {victim}' if victim else 'the chief'} ({listed[victim]}) has ended; ")
    assert "run the same command on all machines again; it goes on from the chief's last checkpoint" in last_line
    assert 1 <= kept < 8
    for row, same in zip(run.history().metrics(), run_of(digits, whole, MANY).history().metrics(), strict=True):
        assert row == pytest.approx(same, rel=0, abs=1e-6)


LONG = {**SETTINGS, "train.batch_size": 4, "augment.mixup": 0.4}  # so many steps that an epoch takes seconds


@pytest.mark.cluster
@pytest.mark.parametrize("is_begun_by_one", [False, True])
def test_workers_go_on_within_an_epoch(
    is_begun_by_one: bool, digits: Dataset, listed: tuple[str, ...], tmp_path: Path
) -> None:
    whole, root = (workspace(tmp_path / name, digits) for name in ("whole", "root"))
    ended(start(whole, LONG, "--devices=cpu:2"))
    run, often, halt = run_of(digits, root, LONG), "--checkpoint-minutes=0", "epoch-00000-step-*.weights.h5"
    if is_begun_by_one:
        begun = [start(root, LONG, "--devices=cpu:2", often, halt=halt)]
    else:
        begun = start_workers(listed, [root, root], LONG, often, victim=0, halt=halt)
    wait_until(run.checkpoints, begun[0])
    begun[0].send_signal(signal.SIGKILL)
    for process, status in zip(begun, (-signal.SIGKILL, 3), strict=False):
        ended(process, status)
    kept = run.checkpoints()[0]
    for worker in start_workers(listed, [root, root], LONG):
        ended(worker)

    assert (0, True) == (kept.epochs, kept.steps > 0)
    assert 2 == len(run.history().rows)
    assert run.history().metrics() == run_of(digits, whole, LONG).history().metrics()


@pytest.mark.cluster
def test_machines_with_other_settings_are_refused_on_both(
    digits: Dataset, listed: tuple[str, ...], tmp_path: Path
) -> None:
    root = workspace(tmp_path / "root", digits)
    chief = start_worker(0, listed, root, SETTINGS)
    other = start_worker(1, listed, root, {**SETTINGS, "train.ema": 0})

    for process in (chief, other):
        assert f"kit: run differs: worker 1 ({listed[1]}) has digits-" in ended(process, 1).splitlines()[-1]
    assert not list(root.glob("runs/*/spec.json"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train.cache": "disk"}, "train.cache=disk does not work on several machines; change it, or leave out distr"),
        ({"train.jit": "on"}, "train.jit=on does not work on several machines"),
        ({"train.progressive": "4", "model.top": "average"}, "train.progressive does not work on several machines"),
    ],
)
def test_settings_that_do_not_work_on_several_machines_are_refused(
    settings: dict[str, str], message: str, digits: Dataset
) -> None:
    from kit.training.multiworker import refuse_unsuited

    spec = run_spec(digits, "histopathologic-cancer", {**SETTINGS, **settings}, seed=0)
    with pytest.raises(SpecError, match=message):
        refuse_unsuited(spec, Devices())


def test_several_cpu_devices_on_several_machines_are_refused(digits: Dataset) -> None:
    from kit.training.multiworker import refuse_unsuited

    spec = run_spec(digits, "histopathologic-cancer", SETTINGS, seed=0)
    with pytest.raises(SpecError, match="devices=cpu:2 does not work on several machines"):
        refuse_unsuited(spec, Devices(kind="cpu", count=2))


def test_batches_that_machines_cannot_share_are_refused_before_anything_is_written(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    root = digits.folder.parent.parent
    with pytest.raises(SpecError, match="distribute='multiworker' needs TF_CONFIG"):
        kit.train("digits", root=root, distribute="multiworker")
    with pytest.raises(SpecError, match="distribute must be multiworker or left out, got 'mirrored'"):
        kit.train("digits", root=root, distribute="mirrored")
    with pytest.raises(SpecError, match="distribute='multiworker' trains one run; leave out folds="):
        kit.train_folds("digits", root=root, distribute="multiworker")
    assert not (root / "runs").exists()


@pytest.mark.parametrize(("size", "count"), [(8, 4), (7, 2), (10, 4), (5, 3)])
def test_machines_take_the_parts_that_devices_of_one_machine_would(size: int, count: int) -> None:
    from kit.compat import tf
    from kit.training.worker_loop import parts_of_batches

    batches = tf.data.Dataset.from_tensor_slices((np.arange(24), np.arange(24) * 2)).batch(size).repeat()
    expected = [np.arange(size)[start : start + -(-size // count)] for start in range(0, size, -(-size // count))]
    taken = [
        next(parts_of_batches(batches, range(index, index + 1), count).as_numpy_iterator())[0] for index in range(count)
    ]

    assert [values.tolist() for values in expected] == [part.tolist() for part in taken]


@pytest.mark.parametrize(("replicas", "machines", "local"), [(2, 2, 1), (6, 3, 2), (1, 2, 1), (4, 2, 1), (1, 2, 4)])
def test_sums_of_an_epoch_are_those_of_its_machines(replicas: int, machines: int, local: int) -> None:
    """Those of another number of devices are the chief's, once."""
    from kit.training.joint_checkpoint import metrics_of_machine

    sums = np.arange(1.0, 3 * replicas + 1).reshape(replicas, 3)
    taken = np.stack([metrics_of_machine([sums], index, machines, local)[0] for index in range(machines)])

    assert (machines, local, 3) == taken.shape
    assert sums.sum(axis=0).tolist() == taken.sum(axis=(0, 1)).tolist()
    if replicas == machines * local:
        assert sums.tolist() == taken.reshape(replicas, 3).tolist()


@pytest.mark.addons
def test_the_addons_lane_refuses_several_machines(digits: Dataset) -> None:
    from kit.errors import MissingDependencyError
    from kit.training.multiworker import refuse_unsuited

    spec = run_spec(digits, "histopathologic-cancer", SETTINGS, seed=0)
    with pytest.raises(MissingDependencyError, match="distribute='multiworker' needs Keras 3"):
        refuse_unsuited(spec, Devices())
