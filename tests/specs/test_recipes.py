from __future__ import annotations

import contextlib
import itertools
import json
import shlex
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

from kit.ablation.arms import recipe_arms
from kit.cli.app import app
from kit.conversion.shard_plan import assign_splits, sample
from kit.errors import SpecError
from kit.models import count_parameters
from kit.reports.recipes import describe_recipe, grid_size, recipe_commands, recipe_tables
from kit.sources import Record
from kit.sources.record import ImageFile
from kit.specs import Recipe, Setting, override, read_recipe, read_setting, recipe_names
from kit.specs.recipe import dataset_name
from tests.made import class_head

SHARED = Path(__file__).parents[3] / "shared"

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
    model = build_model(setting.model, shape_of(setting), class_head(len(setting.data.classes)), seed=0)
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)

    assert PUBLISHED[name] == (model.count_params(), trainable)


def shape_of(setting: Setting) -> tuple[int, int, int]:
    assert setting.data.shape
    return setting.data.shape


def test_the_grid_has_648_arms_that_all_can_be_built() -> None:
    recipe = read_recipe("chest-xray-three-class")
    arms = recipe_arms(recipe, recipe.base, {})
    counts = {
        count_parameters(override(recipe.base, dict(arm.settings)).model, shape_of(recipe.base), class_head(3))
        for arm in arms
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


def test_the_ladder_s_arms_train_as_long_as_published() -> None:
    arms = [arm.name for arm in read_recipe("chest-xray-ladder").arms]
    trained = [read_setting(f"chest-xray-ladder/{arm}").train for arm in arms]

    assert [100, 50, 50, 100, 100, 200] == [train.epochs for train in trained]
    assert [0, 10, 10, 10, 10, 10] == [train.early_stopping.patience for train in trained]
    assert {("val_loss", 1e-8)} == {(t.early_stopping.monitor, t.early_stopping.min_delta) for t in trained}


@pytest.mark.parametrize(
    ("name", "normal", "pneumonia", "train", "validation"),
    [
        ("chest-xray-ladder", 1349, 3883, (250, 250), (25, 25)),
        ("chest-xray-ladder/final_model", 1349, 3883, (1324, 1324), (25, 25)),
        ("chest-xray-transfer", 1341, 3875, (1207, 3488), (134, 387)),  # 4,695 and 521
    ],
)
def test_the_published_pools_come_out(
    name: str, normal: int, pneumonia: int, train: tuple[int, int], validation: tuple[int, int]
) -> None:
    spec = read_setting(name).data.shard_spec()
    records = [record(label, number) for label, n in (("N", normal), ("P", pneumonia)) for number in range(n)]
    taken, _ = sample(records, spec)
    counts = {
        split: Counter(one.label for members in folds.values() for one in members)
        for split, folds in assign_splits(taken, spec).items()
    }

    assert {
        "train": dict(zip("NP", train, strict=True)),
        "validation": dict(zip("NP", validation, strict=True)),
    } == counts


def record(label: str, number: int) -> Record:
    file = ImageFile(folder=Path(), name=f"{label}-{number}", size=1000, modified=0)
    return Record(key=file.name, file=file, label=label, split="train")


def test_x_rays_reach_their_size_as_published() -> None:
    fits = {name: read_recipe(name).data.fit for name in recipe_names() if name.startswith("chest")}

    assert {"chest-xray-ladder": "stretch", "chest-xray-three-class": "crop", "chest-xray-transfer": "stretch"} == fits


def test_height_and_width_are_zoomed_apart_as_published() -> None:
    for name in ("chest-xray-transfer", "chest-xray-three-class"):
        augment = read_recipe(name).augment

        assert (0.2, 0) == (augment.stretch, augment.zoom)


# convolutions, filters, dense layers, kernel, learning rate; train, validation and test accuracy in percent
TRAINED_AGAIN = [
    (5, 32, 1, 4, 0.001, 75.9, 75.2, 77.2),
    (4, 16, 1, 2, 0.01, 73.8, 73.4, 74.8),
    (5, 16, 1, 3, 0.001, 73.7, 73.3, 74.5),
    (4, 16, 1, 3, 0.01, 73.5, 72.6, 74.2),
    (5, 32, 0, 4, 0.01, 74.3, 73.7, 73.6),
    (4, 32, 2, 4, 0.001, 71.0, 72.1, 70.9),
    (5, 32, 0, 4, 0.001, 72.7, 73.0, 69.1),
    (5, 32, 0, 2, 0.001, 70.5, 69.6, 68.5),
    (5, 32, 1, 3, 0.001, 73.6, 68.8, 68.5),
    (5, 16, 1, 3, 0.01, 66.0, 66.6, 61.9),
]


def test_all_ten_networks_that_were_trained_again_have_their_published_figures() -> None:
    found = []
    for arm in read_recipe("chest-xray-three-class").arms:
        setting, figures = read_setting(f"chest-xray-three-class/{arm.name}"), arm.figures
        model, rate = setting.model, setting.train.learning_rate
        if figures:
            shares = [round(100 * figures[name][0], 6) for name in ("accuracy", "val_accuracy", "test_accuracy")]
            found.append((model.conv_layers, *model.filters, model.dense_layers, model.kernel, rate, *shares))
            assert ("300", "adam", 0) == (setting.data.size, setting.train.optimizer, model.dropout)

    assert TRAINED_AGAIN == found


def test_every_published_history_ends_in_a_figure_of_the_recipe() -> None:
    if not SHARED.is_dir():
        pytest.skip("the published histories are not beside the repository")
    histories = json.loads((SHARED / "published" / "histopathology_histories.json").read_text())
    published = [
        (round(history["accuracy"][-1], 4), round(history["val_accuracy"][-1], 4))
        for history in (found for found in leaves(histories))
    ]
    ours = [
        pair
        for arm in read_recipe("histopathologic-cancer").arms
        for pair in zip(arm.figures["accuracy"], arm.figures["val_accuracy"], strict=True)
    ]

    assert 6 == len(published)
    assert sorted(published) == sorted(ours)


def leaves(histories: dict[str, object]) -> list[dict[str, list[float]]]:
    """Find the histories at any depth."""
    if "val_accuracy" in histories:
        return [histories]  # type: ignore[list-item]
    return [leaf for inner in histories.values() if isinstance(inner, dict) for leaf in leaves(inner)]


def test_an_arm_with_data_of_its_own_has_a_dataset_of_its_own() -> None:
    names = ("chest-xray-ladder", "chest-xray-ladder/dropout", "chest-xray-ladder/final_model")

    assert ["chest-xray-ladder", "chest-xray-ladder", "chest-xray-ladder-final_model"] == list(map(dataset_name, names))


def shown(name: str, recipe: Recipe) -> dict[str, str]:
    return dict(recipe_tables(name, recipe)[0].rows)


def test_a_recipe_is_shown_whole_and_so_is_an_arm() -> None:
    cancer = shown("histopathologic-cancer", read_recipe("histopathologic-cancer"))
    dropout = shown("chest-xray-ladder/dropout", read_recipe("chest-xray-ladder"))
    final = shown("chest-xray-ladder/final_model", read_recipe("chest-xray-ladder"))
    vgg = shown("chest-xray-transfer/vgg19", read_recipe("chest-xray-transfer"))

    assert ("crop", "0.99", "0.001") == tuple(cancer[n] for n in ("data.fit", "model.bn_momentum", "model.bn_epsilon"))
    assert {"model.dense": "50,34,15", "model.dense_l2": "0.005", "train.epochs": "100"}.items() <= dropout.items()
    assert ("stretch", "down", "200") == tuple(final[name] for name in ("data.fit", "data.balance", "train.epochs"))
    assert {"model.backbone.weights": "imagenet", "augment.fill": "reflect"}.items() <= vgg.items()


@pytest.mark.parametrize("name", recipe_names())
def test_what_is_not_shown_of_a_recipe_has_no_effect_on_its_network(name: str) -> None:
    from kit.models.build import build_model

    small = {"data.size": "64", "model.dense": "4", "model.backbone.weights": "none"}
    setting = override(read_recipe(name).base, small)
    table = shown(name, read_recipe(name))
    other = {"bn_momentum": 0.5, "bn_epsilon": 0.1, "dense_bn": not setting.model.dense_bn, "pool_stride": 1}
    hidden = {f"model.{key}": value for key, value in other.items() if f"model.{key}" not in table}
    one, changed = (
        [layer.get_config() for layer in build_model(each.model, shape_of(each), class_head(2), seed=0).layers]
        for each in (setting, override(setting, hidden))
    )

    assert one == changed


def test_commands_of_recipes_are_commands() -> None:
    for name in recipe_names():
        commands = read_recipe(name).commands

        assert commands
        assert [f"  {each}" for each in commands] == recipe_commands(read_recipe(name))[1:]
        for line in commands:
            program, command, *arguments = shlex.split(line)
            with contextlib.closing(get_command(app).commands[command].make_context(command, arguments)) as context:  # type: ignore[attr-defined]
                assert "kit" == program
                assert context.params["recipe"].partition("/")[0] == name if "recipe" in context.params else True


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
        (
            'description = "x"\n[train]\nmetrics = ["accuracy"]\nmonitor = "val_auc"\n',
            "monitor=val_auc needs auc among metrics",
        ),
        ('description = "x"\n[train]\nmomentum = 0.9\n', "momentum needs optimizer sgd, got adam"),
        ('description = "x"\n[vary]\n"data.size" = ["8", "16"]\n', r"vary holds data.size, but a grid has one dataset"),
    ],
)
def test_recipes_that_cannot_be_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "own.toml").write_text(text)

    with pytest.raises(SpecError, match=message):
        read_recipe(str(tmp_path / "own.toml"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('[[arms]]\nname = "a"\nsetings = {}', r"own\.toml: unknown setting 'arms\[0\]\.setings'; did you mean"),
        ('[[arms]]\nname = "a"\nsettings = {"train.epoch" = 3}', r"own\.toml: arm a: unknown setting 'train\.epoch'"),
        ('design = "grid"\nvary = {"model.bn_momentum" = [0.5, 2]}', r"own\.toml: vary, model\.bn_momentum: .* got 2"),
    ],
)
def test_what_cannot_be_in_a_recipe_is_named_with_its_file(line: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(f'description = "mine"\n{line}\n')

    with pytest.raises(SpecError, match=told):
        read_recipe(str(path))
