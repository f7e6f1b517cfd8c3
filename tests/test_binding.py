"""A training is bound to its dataset: a replaced or swapped dataset is detected."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mutations import csv_mutations, json_mutations
from trained import SETTINGS

import kit
from kit.datasets import Dataset, find_dataset
from kit.errors import RunError, ShardError, SpecError, WorkspaceError
from kit.files import is_sealed, xxh128_file
from kit.inference.out_of_fold import predict_out_of_fold
from kit.inference.predictions import read_predictions
from kit.progress import NoProgress
from kit.runs import RunDirectory
from kit.training.early_stopping import Limit
from kit.training.request import run_spec


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


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    root = tmp_path_factory.mktemp("trained")
    _shard(root)
    return kit.train("bound", settings={**SETTINGS, "train.epochs": 2}, root=root)


@pytest.fixture
def copy(trained: RunDirectory, tmp_path: Path) -> RunDirectory:
    root = trained.path.parents[1]
    shutil.copytree(root, tmp_path / "copy")
    return RunDirectory(tmp_path / "copy" / trained.path.relative_to(root))


def _read(run: RunDirectory, name: str) -> object:
    """Read one of a run's files as a command does."""
    if name == "validation_predictions.csv":
        return read_predictions(run.checked(run.predictions)).probabilities.tolist()
    return {"result.json": run.result, "spec.json": run.spec, "history.csv": run.history}[name]()


@pytest.mark.parametrize("name", ["result.json", "spec.json", "history.csv", "validation_predictions.csv"])
def test_every_change_of_a_finished_run_s_files_is_refused(copy: RunDirectory, name: str) -> None:
    path = copy.path / name
    written, before = path.read_bytes(), repr(_read(copy, name))
    mutations = [*(json_mutations if name.endswith(".json") else csv_mutations)(written)]
    silent = []
    for what, changed in mutations[:: max(1, len(mutations) // 1000)]:
        path.write_bytes(changed)
        try:
            silent += [what] if repr(_read(copy, name)) != before else []
        except (RunError, SpecError) as error:
            silent += [what] if "\n" in str(error) else []

    # without its seal a run is as from an earlier kit, which is said
    assert not [what for what in silent if not what.startswith("('seal',)")]


def test_kept_predictions_of_other_weights_are_computed_anew(copy: RunDirectory) -> None:
    dataset = find_dataset("bound", root=copy.path.parents[1])
    last = predict_out_of_fold(copy, dataset, weights="last").probabilities.tolist()
    kept = copy.held_out("last", "")
    written = kept.read_bytes()
    for wrong in (copy.predictions.read_bytes(), written.replace(b"0.", b"0.1", 3), b""):
        kept.write_bytes(wrong)

        assert last == predict_out_of_fold(copy, dataset, weights="last").probabilities.tolist()
        assert written == kept.read_bytes()


def test_every_change_of_a_split_s_figures_has_them_computed_anew(copy: RunDirectory) -> None:
    root = copy.path.parents[1]
    before = kit.compare(copy.path, split="validation", root=root).arms
    kept = copy.path / "evaluation-validation-best.json"
    written = kept.read_bytes()
    for _, changed in [*json_mutations(written)][::40]:
        kept.write_bytes(changed)

        assert before == kit.compare(copy.path, split="validation", root=root).arms


def test_weights_of_another_seed_are_refused(copy: RunDirectory) -> None:
    root = copy.path.parents[1]
    other = kit.train("bound", settings={**SETTINGS, "train.epochs": 2}, seed=1, root=root)
    shutil.copy(other.best_weights, copy.best_weights)

    with pytest.raises(RunError, match=r"best\.weights\.h5 was changed after the training wrote it"):
        kit.evaluate(copy.path, split="train", root=root)


def test_weights_are_hashed_once_before_they_are_loaded(copy: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("kit.inference.predict_split")
    dataset, hashed = find_dataset("bound", root=copy.path.parents[1]), []

    def counted(path: Path) -> str:
        hashed.append(path.name)
        return xxh128_file(path)

    monkeypatch.setattr("kit.runs.directory.xxh128_file", counted)
    monkeypatch.setattr(module, "is_sealed", lambda path: hashed.append(path.name) or is_sealed(path))
    module.trained_model(copy, dataset)

    assert 1 == hashed.count("best.weights.h5")


def test_checkpoint_or_history_of_another_training_is_named(tmp_path: Path) -> None:
    from kit.training.fit import train_run

    dataset = _shard(tmp_path)
    runs = []
    for seed in (0, 1):
        spec = run_spec(dataset, "histopathologic-cancer", SETTINGS, seed=seed)
        run = RunDirectory(tmp_path / "runs" / str(seed))
        train_run(dataset, spec, run, limit=Limit(epochs=2))
        runs.append((spec, run))
    (spec, run), (_, other) = runs
    newest, older = run.checkpoints()
    kept, lines = run.checkpoint(newest).read_bytes(), run.history_file.read_text()
    for foreign in (other.checkpoint(newest), run.checkpoint(older)):
        shutil.copy(foreign, run.checkpoint(newest))
        with pytest.raises(RunError, match="is of another run or another epoch; remove it"):
            train_run(dataset, spec, run)
    run.checkpoint(newest).write_bytes(kept)
    run.history_file.write_text(lines.replace("0.", "0.1", 1))
    with pytest.raises(RunError, match=r"history\.csv was changed since epoch-00002\.weights\.h5 was written"):
        train_run(dataset, spec, run)
    run.history_file.write_text(lines)

    assert train_run(dataset, spec, run) is not None


def test_two_commands_of_one_name_and_different_settings_lose_nothing(tmp_path: Path) -> None:
    for place in range(40):
        folder = tmp_path / "images" / "ab"[place % 2]
        folder.mkdir(parents=True, exist_ok=True)
        image = np.random.default_rng(place).integers(0, 255, (8, 8, 3), np.uint8)
        import cv2

        cv2.imwrite(str(folder / f"{place}.png"), image)
    shard = [sys.executable, "-m", "kit", "shard", str(tmp_path / "images"), "--name", "both", "--workers", "1"]
    both = [
        subprocess.Popen(
            [*shard, "--root", str(tmp_path), "--seed", seed], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for seed in ("0", "1")
    ]
    ended = [process.communicate()[1].decode() for process in both]
    statuses = [process.returncode for process in both]
    kept = find_dataset("both", root=tmp_path).manifest.settings.seed

    assert [0, 1] == sorted(statuses)
    assert 0 == statuses[kept]
    assert "was made from other inputs" in ended[1 - kept] or "another kit command is writing" in ended[1 - kept]
