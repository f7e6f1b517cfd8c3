"""A training and its dataset stay together: what is replaced or swapped meanwhile is noticed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from trained import SETTINGS

import kit
from kit.errors import ShardError, WorkspaceError
from kit.progress import NoProgress
from kit.shards import Dataset, find_dataset


def _shard(root: Path, seed: int = 0, *, force: bool = False) -> Dataset:
    images = np.random.default_rng(seed).integers(0, 255, (60, 16, 16, 3), np.uint8)
    return kit.shard_arrays(images, ["a", "b"] * 30, name="bound", seed=seed, workers=1, root=root, force=force)


class AfterEpoch(NoProgress):
    """Does something when the first epoch has been told."""

    def __init__(self, action: object) -> None:
        self.action = action
        self.refused = ""

    def advance(self, steps: int = 1, note: str = "") -> None:
        del steps
        if "epoch 1:" in note:
            self.action()  # type: ignore[operator]


def test_dataset_is_not_replaced_while_a_training_streams_it(tmp_path: Path) -> None:
    _shard(tmp_path)
    refusals: list[str] = []

    def replace() -> None:
        with pytest.raises(WorkspaceError, match="bound is in use by another kit command") as caught:
            _shard(tmp_path, seed=1, force=True)
        refusals.append(str(caught.value))

    run = kit.train("bound", settings={**SETTINGS, "train.cache": "none"}, root=tmp_path, progress=AfterEpoch(replace))

    assert run.is_finished
    assert 1 == len(refusals)


def test_training_over_a_dataset_that_was_exchanged_by_hand_ends(tmp_path: Path) -> None:
    other = _shard(tmp_path / "elsewhere", seed=1)
    dataset = _shard(tmp_path)

    def exchange() -> None:
        dataset.folder.rename(dataset.folder.with_name("gone"))
        shutil.copytree(other.folder, dataset.folder)

    with pytest.raises(ShardError, match="was replaced while it was in use"):
        kit.train("bound", settings={**SETTINGS, "train.cache": "none"}, root=tmp_path, progress=AfterEpoch(exchange))
    (run,) = (tmp_path / "runs").iterdir()

    assert not (run / "result.json").exists()
    assert 2 == len((run / "history.csv").read_text().splitlines())


@pytest.mark.parametrize("split", ["train", "validation"])
def test_shards_from_another_seed_are_not_trained_on(tmp_path: Path, split: str) -> None:
    other = _shard(tmp_path / "elsewhere", seed=1)
    dataset = _shard(tmp_path)
    for path in dataset.paths(split):
        shutil.copy(other.folder / path.name, path)
    assert [path.stat().st_size for path in dataset.paths(split)] == [
        path.stat().st_size for path in other.paths(split)
    ]

    with pytest.raises(ShardError, match=rf"{split}-0.* was changed after writing"):
        kit.train("bound", settings=SETTINGS, root=tmp_path)


def test_shards_from_another_seed_are_not_measured_on(tmp_path: Path) -> None:
    other = _shard(tmp_path / "elsewhere", seed=1)
    dataset = _shard(tmp_path)
    run = kit.train("bound", settings=SETTINGS, root=tmp_path)
    for path in dataset.paths("train"):
        shutil.copy(other.folder / path.name, path)

    with pytest.raises(ShardError, match=r"train-0.* was changed after writing"):
        kit.evaluate(run.path, split="train", root=tmp_path)


def test_two_commands_of_one_name_and_different_settings_lose_nothing(tmp_path: Path) -> None:
    for place in range(40):
        folder = tmp_path / "images" / "ab"[place % 2]
        folder.mkdir(parents=True, exist_ok=True)
        image = np.random.default_rng(place).integers(0, 255, (8, 8, 3), np.uint8)
        import cv2

        cv2.imwrite(str(folder / f"{place}.png"), image)
    command = [
        sys.executable,
        "-m",
        "kit",
        "shard",
        str(tmp_path / "images"),
        "--name",
        "both",
        "--root",
        str(tmp_path),
    ]
    both = [
        subprocess.Popen([*command, "--seed", seed, "--workers", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for seed in ("0", "1")
    ]
    ended = [process.communicate()[1].decode() for process in both]
    statuses = [process.returncode for process in both]
    kept = find_dataset("both", root=tmp_path).manifest.settings.seed

    assert [0, 1] == sorted(statuses)
    assert 0 == statuses[kept]
    assert (
        "different" in ended[1 - kept]
        or "was made from other inputs" in ended[1 - kept]
        or "writing" in ended[1 - kept]
    )
