from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from kit.ablation.grid import recipe_arms
from kit.errors import SpecError
from kit.models import count_parameters
from kit.reports.recipes import describe_recipe, grid_size
from kit.specs import Setting, override, read_recipe, read_setting, recipe_names

PUBLISHED = {
    "histopathologic-cancer/before": (53_313, 52_865),
    "histopathologic-cancer/after": (53_313, 52_865),
    "chest-xray-three-class/largest": (1_888_259, 1_888_259),
    "chest-xray-three-class/smallest": (58_627, 58_627),
    "chest-xray-three-class/largest-300": (5_427_203, 5_427_203),
    "chest-xray-three-class/smallest-300": (127_747, 127_747),
    "chest-xray-ladder/base_model": (6_562_669, 6_562_669),
    "chest-xray-ladder/base_cnn": (1_811_403, 1_811_403),
    "chest-xray-ladder/reg_cnn": (1_811_403, 1_811_403),
    "chest-xray-ladder/reduced_nodes": (453_212, 453_212),
    "chest-xray-ladder/dropout": (453_212, 453_212),
    "chest-xray-ladder/final_model": (304_082, 304_082),
    "chest-xray-transfer/small_cnn": (6_849_729, 6_848_641),
    "chest-xray-transfer/vgg19": (40_201_923, 20_176_515),
    "cifar10-ladder/one-pair": (92_074, 92_074),
    "cifar10-ladder/two-pairs": (106_538, 106_538),
    "cifar10-ladder/batch-norm": (107_306, 106_922),
    "cifar10-ladder/dropout": (107_306, 106_922),
    "cifar10-ladder/three-pairs": (150_954, 150_314),
    "cifar10-ladder/wider": (559_978, 559_082),
    "cifar10-ladder/graded-dropout": (559_978, 559_082),
}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_parameter_counts_come_out(name: str) -> None:
    recipe, _, wanted = name.partition("/")
    (arm,) = (arm for arm in describe_recipe(read_recipe(recipe))["arms"] if arm["arm"] == wanted)

    assert PUBLISHED[name] == (arm["parameters"], arm["trainable_parameters"])


@pytest.mark.parametrize("name", sorted(set(PUBLISHED) - {"chest-xray-ladder/base_model"}))
def test_counted_parameters_are_those_of_the_keras_model(name: str) -> None:
    from kit.models.build import build_model

    setting = override(read_setting(name), {"model.backbone.weights": "none"})
    model = build_model(setting.model, shape_of(setting), len(setting.data.classes), seed=0)
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)

    assert PUBLISHED[name] == (model.count_params(), trainable)


def shape_of(setting: Setting) -> tuple[int, int, int]:
    assert setting.data.shape
    return setting.data.shape


def test_the_grid_has_648_arms_that_all_can_be_built() -> None:
    recipe = read_recipe("chest-xray-three-class")
    arms = recipe_arms(recipe, recipe.base, {})
    counts = {
        count_parameters(override(recipe.base, dict(arm.settings)).model, shape_of(recipe.base), 3) for arm in arms
    }

    assert 648 == len(arms) == grid_size(recipe) == len({arm.name for arm in arms})
    assert (58_627, 58_627) in counts
    assert (1_888_259, 1_888_259) in counts


@pytest.mark.parametrize(("layers", "widths"), [(3, (16, 16, 32)), (5, (16, 16, 32, 64, 128))])
def test_blocks_grow_as_published(layers: int, widths: tuple[int, ...]) -> None:
    model = override(read_recipe("chest-xray-three-class").model, {"conv_layers": layers})

    assert widths == model.block_filters


def test_a_ladders_arms_change_the_one_before() -> None:
    recipe = read_recipe("chest-xray-ladder")
    settings = [read_setting(f"chest-xray-ladder/{arm.name}").model for arm in recipe.arms]

    assert [0, 0, 0.005, 0.005, 0.005, 0.005] == [model.dense_l2 for model in settings]
    assert [(), *[(100, 80, 70, 64)] * 2, *[(50, 40, 35, 32)] * 3] == [model.filters for model in settings]
    assert [0, 0, 0, 0, 0.3, 0] == [model.flatten_dropout for model in settings]


def test_a_user_s_setting_wins_over_an_arm_s() -> None:
    recipe = read_recipe("chest-xray-ladder")
    base = override(recipe.base, {"train.epochs": 2})
    arms = recipe_arms(recipe, base, {"train.epochs": 2})

    assert {2} == {override(base, dict(arm.settings)).train.epochs for arm in arms}
    assert [arm.name for arm in recipe.arms] == [arm.name for arm in arms]


def test_every_recipe_says_which_images_it_is_for() -> None:
    for name, arm in itertools.chain.from_iterable(
        ((name, arm.name) for arm in read_recipe(name).arms) for name in recipe_names()
    ):
        setting = read_setting(f"{name}/{arm}")

        assert setting.data.shape
        assert 2 <= len(setting.data.classes)


def test_an_unknown_arm_names_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"unknown arm 'reg-cnn'; did you mean 'reg_cnn'"):
        read_setting("chest-xray-ladder/reg-cnn")


def test_an_own_recipe_may_have_arms_too(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('description = "mine"\n[[arms]]\nname = "a"\nsettings = { "model.pool" = [2, 1] }\n')

    assert (2, 1) == read_setting(f"{path}/a").model.pool
    assert describe_recipe(read_recipe(str(path)))["arms"][0]["parameters"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('description = "x"\n[[arms]]\nname = "a"\n[[arms]]\nname = "a"\n', "arms must have different names"),
        ('description = "x"\ndesign = "grid"\n', "design grid needs vary"),
        ('description = "x"\n[model]\nfilter = [3]\n', r"unknown setting 'model.filter'; did you mean 'model.filters'"),
        ('description = "x"\n[model]\nfilters = [3, 3]\nconv_layers = 3\n', "grows from one number of filters"),
        ('description = "x"\n[model]\nfilters = [3, 3]\npool = [2]\n', "pool must be one number, or one for each of"),
        ('description = "x"\n[model]\ndropout = [0.1, 0.2]\n', "dense_dropout must be given"),
        ('description = "x"\n[train]\nmonitor = "val_auc"\n', "monitor=val_auc needs auc among metrics"),
        ('description = "x"\n[train]\nmomentum = 0.9\n', "momentum is of optimizer sgd, not of adam"),
    ],
)
def test_recipes_that_cannot_be_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "own.toml").write_text(text)

    with pytest.raises(SpecError, match=message):
        read_recipe(str(tmp_path / "own.toml"))
