"""What a run takes from its dataset where its settings leave it open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made import dataset_of

from kit.ablation import Axis, plan_ablation
from kit.datasets import Dataset
from kit.datasets.metric import write_metric
from kit.runs import RunDirectory
from kit.specs import RunSpec, ShardSpec, TrainSpec
from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.training.request import run_spec

LABELS = ["a", "b", "c", "a"] * 10


def made(root: Path, target: Target, metric: str = "") -> Dataset:
    dataset = dataset_of(root, target, LABELS, spec=ShardSpec(split=(0.5, 0.5)))
    if metric:
        write_metric(dataset.folder, metric)
    return dataset


def planned(dataset: Dataset, **settings: Any) -> TrainSpec:
    changes = {path.replace("__", "."): value for path, value in settings.items()}
    return run_spec(dataset, "histopathologic-cancer", changes, seed=0).train


CLASSES = Classes(names=("a", "b", "c"))


def test_classes_judged_by_accuracy_are_trained_as_before_there_were_targets(tmp_path: Path) -> None:
    """These lines stood in spec.json word for word."""
    dataset = made(tmp_path, CLASSES)
    spec = run_spec(dataset, "histopathologic-cancer", {}, seed=0)
    RunDirectory(tmp_path / "run").claim(spec)
    kept = json.loads((tmp_path / "run" / "spec.json").read_text())

    assert "head" not in kept["model"]
    assert ("crossentropy", ["accuracy"], "val_accuracy") == tuple(
        kept["train"][name] for name in ("loss", "metrics", "monitor")
    )
    assert ["val_loss", "val_loss"] == [kept["train"][name]["monitor"] for name in ("early_stopping", "schedule")]
    assert spec == RunDirectory(tmp_path / "run").spec()


def test_an_ablation_of_classes_keeps_its_name(tmp_path: Path) -> None:
    """The name hashes the base's settings: those that were always written out."""
    made(tmp_path, CLASSES)
    options: dict[str, Any] = {"recipe": "histopathologic-cancer", "seeds": 1, "design": "grid", "root": tmp_path}
    axes = [Axis("model.bn_momentum", ("0.5", "0.9"))]
    small = {"train.batch_size": 4, "model.filters": "4", "model.pool": 2}
    plain = plan_ablation("made", axes, settings=small, **options)
    written = {"train.loss": "crossentropy", "train.metrics": "accuracy", "train.monitor": "val_accuracy"}

    assert plain.folder == plan_ablation("made", axes, settings={**small, **written}, **options).folder


@pytest.mark.parametrize(
    ("target", "metric", "metrics"),
    [
        (CLASSES, "macro_f1", ("accuracy", "macro_f1")),
        (Grades(names=("a", "b", "c")), "", ("qwk",)),
        (Grades(names=("a", "b", "c")), "mae", ("mae",)),
        (Tags(names=("a", "b", "c")), "column_auc", ("column_auc",)),
    ],
)
def test_the_datasets_metric_is_recorded_and_watched(
    tmp_path: Path, target: Target, metric: str, metrics: tuple[str, ...]
) -> None:
    spec = planned(made(tmp_path, target, metric), train__early_stopping__patience=3)

    assert metrics == spec.metrics
    assert {f"val_{metrics[-1]}"} == {spec.monitor, spec.early_stopping.monitor, spec.schedule.monitor}


def test_what_a_recipe_monitors_wins_and_the_datasets_metric_is_recorded_beside_it(tmp_path: Path) -> None:
    dataset = made(tmp_path, CLASSES, "macro_f1")
    spec = planned(dataset, train__metrics="accuracy,auc", train__monitor="val_auc")

    assert ("val_auc", ("accuracy", "auc", "macro_f1")) == (spec.monitor, spec.metrics)
    assert "val_macro_f1" == spec.early_stopping.monitor
    assert ("accuracy", "macro_f1", "mcc") == planned(dataset, train__monitor="val_mcc").metrics


def test_the_direction_of_a_watched_metric_is_its_own() -> None:
    from kit.training.early_stopping import chosen_epoch, stops

    values = [3.0, 2.0, 2.5, 2.6]
    rmse = TrainSpec(metrics=("rmse", "r2"), monitor="val_rmse")

    assert 1 == chosen_epoch(values, rmse)
    assert 0 == chosen_epoch(values, msgspec.structs.replace(rmse, monitor="val_r2"))
    assert stops(values, kit_stop("val_rmse"))
    assert not stops(values[:3], kit_stop("val_rmse"))
    assert stops(values[:3], kit_stop("val_r2"))


def kit_stop(monitor: str) -> Any:
    from kit.specs.train import EarlyStoppingSpec

    return EarlyStoppingSpec(patience=2, monitor=monitor)


def test_the_loss_is_the_heads_own_unless_it_is_named(tmp_path: Path) -> None:
    made(tmp_path, Grades(names=("a", "b", "c")))
    axis = Axis("model.head", ("classes", "cumulative", "value"))
    options: dict[str, Any] = {"recipe": "histopathologic-cancer", "seeds": 1, "design": "grid", "root": tmp_path}
    small = {"train.batch_size": 4, "model.filters": "4", "model.pool": 2}
    free = plan_ablation("made", [axis], settings=small, **options)
    named = plan_ablation("made", [axis], settings={**small, "train.loss": "crossentropy"}, **options)

    assert ["crossentropy", "crossentropy", "mse"] == [spec.train.loss for spec in free.specs.values()]
    assert ["crossentropy"] * 3 == [spec.train.loss for spec in named.specs.values()]
    assert free.folder != named.folder


def test_a_run_from_before_there_were_targets_is_still_its_commands(tmp_path: Path) -> None:
    """Its spec.json says all that is left open now, and no head."""
    dataset = made(tmp_path, CLASSES)
    spec = run_spec(dataset, "histopathologic-cancer", {}, seed=0)
    old = msgspec.json.decode(msgspec.json.encode(spec))
    del old["model"]["head"]

    assert spec == msgspec.convert(old, RunSpec)
