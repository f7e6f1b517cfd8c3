from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import SpecError
from kit.models import plan_layers
from kit.specs import (
    ImageSpec,
    ModelSpec,
    Recipe,
    RunSpec,
    Setting,
    ShardSpec,
    TrainSpec,
    arm_name,
    from_json,
    override,
    parse_assignments,
    parse_size,
    parse_split,
    read_recipe,
    recipe_names,
    setting_paths,
    to_json,
    value_of,
)
from kit.specs.serialization import build
from kit.training.request import run_id
from tests.made import AS_TRAINED, class_head

SIDES = st.integers(1, 16_384)
WIDTHS = st.lists(st.integers(1, 4096), max_size=4).map(tuple)
SHARES = st.floats(0, 1, exclude_max=True)
ABOVE_ZERO = st.floats(0, 1e6, exclude_min=True)
MODELS = st.builds(
    ModelSpec,
    filters=WIDTHS,
    kernel=st.integers(1, 9),
    pool=st.integers(1, 9),
    padding=st.sampled_from(["valid", "same"]),
    dense=WIDTHS,
    activation=st.sampled_from(["relu", "elu", "gelu", "tanh"]),
    bn_position=st.sampled_from(["none", "before", "after"]),
    bn_momentum=SHARES,
    bn_epsilon=ABOVE_ZERO,
)
TRAININGS = st.builds(
    TrainSpec,
    epochs=st.integers(1, 10_000),
    batch_size=st.integers(1, 10_000),
    optimizer=st.sampled_from(["adam", "sgd", "rmsprop"]),
    learning_rate=ABOVE_ZERO,
    monitor=st.sampled_from(["val_accuracy", "val_loss"]),
)
NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=40).map("n{}".format)
RUNS = st.builds(
    RunSpec,
    dataset=NAMES,
    fingerprint=st.text(),
    arm=NAMES,
    seed=st.integers(0, 2**31 - 1),
    model=MODELS,
    train=TRAININGS,
)
RUN = RunSpec(dataset="histology", fingerprint="0123456789abcdef", arm="baseline")


@given(SIDES, SIDES)
def test_written_size_is_read_as_height_and_width(height: int, width: int) -> None:
    size = parse_size(f"{height}x{width}")

    assert (height, width) == size
    assert size == ImageSpec(size=size).size


@given(SIDES)
def test_size_of_one_number_is_a_square(side: int) -> None:
    assert (side, side) == parse_size(f" {side} ")


@pytest.mark.parametrize("text", ["", "x", "32x", "x32", "-3", "3.5", "32x32x3", "32 x 32", "32X32", "big", "32\n64"])
def test_size_that_cannot_be_read_is_repeated(text: str) -> None:
    with pytest.raises(SpecError, match=re.escape(f"'{text}'")):
        parse_size(text)


@given(st.integers(1, 99))
def test_written_two_way_split_is_read_as_shares(train: int) -> None:
    split = parse_split(f"{train}/{100 - train}")

    assert split == pytest.approx((train / 100, 1 - train / 100))
    assert split == ShardSpec(split=split).split


@given(st.integers(1, 98).flatmap(lambda train: st.tuples(st.just(train), st.integers(1, 99 - train))))
def test_written_three_way_split_is_read_as_shares(parts: tuple[int, int]) -> None:
    train, validation = parts
    split = parse_split(f"{train}/{validation}/{100 - train - validation}")

    assert split == pytest.approx((train / 100, validation / 100, 1 - (train + validation) / 100))
    assert split == ShardSpec(split=split).split


@pytest.mark.parametrize(
    "text", ["", "100", "70/20", "0/100", "110/-10", "25/25/25/25", "nan/50", "inf/-inf", "a/b", "0.7/0.3", "70/30/"]
)
def test_split_that_cannot_be_is_repeated(text: str) -> None:
    with pytest.raises(SpecError, match=re.escape(f"'{text}'")):
        parse_split(text)


@pytest.mark.parametrize("size", [(0, 32), (32, 0), (32, 16_385), (-1, -1)])
def test_size_outside_the_allowed_range_is_repeated(size: tuple[int, int]) -> None:
    with pytest.raises(SpecError, match=f"got {size[0]}x{size[1]}"):
        ImageSpec(size=size)


@pytest.mark.parametrize("split", [(1.0,), (0.5, 0.4), (0.7, 0.3, 0.0), (1.2, -0.2), (0.25, 0.25, 0.25, 0.25)])
def test_shares_that_do_not_fit_are_repeated(split: tuple[float, ...]) -> None:
    with pytest.raises(SpecError, match=re.escape(f"got {split}")):
        ShardSpec(split=split)


def test_channels_other_than_grey_and_colour_are_refused() -> None:
    with pytest.raises(SpecError, match="channels must be 1 or 3, got 4"):
        ImageSpec(channels=4)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("model.bn_momentum", "0.5", 0.5),
        ("model.bn_momentum", ".9", 0.9),
        ("train.learning_rate", ".9e-3", 0.0009),
        ("model.bn_momentum", "0", 0.0),
        ("model.filters", "8,16,32", (8, 16, 32)),
        ("model.filters", "[8, 16]", (8, 16)),
        ("model.filters", "8", (8,)),
        ("model.dense", "[]", ()),
        ("model.bn_position", "after", "after"),
        ("train.epochs", "3", 3),
        ("train.learning_rate", "1e-4", 1e-4),
        ("seed", "2", 2),
        ("arm", "a, [b]", "a, [b]"),
    ],
)
def test_override_gives_the_text_the_type_of_its_field(path: str, text: str, value: object) -> None:
    spec = override(RUN, {path: text})

    for name in path.split("."):
        spec = getattr(spec, name)

    assert value == spec
    assert type(value) is type(spec)


def test_override_takes_values_that_are_not_text() -> None:
    spec = override(RUN, {"model.filters": (8, 16), "train.epochs": 2})

    assert ModelSpec(filters=(8, 16)) == spec.model
    assert TrainSpec(epochs=2) == spec.train


def test_override_leaves_everything_else() -> None:
    spec = override(RUN, {"train.epochs": "5"})

    assert RunSpec(dataset=RUN.dataset, fingerprint=RUN.fingerprint, arm=RUN.arm, train=TrainSpec(epochs=5)) == spec


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("train.epochs", "many", r"^train\.epochs must be a whole number, got 'many'$"),
        ("train.epochs", "1.5", r"^train\.epochs must be a whole number, got '1.5'$"),
        ("train.epochs", "0", r"^train\.epochs must be 1 or more, got 0$"),
        ("model.bn_momentum", "1.5", r"^model\.bn_momentum must be in \[0, 1\), got 1\.5$"),
        ("model.filters", "8,wide", r"^model\.filters"),
        ("model.filters", "8,0", r"^model\.filters and dense must be 1 or more, got \(8, 0\)"),
        (
            "model.bn_position",
            "sideways",
            r"^model\.bn_position must be one of none, before, after, got '?sideways'?$",
        ),
    ],
)
def test_override_of_the_wrong_kind_names_the_setting(path: str, text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        override(RUN, {path: text})


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("model.bn_momentun", "model.bn_momentum"),
        ("bn_momentum", "model.bn_momentum"),
        ("epochs", "train.epochs"),
        ("train.epoch", "train.epochs"),
        ("sead", "seed"),
    ],
)
def test_override_of_an_unknown_setting_names_the_nearest(path: str, nearest: str) -> None:
    with pytest.raises(SpecError, match=f"unknown setting '{re.escape(path)}'; did you mean '{re.escape(nearest)}'"):
        override(RUN, {path: "1"})


@pytest.mark.parametrize("path", ["model", "train", "", "model.filters.0", "model."])
def test_override_of_what_is_not_one_setting_is_refused(path: str) -> None:
    with pytest.raises(SpecError, match=f"unknown setting '{re.escape(path)}'"):
        override(RUN, {path: "1"})


@given(RUNS)
def test_values_written_and_read_back_make_the_same_spec(spec: RunSpec) -> None:
    written = {path: value_of(spec, path) for path in setting_paths(spec)}

    assert spec == override(RUN, written)


def test_value_of_an_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"did you mean 'train\.batch_size'"):
        value_of(RUN, "train.batchsize")


def test_setting_paths_reach_into_nested_settings() -> None:
    paths = setting_paths(RUN)

    assert {"dataset", "seed", "model.filters", "train.monitor"} <= set(paths)
    assert not {"model", "train"} & set(paths)


def test_assignments_keep_what_follows_the_first_equals_sign() -> None:
    assert parse_assignments(["a.b=1", " c = d=e "]) == {"a.b": "1", "c": "d=e"}


@pytest.mark.parametrize("text", ["train.epochs", "train.epochs=", "=5", "", "="])
def test_assignment_without_path_or_value_is_repeated(text: str) -> None:
    with pytest.raises(SpecError, match=f"'{text}' must read path=value"):
        parse_assignments([text])


def test_unknown_key_in_a_recipe_names_file_key_and_nearest(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('description = "mine"\n[model]\nbn_momentun = 0.5\n')

    with pytest.raises(SpecError) as caught:
        read_recipe(str(path))

    assert f"{path}: unknown setting 'model.bn_momentun'; did you mean 'model.bn_momentum'?" in str(caught.value)


def test_unknown_table_in_a_recipe_names_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('description = "mine"\n[trian]\nepochs = 5\n')

    with pytest.raises(SpecError, match="unknown setting 'trian'; did you mean 'train'"):
        read_recipe(str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[model]\nkernel = 'three'", "model.kernel must be a whole number, got 'three'"),
        ("[model]\nkernel = 0", "model.kernel must be 1 or more, got 0"),
        ("[model]\nfilters = [8, -1]", "model.filters and dense must be 1 or more"),
        ("[model]\npadding = 'full'", "model.padding must be one of valid, same, got 'full'"),
        ("model = 3", "model must be a table, got 3"),
    ],
)
def test_value_that_cannot_be_in_a_recipe_names_file_and_key(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'description = "mine"\n{content}\n')

    with pytest.raises(SpecError, match=f"^{re.escape(f'{path}: {message}')}"):
        read_recipe(str(path))


@pytest.mark.parametrize("content", [b"description = ", b"\xff\xfe", b'description = "\xe9"'])
def test_recipe_that_is_not_toml_names_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)

    with pytest.raises(SpecError, match=f"^{re.escape(str(path))}: not TOML"):
        read_recipe(str(path))


def test_missing_recipe_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.toml does not exist"):
        read_recipe(str(tmp_path / "none.toml"))


def test_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(SpecError, match="unknown recipe 'chest-xray-lader'; did you mean 'chest-xray-ladder'"):
        read_recipe("chest-xray-lader")


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipe_comes_back_from_json(name: str, tmp_path: Path) -> None:
    recipe = read_recipe(name)
    path = tmp_path / "recipe.json"
    path.write_bytes(to_json(recipe))

    assert recipe == from_json(path, Recipe)
    assert recipe.description


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipe_sets_each_key_to_something_that_override_reads(name: str) -> None:
    base = read_recipe(name).base

    assert base == override(Setting(), {path: value_of(base, path) for path in setting_paths(base)})


def test_recipe_is_read_by_the_default_name() -> None:
    assert read_recipe("histopathologic-cancer") == read_recipe()


@given(RUNS)
def test_spec_comes_back_from_json(tmp_path_factory: pytest.TempPathFactory, spec: RunSpec) -> None:
    path = tmp_path_factory.getbasetemp() / "spec.json"
    path.write_bytes(to_json(spec))

    assert spec == from_json(path, RunSpec)
    assert path.read_bytes().endswith(b"}\n")


def test_unknown_key_in_json_names_file_and_nearest(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text('{"description": "mine", "train": {"epoch": 3}}')

    with pytest.raises(SpecError, match=f"^{re.escape(str(path))}: .*did you mean 'train.epochs'"):
        from_json(path, Recipe)


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": "\xff"}'])
def test_file_that_is_not_json_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "spec.json"
    path.write_bytes(content)

    with pytest.raises(SpecError, match=f"^{re.escape(str(path))}: not JSON"):
        from_json(path, Recipe)


def test_arm_is_named_by_the_last_part_of_each_changed_path() -> None:
    overrides = {"model.bn_position": "before", "model.bn_momentum": "0.5"}

    assert arm_name(overrides, otherwise="baseline") == "bn_position=before,bn_momentum=0.5"


def test_arm_that_changes_nothing_has_the_other_name() -> None:
    assert arm_name({}, otherwise="baseline") == "baseline"


def test_arm_name_holds_nothing_that_a_shell_reads() -> None:
    assert arm_name({"model.filters": "[8, 16]", "arm": "a/b"}, otherwise="x") == "filters=8-16,arm=a-b"


@pytest.mark.parametrize(
    ("spec", "side"),
    [
        (ModelSpec(), 17),  # 17 -> 15 -> 5 -> 3 -> 1
        (ModelSpec(padding="same"), 9),  # 9 -> 3 -> 1
        (ModelSpec(pool=1), 5),  # 5 -> 3 -> 1
        (ModelSpec(filters=(), kernel=99), 1),
    ],
)
def test_blocks_that_just_fit_are_accepted(spec: ModelSpec, side: int) -> None:
    plan_layers(spec, (side, side, 3), class_head(2))
    plan_layers(spec, (side, 10 * side, 3), class_head(2))


@pytest.mark.parametrize(
    ("spec", "shape", "message"),
    [
        (ModelSpec(), (16, 16, 3), "model.pool=3 does not fit in block 2, which gets 2x2 pixels of the 16x16 image"),
        (ModelSpec(), (160, 16, 3), "model.pool=3 does not fit in block 2, which gets 50x2 pixels of the 160x16 image"),
        (ModelSpec(), (2, 40, 1), "model.kernel=3 does not fit in block 1, which gets 2x40 pixels"),
        (ModelSpec(padding="same"), (8, 8, 3), "model.pool=3 does not fit in block 2, which gets 2x2 pixels"),
        (ModelSpec(pool=1), (4, 4, 3), "model.kernel=3 does not fit in block 2, which gets 2x2 pixels"),
    ],
)
def test_block_that_does_not_fit_is_named_with_what_reaches_it(
    spec: ModelSpec, shape: tuple[int, int, int], message: str
) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(message)}"):
        plan_layers(spec, shape, class_head(2))


def test_runs_and_ablations_keep_the_names_that_they_had_before_a_setting_was_added() -> None:
    plain = RunSpec(dataset="d", fingerprint="f", arm="a", seed=3, train=AS_TRAINED)

    assert "d-a-seed-3-0ad76187" == run_id(plain)
    assert run_id(override(plain, {"train.evaluate": "last"})) != run_id(plain)


def test_settings_without_a_later_one_are_read(tmp_path: Path) -> None:
    plain = RunSpec(dataset="d", fingerprint="f", arm="a", seed=3)
    path = tmp_path / "spec.json"
    path.write_bytes(re.sub(rb'\s+"evaluate": "best",', b"", to_json(plain)))

    assert b"evaluate" not in path.read_bytes()
    assert plain == from_json(path, RunSpec)


class _Part(msgspec.Struct):
    name: str


class _Whole(msgspec.Struct):
    parts: tuple[_Part, ...] = ()
    counts: dict[str, dict[str, int]] = {}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"parts": [{"name": 1}]}, r"parts\[0\]\.name must be a text, got 1"),
        ({"parts": [[]]}, r"parts\[0\] must be a table, got \[\]"),
        ({"counts": {"a": {"b": None}}}, r"counts\[\.\.\.\]\[\.\.\.\]: Expected `int`, got `null`"),
    ],
)
def test_wrong_value_within_a_list_or_a_table_is_named(data: object, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        build(data, _Whole)


def test_file_that_is_nested_too_deeply_is_named(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text("[" * 100_000)

    with pytest.raises(SpecError, match=r"spec\.json: not JSON: "):
        from_json(path, RunSpec)
