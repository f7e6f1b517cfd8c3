"""The whole workflow on scikit-learn's handwritten digits, laid out as a competition."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.ablation import ablate, parse_axis
from kit.arguments import checked_arguments
from kit.comparison import Comparison
from kit.conversion import shard
from kit.engines import core_count
from kit.files import write_whole
from kit.progress import NO_PROGRESS, Progress
from kit.workspace import Workspace

SIDE = 32  # pixels; the digits are 8x8, and every pixel becomes a block of 4x4
TEST_SHARE = 4  # every fourth image is held out
POSITIONS = "before,after"
SEEDS = 3  # the fewest seeds that allow a verdict
SETTINGS = {
    "train.epochs": 10,
    "train.batch_size": 32,
    "model.bn_momentum": 0.9,  # about 300 steps: with 0.99 the moving averages would still reflect the initial weights
}

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Demo:
    """Results of the demonstration.

    Attributes:
        competition: Folder of images, train_labels.csv, test/, sample_submission.csv.
        ablation: Folder of the ablation's runs.
        run: Folder of the best run, which made the predictions.
        comparison: Comparison of the arms.
        submission: Submission file.
        accuracy: Accuracy of the submission's most likely digits on the held-out labels.
        n: Number of held-out images.
    """

    competition: Path
    ablation: Path
    run: Path
    comparison: Comparison
    submission: Path
    accuracy: float
    n: int


@checked_arguments
def demo(root: Path | str | None = None, *, jobs: int | None = None, progress: Progress = NO_PROGRESS) -> Demo:
    """Shard, train two positions of batch norm on three seeds each, compare, predict and score.

    Everything is written below `root`, ./kit-demo by default; finished steps are reused.
    """
    from kit.reports.comparison import write_comparison  # noqa: PLC0415 (matplotlib)
    from kit.submission import predict  # noqa: PLC0415 (TensorFlow)

    workspace = Workspace.at(root or "kit-demo")
    competition = workspace.root / "digits"
    truth = write_competition(competition)
    shard(
        competition / "train",
        name="digits",
        labels=competition / "train_labels.csv",
        test=competition / "test",
        sample_submission=competition / "sample_submission.csv",
        size=(SIDE, SIDE),
        root=workspace.root,
        progress=progress,
    )
    ablation = ablate(
        "digits",
        [parse_axis("model.bn_position", POSITIONS)],
        settings=SETTINGS,
        seeds=SEEDS,
        jobs=jobs or core_count(),  # probing the machine would take longer than the runs themselves
        root=workspace.root,
        progress=progress,
    )
    comparison = ablation.compare()
    write_comparison(comparison, ablation.path / "comparison")
    run = best_run(comparison, ablation.path)
    submission = workspace.submissions / "digits.csv"
    predict(run, output=submission, force=True, root=workspace.root, progress=progress)
    return Demo(competition, ablation.path, run, comparison, submission, score(submission, truth), len(truth))


def write_competition(folder: Path) -> dict[str, str]:
    """Write the digits as the files of a competition.

    Returns:
        Held-out label of each test id.
    """
    images, labels = _digits()
    names = [f"digit-{number:04d}" for number in range(len(images))]
    test = [number for number in range(len(images)) if number % TEST_SHARE == TEST_SHARE - 1]
    held_back = set(test)
    train = [number for number in range(len(images)) if number not in held_back]
    for part, numbers in (("train", train), ("test", test)):
        for number in numbers:
            _write_tiff(folder / part / f"{names[number]}.tif", images[number])
    _write_csv(folder / "train_labels.csv", ("id", "label"), ((names[n], str(labels[n])) for n in train))
    classes = sorted({str(label) for label in labels})
    evenly = [f"{1 / len(classes)}"] * len(classes)
    _write_csv(folder / "sample_submission.csv", ("id", *classes), ((names[n], *evenly) for n in test))
    return {names[number]: str(labels[number]) for number in test}


def best_run(comparison: Comparison, ablation: Path) -> Path:
    """Find the run with the best validation accuracy in any epoch: chosen on validation, never on test."""
    best = max(comparison.trajectories, key=lambda run: max(run.metrics["val_accuracy"]))
    return ablation / best.arm / f"seed-{best.seed}"


def score(submission: Path, truth: dict[str, str]) -> float:
    """Share of test images whose most likely digit is the held-out label."""
    with submission.open(newline="") as file:
        rows = list(csv.DictReader(file))
    right = sum(truth[row["id"]] == _likeliest(row) for row in rows)
    return right / len(rows)


def _likeliest(row: dict[str, str]) -> str:
    return max((name for name in row if name != "id"), key=lambda name: float(row[name]))


def _digits() -> tuple[list[Pixels], Any]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    block = np.ones((SIDE // 8, SIDE // 8), np.uint8)
    images = [np.kron((image * 255 / 16).astype(np.uint8), block) for image in digits.images]
    return images, digits.target


def _write_tiff(path: Path, pixels: Pixels) -> None:
    import cv2

    _, encoded = cv2.imencode(".tif", pixels)
    data = encoded.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_bytes() != data:  # a second demo finds the files unchanged
        path.write_bytes(data)


def _write_csv(path: Path, header: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    text = "\n".join(",".join(row) for row in [header, *rows]) + "\n"
    write_whole(path, text)
