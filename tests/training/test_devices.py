"""Which devices a training uses, and that its figures do not depend on them."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trained import SETTINGS

import kit
from kit.datasets import Dataset
from kit.engines import gpus
from kit.errors import SpecError
from kit.runs import RunDirectory
from kit.specs.device_list import AUTO, Devices, parse_devices
from kit.training.check import shared_batch

HAS_GPU = bool(gpus())


@given(
    st.one_of(
        st.just(AUTO),
        st.builds(Devices, kind=st.just("cpu"), count=st.integers(1, 99)),
        st.builds(Devices, kind=st.just("gpu"), numbers=st.lists(st.integers(0, 99), unique=True).map(tuple)),
    )
)
def test_devices_are_read_as_they_are_written(devices: Devices) -> None:
    assert devices == parse_devices(str(devices))


@pytest.mark.parametrize("text", ["", "tpu", "cpu:", "cpu:1,2", "auto:1", "gpu:0,", "gpu:a", "cpu:-1", "GPU"])
def test_other_devices_are_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"devices must be auto, cpu, cpu:N, gpu or gpu:0,1, got"):
        parse_devices(text)


def test_no_device_and_one_twice_are_refused() -> None:
    with pytest.raises(SpecError, match=r"devices=cpu:0: there must be 1 or more"):
        parse_devices("cpu:0")
    with pytest.raises(SpecError, match=r"devices=gpu:1,0,1: a GPU is named twice"):
        parse_devices("gpu:1,0,1")


@pytest.mark.parametrize(("visible", "expected"), [("", []), ("-1", []), ("0", ["0"]), ("2,0", ["2", "0"])])
def test_gpus_are_those_that_cuda_shows(visible: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    assert expected == gpus()


def train_words(dataset: Dataset, root: Path, *options: str) -> list[str]:
    """Spell the command that trains one epoch."""
    settings = [f"--set={name}={value}" for name, value in {**SETTINGS, "train.epochs": 1}.items()]
    return ["train", dataset.manifest.name, "--root", str(root), *settings, *options]


FORKED = """
import json, os, sys
import kit.cli.console, kit.comparison, kit.reports.training, kit.training.fit  # and TensorFlow: once for all
from kit.cli.app import main  # what is forked has devices of its own

for visible, said, arguments in json.load(sys.stdin):
    if not (child := os.fork()):
        os.environ["CUDA_VISIBLE_DEVICES"] = visible
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)
        sys.argv[1:] = arguments
        try:
            main()
        except SystemExit as left:
            sys.stderr.flush()
            os._exit(left.code or 0)  # an orderly exit takes a second to clear TensorFlow away
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
REFUSED = {  # devices and settings, the GPUs that CUDA shows, and why they cannot train
    ("--devices=gpu", ""): "devices=gpu: there is no GPU that this process may use",
    ("--devices=gpu:0", "0,1"): "devices=gpu:0: TensorFlow cannot use the 2 NVIDIA GPUs of this machine; install",
    ("--devices=gpu:x", ""): "devices must be auto, cpu, cpu:N, gpu or gpu:0,1, got 'gpu:x'",
    ("--devices=cpu:3", ""): "train.batch_size=16 does not divide by 3 devices; take 15 or 18",
}
XLA = ("--devices=cpu --set=train.jit=on", "")
Answers = dict[tuple[str, str], tuple[int, str]]


@pytest.fixture(scope="module")
def answers(tiny: Dataset, workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Exit status and errors of what is refused, each in a process of its own that has loaded TensorFlow."""
    cases = [XLA] if HAS_GPU else [XLA, *REFUSED]
    files = [tmp_path_factory.mktemp("said") / "stderr" for _ in cases]
    asked = [
        (visible, str(said), train_words(tiny, workspace, *options.split(), "--seed=99"))
        for (options, visible), said in zip(cases, files, strict=True)
    ]
    done = subprocess.run(
        [sys.executable, "-c", FORKED], input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True
    )
    told = zip(map(int, done.stdout.split()), (file.read_text() for file in files), strict=True)
    return dict(zip(cases, told, strict=True))


@pytest.mark.skipif(HAS_GPU, reason="needs a machine whose TensorFlow sees no GPU")
@pytest.mark.parametrize("case", REFUSED, ids=" ".join)
def test_devices_that_cannot_train_are_refused_in_a_line(
    case: tuple[str, str], answers: Answers, workspace: Path
) -> None:
    status, said = answers[case]
    *progress, refusal = said.splitlines()

    assert 1 == status
    assert refusal.startswith(f"kit: {REFUSED[case]}")
    assert all(line.startswith("check tiny") for line in progress)  # which a slow machine is shown
    assert not list((workspace / "runs").glob("*-seed-99-*/spec.json"))


def test_xla_without_a_gpu_is_refused(answers: Answers, workspace: Path) -> None:
    status, said = answers[XLA]
    *progress, refusal = said.splitlines()

    assert 1 == status
    assert refusal.startswith("kit: train.jit=on needs one GPU")
    assert all(line.startswith("check tiny") for line in progress)
    assert not list((workspace / "runs").glob("*-seed-99-*/spec.json"))


@pytest.mark.skipif(HAS_GPU, reason="needs a machine whose TensorFlow sees no GPU")
def test_a_gpu_that_tensorflow_cannot_use_is_said_and_the_cpu_trains(tiny: Dataset, workspace: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kit", *train_words(tiny, workspace, "--seed=98")],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "0"},
        text=True,
        capture_output=True,
        check=False,
    )
    (advice,) = (line for line in done.stderr.splitlines() if "NVIDIA" in line)

    assert 0 == done.returncode
    assert "TensorFlow cannot use the 1 NVIDIA GPU of this machine; install what it needs with pip install" in advice
    assert "'tensorflow[and-cuda]'" in advice


def test_a_process_that_computes_already_keeps_its_devices(run: RunDirectory, tiny: Dataset, tmp_path: Path) -> None:
    from kit.errors import RunError
    from kit.training.fit import train_run

    assert run.is_finished
    with pytest.raises(RunError, match=r"computes on other devices than cpu:7 already; train in a new one"):
        train_run(tiny, run.spec(), RunDirectory(tmp_path / "run"), devices=parse_devices("cpu:7"))
    assert not (tmp_path / "run").exists()


SCRIPT = """
import os, signal, sys
from pathlib import Path
from kit.progress import NoProgress
from kit.runs import RunDirectory
from kit.datasets.dataset import read_dataset
from kit.specs.device_list import parse_devices
from kit.training.fit import train_run

class Steps(NoProgress):
    done = 0

    def advance(self, steps=1, note=""):
        self.done += steps
        if self.done == int(sys.argv[4]):
            os.kill(os.getpid(), signal.SIGKILL)

directory, devices = RunDirectory(Path(sys.argv[2])), parse_devices(sys.argv[3])
dataset = read_dataset(Path(sys.argv[1]))
train_run(dataset, directory.spec(), directory, devices=devices, checkpoint_minutes=0, progress=Steps())
"""


def train_on(
    devices: str, dataset: Dataset, folder: Path, changes: dict[str, Any], *, killed_after: int = -1
) -> RunDirectory:
    """Train in a process of its own, which may be killed after some steps."""
    from kit.training.request import run_spec

    run = RunDirectory(folder / devices)
    run.claim(run_spec(dataset, "histopathologic-cancer", {**SETTINGS, **changes}, seed=1))
    arguments = [str(dataset.folder), str(run.path), devices, str(killed_after)]
    done = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], check=False)

    assert (0 if killed_after < 0 else -signal.SIGKILL) == done.returncode
    return run


@pytest.mark.slow
def test_figures_do_not_depend_on_the_number_of_devices(tiny: Dataset, tmp_path: Path) -> None:
    """Augmented images, weights of classes, batch norm over the whole batch, and a metric with counts."""
    changes = {"augment.rotation": 20, "augment.mixup": 0.4, "train.class_weights": "balanced", "train.epochs": 2}
    runs = [train_on(devices, tiny, tmp_path, changes) for devices in ("cpu", "cpu:2", "cpu:4")]
    one, *others = ([row["loss"] for row in run.history().rows] for run in runs)
    environments = [json.loads(run.environment.read_text()) for run in runs]

    for losses in others:
        assert np.allclose(one, losses, rtol=0, atol=1e-5)
    assert [1, 2, 4] == [environment["replicas"] for environment in environments]
    assert [1, 2, 4] == [len(environment["devices"]) for environment in environments]


@pytest.mark.slow
def test_several_devices_validate_a_single_image_left_over_and_go_on_within_an_epoch(tmp_path: Path) -> None:
    """257 images to validate are one more than a batch; 37 steps are calls of their own, each with a checkpoint."""
    generator = np.random.default_rng(0)
    images, labels = generator.integers(0, 255, (405, 8, 8, 3), np.uint8), ["a", "b", "a"] * 135
    dataset = kit.shard_arrays(images, labels, name="more", split=(148 / 405, 257 / 405), root=tmp_path, workers=1)
    changes = {"train.batch_size": 4, "train.epochs": 2, "train.metrics": "accuracy,f1,auc", "model.filters": "4"}
    one = train_on("cpu", dataset, tmp_path / "one", changes)
    whole = train_on("cpu:4", dataset, tmp_path / "whole", changes)
    parts = train_on("cpu:4", dataset, tmp_path / "parts", changes, killed_after=50)
    (newest, *_) = parts.checkpoints()
    train_on("cpu:4", dataset, tmp_path / "parts", changes)

    assert {"train": 148, "validation": 257} == {
        split: sum(counts.values()) for split, counts in dataset.manifest.counts.items()
    }
    assert (1, 13) == newest
    assert whole.history().metrics() == parts.history().metrics()
    for row, same in zip(whole.history().metrics(), one.history().metrics(), strict=True):
        assert row == pytest.approx(same, abs=1e-3)


@given(images=st.integers(1, 3000), most=st.integers(1, 256), replicas=st.integers(1, 16))
def test_no_device_is_left_without_images_to_validate(images: int, most: int, replicas: int) -> None:
    def parts(batch: int) -> list[list[int]]:
        """Images of each part of each batch, as TensorFlow cuts them."""
        counts = [min(batch, images - start) for start in range(0, images, batch)]
        sizes = [math.ceil(count / replicas) for count in counts]
        return [
            [min(size, count - start) for start in range(0, count, size)]
            for count, size in zip(counts, sizes, strict=True)
        ]

    def is_shared(batch: int) -> bool:
        first, *others = parts(batch)
        return len(set(first)) == 1 and all(len(shared) == replicas for shared in (first, *others))

    batch = shared_batch(images, most, replicas)

    assert [other for other in range(1, min(most, images) + 1) if is_shared(other)][-1:] == ([batch] if batch else [])
    assert replicas > 1 or batch == min(most, images)


@pytest.mark.slow
def test_a_learning_rate_grows_with_the_devices_where_it_is_asked_for(tiny: Dataset, tmp_path: Path) -> None:
    changes = {"train.scale_learning_rate": "true", "train.epochs": 1, "train.learning_rate": 0.001}
    one, two = (
        train_on(devices, tiny, tmp_path, changes).history().column("learning_rate") for devices in ("cpu", "cpu:2")
    )

    assert [0.001] == pytest.approx(one)
    assert [0.002] == pytest.approx(two)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_learns_as_float32_does(precision: str, tiny: Dataset, tmp_path: Path) -> None:
    from tests.training.test_training import weights

    half, whole = (train_on("cpu", tiny, tmp_path / kind, {"train.precision": kind}) for kind in (precision, "float32"))

    assert np.allclose(half.history().column("loss"), whole.history().column("loss"), rtol=0.1)
    assert half.history().column("loss") != whole.history().column("loss")
    assert {np.dtype(np.float32)} == {
        values.dtype for name, values in weights(half.last_weights).items() if name.startswith("layers/")
    }
