"""Runs measured on whole splits, beside published figures."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path

import h5py
import msgspec
import numpy as np
import pytest
from made import Made, respecify
from trained import SETTINGS, write_images

import kit
from kit.datasets import Dataset
from kit.errors import RunError, ShardError, SpecError
from kit.evaluation.split_metrics import measure_runs, split_figures
from kit.files import seal
from kit.metrics import find_metric
from kit.reports.caveats import comparison_remarks
from kit.reports.comparison import comparison_tables
from kit.runs import RunDirectory
from kit.specs import override, read_recipe
from tests.made import class_predictions

RECIPE = """
description = "two arms, of which somebody published one"

[[arms]]
name = "first"
published = { val_accuracy = 0.5, validation_recall = 0.25, test_accuracy = 0.125 }

[[arms]]
name = "second"
"""


@pytest.fixture
def ablation(run: RunDirectory, tmp_path: Path) -> Path:
    """Two arms of two seeds, all four of them the same run, and the recipe that they claim to come from."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    folder = tmp_path / "runs" / "ablation"
    for arm in ("first", "second"):
        for seed in (0, 1):
            place = folder / arm / f"seed-{seed}"
            shutil.copytree(run.path, place, ignore=shutil.ignore_patterns("evaluation-*", "tensorboard"))
            spec = msgspec.structs.replace(run.spec(), arm=arm, seed=seed)
            spec = override(spec, {"train.histograms": arm == "second"})  # arms are told apart by their settings
            respecify(RunDirectory(place), spec)
    (folder / "ablation.json").write_text(json.dumps({"recipe": str(recipe), "arms": ["first", "second"]}))
    return folder


def test_runs_are_measured_as_evaluate_measures_them(ablation: Path, run: RunDirectory, workspace: Path) -> None:
    train, validation = (kit.evaluate(run.path, split=split, root=workspace) for split in ("train", "validation"))
    first, second = kit.compare(ablation, split="validation", root=workspace).arms
    found = first.measured

    assert found == second.measured
    assert (validation.accuracy, 0) == (found.accuracy.mean, found.accuracy.sd)
    assert train.accuracy == found.train_accuracy.mean
    assert math.isclose(validation.scores.loss, found.loss.mean)
    assert math.isclose(train.scores.loss - validation.scores.loss, found.loss_difference.mean)
    assert math.isclose(train.accuracy - validation.accuracy, found.accuracy_difference.mean)
    assert validation.measures.report["light"]["recall"] == found.recall.mean
    assert train.measures.report["light"]["recall"] == found.train_recall.mean
    assert ("light", len(validation.measures.mistakes), 36) == (found.recall_of, found.misclassified.mean, found.images)


def test_each_run_is_measured_on_its_own_dataset(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "others", 60, ("dark", "light"), seed=5)
    kit.shard(tmp_path / "others", name="others", root=workspace, workers=1)
    other = kit.train("others", settings={**SETTINGS, "train.epochs": 1}, root=workspace)
    expected = [
        kit.evaluate(one.path, split=split, root=workspace).accuracy
        for one in (run, other)
        for split in ("train", "validation")
    ]
    comparison = kit.compare(run.path, other.path, across_datasets=True, split="validation", root=workspace)
    found = [arm.measured for arm in comparison.arms]
    title = next(table.title for table in comparison_tables(comparison) if table.title.startswith("train against"))

    assert expected == [value.mean for one in found for value in (one.train_accuracy, one.accuracy)]
    assert [36, 18] == [one.images for one in found]
    assert "validation, n = 18 to 36 images" in title


def test_what_was_measured_is_loaded_the_second_time(ablation: Path, workspace: Path) -> None:
    first = kit.compare(ablation, split="validation", root=workspace)
    before = {path: path.stat().st_mtime_ns for path in ablation.rglob("evaluation-*.json")}
    second = kit.compare(ablation, split="validation", root=ablation)  # no dataset there, and none needed

    assert 8 == len(before)
    assert before == {path: path.stat().st_mtime_ns for path in ablation.rglob("evaluation-*.json")}
    assert (
        "measured 4 runs on train and validation: 0 results loaded from before, 8 computed"
        == comparison_remarks(first)[0]
    )
    assert (
        "measured 4 runs on train and validation: 8 results loaded from before, 0 computed"
        == comparison_remarks(second)[0]
    )
    assert first.arms == second.arms


@pytest.mark.parametrize("how", ["other weights", "cut short"])
def test_stale_figures_are_computed_again(ablation: Path, workspace: Path, how: str) -> None:
    kit.compare(ablation, split="validation", root=workspace)
    changed = RunDirectory(ablation / "first" / "seed-1")
    kept = changed.path / "evaluation-validation-best.json"
    before = kept.read_bytes()
    if how == "other weights":
        shutil.copyfile(changed.last_weights, changed.best_weights)
        seal(changed.best_weights)  # even where the last epoch was the best, it is another file
        changed.finish(changed.result())
    else:
        kept.write_bytes(before[:-20])
    again = kit.compare(ablation, split="validation", root=workspace)
    stale = 2 if how == "other weights" else 1

    assert f"{8 - stale} results loaded from before, {stale} computed" in comparison_remarks(again)[0]
    assert (kept.read_bytes() == before) == (how == "cut short")


def test_published_figures_stand_beside_ours(ablation: Path, workspace: Path, tmp_path: Path) -> None:
    alone = kit.compare(ablation)
    measured = kit.compare(ablation, split="validation", root=workspace)
    *_, published = comparison_tables(alone)
    *_, beside = comparison_tables(measured)
    files = kit.write_comparison(measured, tmp_path / "out")
    row, other = csv.DictReader((tmp_path / "out" / "published.csv").read_text().splitlines())

    assert ("arm", "n", "val_accuracy", "published\nval_accuracy") == published.columns
    assert ["0.5000", "—"] == [row[3] for row in published.rows]
    assert "published\nvalidation_recall" in beside.columns
    assert ("0.5", "0.25") == (row["published_val_accuracy"], row["published_validation_recall"])
    assert "" == other["published_val_accuracy"]
    assert "the recipe publishes test_accuracy; compare on split test to measure ours" in comparison_remarks(alone)
    assert {"train-validation.csv", "recall-validation.csv", "published.csv"} <= {path.name for path in files}


def test_tables_have_the_columns_of_a_ladder(ablation: Path, workspace: Path) -> None:
    *_, fit, recall, _ = comparison_tables(kit.compare(ablation, split="validation", root=workspace))

    assert (
        "arm",
        "n",
        "train_loss",
        "train_acc",
        "validation_loss",
        "validation_acc",
        "loss_diff",
        "acc_diff",
    ) == fit.columns
    assert (
        "arm",
        "n",
        "train_recall",
        "validation_recall",
        "misclassified",
        "train_acc",
        "validation_acc",
    ) == recall.columns
    assert ["2", "2"] == [row[1] for row in recall.rows]
    assert all("±" in cell for row in fit.rows for cell in row[2:])


def test_a_recipe_that_is_gone_leaves_our_figures(ablation: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").unlink()
    comparison = kit.compare(ablation)

    assert not any("published" in table.title for table in comparison_tables(comparison))
    assert comparison_remarks(comparison)[0].startswith("without published figures: recipe file")


def test_a_single_run_of_an_ablation_finds_its_recipe(ablation: Path) -> None:
    (arm,) = kit.compare(ablation / "first" / "seed-0").arms

    assert (0.5,) == arm.published["val_accuracy"]


GRID = """
description = "a grid, of which somebody published two"
design = "grid"
[data]
size = "32"
[model]
filters = [8]
[train]
epochs = 15
[vary]
"model.kernel" = [2, 3]
"train.learning_rate" = [0.01, 0.001]
[[arms]]
name = "largest"
settings = { "model.kernel" = 3, "train.learning_rate" = 0.01 }
published = { val_accuracy = [0.75, 0.5], test_accuracy = 0.25 }
[[arms]]
name = "smallest"
settings = { "model.kernel" = 2, "data.size" = "64" }
published = { val_accuracy = 0.875 }
"""


@pytest.fixture
def grid(tmp_path: Path) -> Made:
    """An ablation of the grid of a recipe, whose arms are named by their settings, with fewer epochs than it says."""
    (tmp_path / "grid.toml").write_text(GRID)
    made = Made(tmp_path / "runs" / "grid")
    base = read_recipe(str(tmp_path / "grid.toml")).base
    names = []
    for kernel, rate in ((2, 0.01), (2, 0.001), (3, 0.01), (3, 0.001)):
        names.append(f"kernel={kernel},learning_rate={rate}")
        settings = {"model.filters": base.model.filters, "model.kernel": kernel, "train.learning_rate": rate}
        made.finish(names[-1], 0, [0.5, 0.6], settings={**settings, "train.epochs": 2})
    (made.plan(*names) / "ablation.json").write_text(json.dumps({"recipe": str(tmp_path / "grid.toml"), "arms": names}))
    return made


def test_arms_of_a_grid_have_the_figures_of_their_settings(grid: Made, tmp_path: Path) -> None:
    comparison = kit.compare(grid.folder)
    files = kit.write_comparison(comparison, tmp_path / "out", html=True)
    table = next(table for table in comparison_tables(comparison) if "published" in table.title)
    rows = {row["arm"]: row for row in csv.DictReader((tmp_path / "out" / "published.csv").read_text().splitlines())}

    assert {"kernel=3,learning_rate=0.01": {"val_accuracy": (0.75, 0.5), "test_accuracy": (0.25,)}} == {
        arm.name: arm.published for arm in comparison.arms if len(arm.published) > 1
    }
    assert ["—", "0.8750", "0.7500\n0.5000", "—"] == [row[3] for row in table.rows]
    assert ("0.75", "0.5") == tuple(
        rows["kernel=3,learning_rate=0.01"][f"published_val_accuracy{again}"] for again in ("", "_2")
    )
    assert "0.7500" in next(path for path in files if path.suffix == ".html").read_text()
    assert "published with other settings than ours: train.epochs=15 (ours 2)" in comparison_remarks(comparison)


def test_a_setting_that_was_published_twice_shows_both(tmp_path: Path) -> None:
    made = Made(tmp_path / "runs" / "momenta")
    for place, momentum in (("before", 0.99), ("before", 0.25), ("after", 0.99), ("after", 0.25)):
        settings = {"model.bn_position": place, "model.bn_momentum": momentum}
        made.finish(f"bn_position={place},bn_momentum={momentum}", 0, [0.5, 0.6], settings=settings)
    (made.folder / "ablation.json").write_text(json.dumps({"recipe": "histopathologic-cancer", "arms": []}))
    published = {arm.name: arm.published.get("val_accuracy") for arm in kit.compare(made.folder).arms}

    assert {
        "bn_position=before,bn_momentum=0.99": (0.7460, 0.6893),
        "bn_position=before,bn_momentum=0.25": (0.8436,),
        "bn_position=after,bn_momentum=0.99": (0.8072,),
        "bn_position=after,bn_momentum=0.25": None,
    } == published


def test_a_run_that_differs_elsewhere_is_not_the_published_one(grid: Made) -> None:
    settings = {"model.filters": [8], "model.kernel": 3, "train.learning_rate": 0.01, "train.epochs": 2}
    grid.finish("optimizer=sgd", 0, [0.5, 0.6], settings={**settings, "train.optimizer": "sgd"})
    published = {arm.name: arm.published for arm in kit.compare(grid.folder).arms}

    assert published["kernel=3,learning_rate=0.01"]
    assert not published["optimizer=sgd"]


def test_an_arm_that_another_ablation_trained_is_not_left_out(tmp_path: Path) -> None:
    one, other = (Made(tmp_path / "runs" / name) for name in ("one", "other"))
    one.plan("first", refused={"second": "needs a dataset of its own", "third": "does not fit"})
    other.plan("second")
    one.finish("first", 0, [0.5, 0.6])
    other.finish("second", 0, [0.5, 0.7], settings={"train.epochs": 9}, fingerprint="fedcba9876543210")
    alone = kit.compare(one.folder)
    together = kit.compare(one.folder, other.folder, across_datasets=True)

    assert ["second", "third"] == [left.arm for left in alone.left_out]
    assert ["third"] == [left.arm for left in together.left_out]


def test_figures_of_an_arm_that_was_ablated_alone_are_found(ablation: Path, tmp_path: Path) -> None:
    plan = {"recipe": f"{tmp_path / 'recipe.toml'}/first", "arms": ["first", "second"]}
    (ablation / "ablation.json").write_text(json.dumps(plan))
    first, second = kit.compare(ablation).arms

    assert ((0.5,), {}) == (first.published["val_accuracy"], second.published)


def test_data_that_were_others_than_the_published_ones_are_named(
    ablation: Path, tmp_path: Path, workspace: Path
) -> None:
    (tmp_path / "recipe.toml").write_text(
        RECIPE.replace("[[arms]]", '[data]\nsize = "32"\nper_class = 9\n\n[[arms]]', 1)
    )
    said = "\n".join(comparison_remarks(kit.compare(ablation, root=workspace)))

    assert "data.size=32 (ours 16)" in said
    assert "data.per_class=9 (ours 0)" in said
    assert "data.size" not in "\n".join(comparison_remarks(kit.compare(ablation, root=tmp_path / "elsewhere")))


def test_splits_that_cannot_be_measured_are_refused(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    history = tmp_path / "history.json"
    history.write_text('{"accuracy": [0.5], "val_accuracy": [0.5]}')

    with pytest.raises(ShardError, match=r"split 'test' of tiny has no labels"):
        kit.compare(run.path, split="test", root=workspace)
    with pytest.raises(ShardError, match=r"unknown split 'valid'; did you mean 'validation'"):
        kit.compare(run.path, split="valid", root=workspace)
    with pytest.raises(SpecError, match=r"split train is always measured too"):
        kit.compare(run.path, split="train", root=workspace)
    with pytest.raises(RunError, match=r"histories from elsewhere have no weights"):
        kit.compare(history, split="test", root=workspace)


def spoil(_: str, item: h5py.Group | h5py.Dataset) -> None:
    if isinstance(item, h5py.Dataset):
        item[...] = np.full(item.shape, math.nan, item.dtype) if item.dtype.kind == "f" else item[...]


def test_a_diverged_run_is_said_so_and_has_no_loss(ablation: Path, workspace: Path) -> None:
    run = RunDirectory(ablation / "first" / "seed-0")
    with h5py.File(run.best_weights, "r+") as file:
        file.visititems(spoil)
    seal(run.best_weights)
    run.finish(run.result())
    comparison = kit.compare(ablation, split="validation", root=workspace)
    *_, fit, recall, _ = comparison_tables(comparison)

    assert "warning: first, seed 0: 36 of 36 outputs on validation are not numbers" in comparison_remarks(comparison)[1]
    assert ("nan", "nan", "nan") == (fit.rows[0][2], fit.rows[0][4], fit.rows[0][6])
    assert 36 > comparison.arms[0].measured.misclassified.mean > comparison.arms[1].measured.misclassified.mean
    assert "nan" not in recall.rows[1]


def test_figures_of_classes_that_a_split_lacks_are_none() -> None:
    scores = class_predictions(["a", "b"], np.int32([0, 0]), np.float32([[0.75, 0.25], [0.25, 0.75]]), ("no", "yes"))
    figures = split_figures(scores, "", find_metric("accuracy"))

    assert (None, "yes", 1, 0.5) == (figures.recall, figures.recall_of, figures.misclassified, figures.accuracy)


def test_a_run_is_measured_by_the_weights_that_its_setting_says(
    run: RunDirectory, tiny: Dataset, workspace: Path
) -> None:
    """`kit evaluate`, its kept validation predictions and a comparison's whole splits, unless weights are named."""
    mine = kit.train(tiny.manifest.name, settings={**SETTINGS, "train.evaluate": "last"}, seed=5, root=workspace)
    shutil.copyfile(run.best_weights, mine.best_weights)  # even where the last epoch was the best, they are others
    mine.finish(mine.result())
    best, last, own = (kit.evaluate(mine.path, weights=weights, root=workspace) for weights in ("best", "last", None))
    (measured,) = measure_runs([mine], "validation", root=workspace)

    assert best.scores.loss != last.scores.loss
    assert ("last", last.scores.loss) == (own.predictor.weights, own.scores.loss)
    assert last.scores.loss == measured.split.loss
    assert "last" == measured.weights
    assert last.scores.csv() == mine.predictions.read_text()


def test_runs_that_are_evaluated_by_different_weights_are_not_averaged_in_silence(
    run: RunDirectory, tiny: Dataset, workspace: Path
) -> None:
    other = kit.train(tiny.manifest.name, settings={**SETTINGS, "train.evaluate": "last"}, seed=5, root=workspace)

    with pytest.raises(RunError, match=r"give weights='best' or last"):
        kit.evaluate(run.path, other.path, root=workspace)
    assert 2 == kit.evaluate(run.path, other.path, weights="best", root=workspace).predictor.runs
