"""Arms of recipes that need a dataset of their own."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import kit
from kit.ablation.plan import plan_ablation
from kit.datasets import Dataset
from kit.errors import SpecError
from kit.training import run_spec

RECIPE = """
description = "a ladder whose last arm has more and larger images"
design = "ladder"
[data]
size = "16"
per_class = 30
[model]
filters = [4]
pool = 2
dense = []
[train]
epochs = 1
batch_size = 8
[[arms]]
name = "small"
[[arms]]
name = "wider"
settings = { "model.filters" = [8] }
[[arms]]
name = "larger"
settings = { "data.size" = "24", "data.per_class" = 0, "data.balance" = "down", "data.split" = [0.6, 0.4] }
"""


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "own.toml"
    path.write_text(RECIPE)
    return str(path)


@pytest.fixture
def pool(recipe: str, tiny: Dataset, workspace: Path, tmp_path: Path) -> Dataset:
    """30 images of each class, at 16x16."""
    assert 120 == sum(tiny.manifest.records(split) for split in ("train", "validation"))
    return kit.shard(workspace / "images", recipe=recipe, root=tmp_path, workers=1)


def test_an_arm_is_refused_on_a_dataset_of_another_size_with_the_commands_that_make_its_own(
    pool: Dataset, recipe: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError) as refused:
        kit.train("own", recipe=f"{recipe}/larger", root=tmp_path)
    said = str(refused.value)
    wanted = (
        "with balance=down, per_class=0, size=24, split=0.6,0.4; own has balance=none, per_class=30, size=16, split="
    )

    assert wanted in said
    assert f"kit shard {pool.manifest.source.spec.folder} --recipe {recipe}/larger" in said
    assert not (tmp_path / "runs").exists()


def test_the_commands_of_a_refusal_make_a_dataset_that_the_arm_trains_on(
    pool: Dataset, recipe: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError) as refused:
        run_spec(pool, f"{recipe}/larger", {}, seed=0)
    found = re.search(r"kit shard (.+), then kit train (\S+) --recipe (\S+), or", str(refused.value))
    assert found
    source, option, arm = shlex.split(found[1])
    dataset = kit.shard(source, recipe=arm, root=tmp_path, workers=1)

    assert ("--recipe", arm) == (option, found[3])
    assert found[2] == dataset.manifest.name == "own-larger"
    assert ((24, 24, 3), 72, 48) == (dataset.shape, *map(dataset.manifest.records, ("train", "validation")))
    assert "larger" == kit.train(found[2], recipe=arm, root=tmp_path).spec().arm


def test_an_ablation_leaves_out_the_arms_that_need_another_dataset(pool: Dataset, recipe: str, tmp_path: Path) -> None:
    plan = plan_ablation(pool.manifest.name, [], recipe=recipe, settings={}, seeds=2, design="grid", root=tmp_path)
    own = kit.shard(pool.manifest.source.spec.folder, recipe=f"{recipe}/larger", root=tmp_path, workers=1)
    alone = plan_ablation(
        own.manifest.name, [], recipe=f"{recipe}/larger", settings={}, seeds=2, design="grid", root=tmp_path
    )

    assert (["small", "wider"], 2) == (list(plan.arms), plan.possible)
    assert "then kit train own-larger --recipe" in plan.refused["larger"]
    assert ["larger"] == list(alone.arms)


def test_an_arm_of_other_data_is_no_ablation_s_base_either(pool: Dataset, recipe: str, tmp_path: Path) -> None:
    axes = [kit.parse_axis("model.filters", "[2],[4]")]
    with pytest.raises(SpecError, match="larger needs a dataset of its own"):
        plan_ablation(
            pool.manifest.name, axes, recipe=f"{recipe}/larger", settings={}, seeds=1, design="grid", root=tmp_path
        )


def test_who_says_which_data_the_dataset_has_trains_the_arm_on_them(pool: Dataset, recipe: str) -> None:
    shared = {"data.balance": "down", "data.per_class": "0"}
    with pytest.raises(SpecError, match=r"data.size: the data are settled when they are sharded"):
        run_spec(pool, f"{recipe}/small", {"data.size": "24"}, seed=0)
    with pytest.raises(SpecError, match=r"data.balance, data.per_class: the data are settled"):
        run_spec(pool, f"{recipe}/small", shared, seed=0)

    assert (4,) == run_spec(
        pool, f"{recipe}/small", {"data.size": "16x16", "data.split": "0.7,0.3"}, seed=0
    ).model.filters


def test_who_shards_for_an_arm_may_choose_a_smaller_pool(pool: Dataset, recipe: str, tmp_path: Path) -> None:
    source = pool.manifest.source.spec.folder
    few = kit.shard(source, name="few", recipe=f"{recipe}/larger", per_class=20, root=tmp_path, workers=1)

    assert 24 == few.manifest.records("train")
    assert (8,) == run_spec(few, f"{recipe}/larger", {}, seed=0).model.filters


def test_a_recipe_trains_on_images_of_any_size(tiny: Dataset) -> None:
    spec = run_spec(tiny, "histopathologic-cancer", {}, seed=0)

    assert (16, 16, 3) == tiny.shape
    assert ("tiny", "histopathologic-cancer") == (spec.dataset, spec.arm)


def test_a_dataset_says_its_data_settings_as_a_recipe_does(pool: Dataset, recipe: str) -> None:
    data = pool.manifest.data

    assert ("16", "crop", 3, (0.7, 0.3), 30, "") == (
        data.size,
        data.fit,
        data.channels,
        data.split,
        data.per_class,
        data.balance,
    )
    assert ("dark", "light") == data.classes
    assert recipe == pool.manifest.recipe
