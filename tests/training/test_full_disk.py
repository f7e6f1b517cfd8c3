"""A disk that fills during a training: one line of error, and the same results when the run is resumed."""

from __future__ import annotations

import contextlib
import errno
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

import kit
from kit.datasets import Dataset
from kit.runs import RunDirectory
from tests.training.test_resume import assert_equal

SETTINGS = (
    *("--set", "model.filters=4", "--set", "model.pool=2", "--set", "model.dense=16"),
    *("--epochs", "2", "--batch-size", "8", "--checkpoint-minutes", "0"),
)
WALK = """
import os, sys
import kit.compat  # once for all; what is forked after it has its own devices
from kit.cli.app import main

fill, step, *arguments = sys.argv[1:]
sys.argv[1:] = arguments
while True:
    sys.stdout.flush()
    if not (child := os.fork()):
        main()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 1:
        sys.exit(status)
    os.truncate(fill, os.stat(fill).st_size - int(step))
"""


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    images = np.random.default_rng(0).integers(0, 255, (40, 8, 8, 3), np.uint8)
    root = tmp_path_factory.mktemp("noise")
    return kit.shard_arrays(images, ["a", "b"] * 20, name="noise", split=(0.8, 0.2), root=root, workers=1)


@pytest.fixture
def disk(noise: Dataset, tmp_path: Path) -> Iterator[Path]:
    """A workspace with the dataset on a disk of 1.5 MB, and a file that fills the rest of it."""
    disk = tmp_path / "disk"
    with small_disk(disk, 1500):
        target = disk / "tfrecords" / "noise"
        target.mkdir(parents=True)
        for path in noise.folder.iterdir():
            (target / path.name).write_bytes(path.read_bytes())
        with (disk / "fill").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        yield disk


@contextlib.contextmanager
def small_disk(path: Path, size: int) -> Iterator[Path]:
    """A disk of so many kB."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(path)]
    if subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def command(root: Path, *more: str) -> list[str]:
    return ["train", "noise", *SETTINGS, *more, "--root", str(root)]


def kit_train(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "kit", *command(root)], capture_output=True, text=True, check=False)


def the_run(root: Path) -> RunDirectory:
    (path,) = (root / "runs").glob("[!.]*")
    return RunDirectory(path)


class SavesByName:
    """Open a file of weights as Keras before 3.10 does: by the result of `str`."""

    def save_weights(self, file: object) -> None:
        with h5py.File(str(file), mode="w") as opened:
            opened["weights"] = np.arange(1000)


def test_weights_stay_in_memory_where_keras_opens_them_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kit.training.full_disk import WeightsFile

    monkeypatch.chdir(tmp_path)
    WeightsFile(SavesByName()).write_to(tmp_path / "written.weights.h5")

    assert ["written.weights.h5"] == [path.name for path in tmp_path.iterdir()]
    with h5py.File(tmp_path / "written.weights.h5") as written:
        assert np.array_equal(np.arange(1000), written["weights"][:])


def test_weights_on_a_full_disk_end_in_one_line(disk: Path) -> None:
    fill = disk / "fill"
    with fill.open("ab") as file:
        file.truncate(fill.stat().st_size - (40 << 10))
    answer = kit_train(disk)

    assert 1 == answer.returncode
    last = answer.stderr.splitlines()[-1]
    assert re.fullmatch(r"kit: \S+\.weights\.h5: No space left on device; free some space and run the same .*", last)
    assert "Traceback" not in answer.stderr


@pytest.mark.slow
def test_a_run_that_is_given_a_little_more_space_each_time_ends_as_any(disk: Path, noise: Dataset) -> None:
    """The disk is full at settings, decoded images, checkpoints, best and last weights, and where TensorBoard reads."""
    root = noise.folder.parents[1]
    arguments = [str(disk / "fill"), str(40 << 10), *command(disk, "--cache", "disk")]
    walked = subprocess.run([sys.executable, "-c", WALK, *arguments], capture_output=True, text=True, check=False)
    whole = subprocess.run([sys.executable, "-m", "kit", *command(root, "--cache", "disk")], check=False)

    assert [0, 0] == [walked.returncode, whole.returncode], walked.stderr
    assert walked.stderr.count("No space left on device; free some space") > 2
    assert "Traceback" not in walked.stderr
    assert_equal(the_run(root), the_run(disk))


@pytest.mark.parametrize(("name", "size"), [("keras", 24), ("saved_model", 24), ("saved_model", 120), ("onnx", 24)])
def test_an_export_on_a_full_disk_names_it_and_leaves_nothing(
    run: RunDirectory, workspace: Path, tmp_path: Path, name: str, size: int
) -> None:
    with small_disk(tmp_path / "disk", size) as disk:
        with pytest.raises(OSError, match="No space left on device") as full:
            kit.export(run.path, formats=[name], output=disk / "export", root=workspace)
        left = list(disk.rglob("*"))

    assert (errno.ENOSPC, str(disk / "export"), []) == (full.value.errno, full.value.filename, left)


def write_evaluation(run: RunDirectory, root: Path, folder: Path) -> None:
    kit.write_evaluation(kit.evaluate(run.path, root=root), folder, html=True)


def write_comparison(run: RunDirectory, root: Path, folder: Path) -> None:
    kit.write_comparison(kit.compare(run.path, root=root), folder, html=True)


@pytest.mark.parametrize("room", [4, 60])
@pytest.mark.parametrize("write", [write_evaluation, write_comparison])
def test_a_report_on_a_full_disk_names_it_and_leaves_nothing(
    run: RunDirectory, workspace: Path, tmp_path: Path, write: Callable[[RunDirectory, Path, Path], object], room: int
) -> None:
    with small_disk(tmp_path / "disk", room) as disk:
        with pytest.raises(OSError, match="No space left on device") as full:
            write(run, workspace, disk / "report")
        left = list(disk.rglob("*"))

    assert (errno.ENOSPC, str(disk / "report"), []) == (full.value.errno, full.value.filename, left)


@pytest.mark.slow
@pytest.mark.parametrize("words", [["export"], ["evaluate", "--html"], ["compare", "--html"]])
def test_a_command_on_a_full_disk_ends_in_one_line(
    run: RunDirectory, workspace: Path, tmp_path: Path, words: list[str]
) -> None:
    with small_disk(tmp_path / "disk", 24) as disk:
        asked = [*words, str(run.path), "-o", str(disk / "out"), "--root", str(workspace)]
        answer = subprocess.run([sys.executable, "-m", "kit", *asked], capture_output=True, text=True, check=False)
        left = list(disk.rglob("*"))

    assert (1, []) == (answer.returncode, left), answer.stderr
    assert f"kit: {disk}/out: No space left on device; free some space" in answer.stderr.splitlines()[-1]
    assert "Traceback" not in answer.stderr
