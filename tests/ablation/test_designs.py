from __future__ import annotations

import itertools
import math
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from trained import SETTINGS

import kit
from kit.ablation.arms import asked, plan_arms, recipe_arms, recipe_axes
from kit.ablation.axis import Axis, normalized
from kit.ablation.design import Design, parse_design
from kit.ablation.plan import plan_ablation
from kit.ablation.search import Search
from kit.ablation.space import Arm
from kit.datasets import Dataset
from kit.errors import MissingDependencyError, SpecError
from kit.specs import override, read_recipe
from kit.specs.naming import short_names

BASE = read_recipe().base
RATES = kit.parse_axis("train.learning_rate", "log:1e-4..1e-1")
DROPOUTS = kit.parse_axis("model.dropout", "0..0.5")
SIZES = kit.parse_axis("train.batch_size", "16..256")
OPTIMIZERS = kit.parse_axis("train.optimizer", "adam,sgd,rmsprop")
SPACES = [
    [RATES],
    [OPTIMIZERS],
    [RATES, DROPOUTS],
    [SIZES, OPTIMIZERS],
    [OPTIMIZERS, kit.parse_axis("model.dropout", "0,0.2,0.4"), kit.parse_axis("augment", "none,d4")],
]


@pytest.mark.parametrize(
    ("text", "design"),
    [
        ("grid", Design("grid")),
        ("one-at-a-time", Design("one-at-a-time")),
        ("ladder", Design("ladder")),
        ("random:20", Design("random", 20)),
        (" search:2 ", Design("search", 2)),
    ],
)
def test_a_design_is_read_as_it_is_written(text: str, design: Design) -> None:
    assert design == parse_design(text)
    assert text.strip() == str(design)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("full", r"design must be one of grid, one-at-a-time, ladder, random:N, search:N, got 'full'"),
        ("random", r"design random needs a number of arms, as in random:20"),
        ("search:", r"design 'search:' must end in a whole number, as in search:20"),
        ("random:many", r"design 'random:many' must end in a whole number"),
        ("random:-3", r"design 'random:-3' must end in a whole number"),
        ("search:1", r"design search:1 needs 2 arms or more: the first is the recipe's own"),
        ("grid:4", r"design grid takes no number, got grid:4"),
    ],
)
def test_a_design_that_cannot_be_says_what_is_meant(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_design(text)


@pytest.mark.parametrize(
    ("path", "values", "design", "message"),
    [
        ("model.dropout", "0..0.5", "grid", r"as in model.dropout=0,0.5; or give design='random:20'"),
        ("train.learning_rate", "log:1e-4..0.1", "one-at-a-time", r"is a range, and design one-at-a-time takes values"),
        ("model.dropout", "0,0.5", "ladder", r"design ladder runs the recipe's own arms .* leave model.dropout out"),
        ("model.dropout", "0,0.1..0.5", "random:5", r"takes values or one range, not both: 0, 0.1..0.5"),
        ("model.dropout", "0.5..0.1", "random:5", r"range 0.5..0.1 must go from a smaller number to a larger one"),
        ("model.dropout", "log:0..0.5", "random:5", r"range log:0..0.5 must begin above 0"),
        ("model.dropout", "0..1.5", "random:5", r"dropout must be in \[0, 1\), got 1.5"),
        ("train.batch_size", "8..16.5", "random:5", r"train.batch_size must be a whole number, got '16.5'"),
        ("model.filters", "8..16", "random:5", r"model.filters takes no range, as it is not a number"),
        ("train.optimizer", "1..2", "random:5", r"train.optimizer takes no range, as it is not a number"),
        ("model.bn_momntum", "0..0.5", "random:5", r"did you mean 'model.bn_momentum'"),
    ],
)
def test_axes_that_a_design_does_not_take_are_refused(path: str, values: str, design: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        plan_arms([kit.parse_axis(path, values)], BASE, design)


@pytest.mark.parametrize("design", ["random:5", "search:5"])
def test_arms_are_not_drawn_from_nothing(design: str) -> None:
    with pytest.raises(SpecError, match=rf"design {design} needs settings to draw from, as in kit\.parse_axis\("):
        plan_arms([], BASE, design)


@given(st.sampled_from(SPACES), st.integers(2, 12), st.integers(0, 12))
def test_more_random_arms_begin_with_the_fewer(axes: list[Axis], count: int, more: int) -> None:
    fewer, many = (plan_arms(axes, BASE, Design("random", number)) for number in (count, count + more))

    assert fewer == many[: len(fewer)]
    assert len(fewer) == count or many == fewer


@given(st.sampled_from(SPACES), st.integers(2, 40))
def test_random_arms_differ_and_the_first_changes_nothing(axes: list[Axis], count: int) -> None:
    arms = plan_arms(axes, BASE, Design("random", count))
    settings = [override(BASE, dict(arm.settings)) for arm in arms]

    assert BASE == settings[0]
    assert len(arms) == len(set(settings)) == len({arm.name for arm in arms}) <= count
    assert all([axis.path for axis in axes] == [path for path, _ in arm.settings] for arm in arms)


def test_random_arms_end_where_the_axes_have_no_others() -> None:
    axes = [kit.parse_axis("train.batch_size", "8..10"), kit.parse_axis("train.optimizer", "adam,sgd")]
    drawn = {override(BASE, dict(arm.settings)) for arm in plan_arms(axes, BASE, "random:50")}
    pairs = itertools.product((8, 9, 10), ("adam", "sgd"))

    assert {
        BASE,
        *(override(BASE, {"train.batch_size": size, "train.optimizer": name}) for size, name in pairs),
    } == drawn


def test_values_that_do_not_go_together_are_not_drawn() -> None:
    base = override(BASE, {"train.optimizer": "sgd"})
    axes = [kit.parse_axis("train.momentum", "0,0.9"), kit.parse_axis("train.optimizer", "adam,sgd")]
    names = {arm.name for arm in plan_arms(axes, base, "random:9")}

    assert {"momentum=0.0,optimizer=sgd", "momentum=0.0,optimizer=adam", "momentum=0.9,optimizer=sgd"} == names


LOWS, HIGHS = st.floats(1e-6, 1.0), st.floats(1.01, 1e6)


@given(LOWS, HIGHS, st.booleans(), st.floats(0, 1, exclude_max=True))
@example(low=0.123456, high=1.23456, is_log=False, share=0.0)
def test_a_drawn_number_is_short_and_within_its_range(low: float, high: float, is_log: bool, share: float) -> None:
    axis = kit.parse_axis("train.learning_rate", f"{'log:' * is_log}{low}..{high}")
    text = axis.at(share, whole=False)
    found = float(text)

    assert low <= found <= high
    assert found in {low, high} or found == float(f"{found:.3g}")


@given(st.integers(1, 50), st.integers(1, 50), st.booleans())
def test_whole_numbers_reach_both_ends_of_their_range(low: int, more: int, is_log: bool) -> None:
    axis = kit.parse_axis("train.batch_size", f"{'log:' * is_log}{low}..{low + more}")
    found = [axis.at(share / 1000, whole=True) for share in range(1000)]

    assert [str(number) for number in range(low, low + more + 1)] == list(dict.fromkeys(found))


def test_each_factor_is_equally_likely_where_logarithms_are_asked() -> None:
    shares = [number / 3000 for number in range(3000)]
    decades = [math.floor(math.log10(float(RATES.at(share, whole=False)))) for share in shares]
    plain = [float(kit.parse_axis("train.learning_rate", "0.1..0.5").at(share, whole=False)) for share in shares]

    assert all(980 <= decades.count(decade) <= 1020 for decade in (-4, -3, -2))
    assert math.isclose(0.3, sum(plain) / len(plain), abs_tol=0.001)


def test_an_axis_is_written_as_the_recipe_would() -> None:
    written = [
        normalized(kit.parse_axis(path, values), BASE).values
        for path, values in [
            ("train.learning_rate", "log:0.00010..1e-1"),
            ("model.bn_momentum", "0.50,0.9"),
            ("augment", "mixup+d4,mirror+flips"),
            ("model.filters", "[16, 32],8"),
        ]
    ]

    assert [("log:0.0001..0.1",), ("0.5", "0.9"), ("d4+mixup", "flips"), ("[16,32]", "[8]")] == written


def test_what_is_drawn_is_one_question_and_what_is_listed_another() -> None:
    axes = [normalized(RATES, BASE)]
    few, many = (
        asked(plan_arms(axes, BASE, f"random:{count}"), axes, parse_design(f"random:{count}")) for count in (3, 9)
    )
    grid = [kit.parse_axis("model.dropout", "0,0.5")]
    listed = asked(plan_arms(grid, BASE, "grid"), grid, parse_design("grid"))

    assert few == many != asked([], axes, parse_design("search:9"))
    assert [["dropout=0", {"model.dropout": "0"}], ["dropout=0.5", {"model.dropout": "0.5"}]] == listed


PATIENCES = [kit.parse_axis(f"train.{name}.patience", "1,2") for name in ("schedule", "early_stopping")]


@pytest.mark.parametrize("design", ["grid", "one-at-a-time", "random:5"])
def test_settings_of_one_name_give_arms_of_different_names(design: str) -> None:
    arms = plan_arms(PATIENCES, BASE, design)

    assert 5 == len(arms) or (design, 4) == ("grid", len(arms))
    assert len(arms) == len({arm.name for arm in arms})
    assert all(
        name.startswith(("schedule.patience=", "early_stopping.patience="))
        for arm in arms
        for name in arm.name.split(",")
    )


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join)


@given(st.lists(PATHS, min_size=1, max_size=6, unique=True))
def test_short_names_are_ends_of_paths_and_all_differ(paths: list[str]) -> None:
    names = short_names(paths)

    assert len(paths) == len(set(names.values()))
    assert all(path == name or path.endswith(f".{name}") for path, name in names.items())
    for path, name in names.items():
        shorter = name.partition(".")[2]
        assert not shorter or sum(f".{other}".endswith(f".{shorter}") for other in paths) > 1, path


def test_two_arms_of_one_name_are_refused(tiny: Dataset, workspace: Path) -> None:
    plan = plan_ablation(
        tiny.manifest.name,
        [],
        recipe="histopathologic-cancer",
        settings=SETTINGS,
        seeds=1,
        design="grid",
        root=workspace,
    )
    twins = [Arm("pool=2", (("model.pool", "2"),)), Arm("pool=2", (("model.pool", "3"),))]

    with pytest.raises(SpecError, match=r"two arms would be named pool=2, .*; rename a value"):
        plan.with_arms(twins)


def test_design_ladder_runs_the_named_arms_of_a_recipe_that_has_a_grid() -> None:
    recipe = read_recipe("chest-xray-three-class")

    assert [arm.name for arm in recipe.arms] == [arm.name for arm in recipe_arms(recipe, recipe.base, {}, "ladder")]
    assert 648 == len(recipe_arms(recipe, recipe.base, {}))
    without = msgspec.structs.replace(recipe, arms=())
    with pytest.raises(SpecError, match=r"design ladder runs the recipe's named arms, and it has none; leave design="):
        recipe_arms(without, recipe.base, {}, "ladder")


def test_an_arm_published_on_images_of_another_size_is_left_out(tiny: Dataset, workspace: Path) -> None:
    plan = plan_ablation(
        tiny.manifest.name, [], recipe="chest-xray-three-class", settings={}, seeds=1, design="ladder", root=workspace
    )

    assert "smallest" not in plan.refused
    assert "needs a dataset of its own, with size=300; tiny has size=16: kit shard" in plan.refused["smallest-300"]


def test_a_recipe_s_grid_can_be_drawn_from() -> None:
    recipe = read_recipe("chest-xray-three-class")
    axes = recipe_axes(recipe, recipe.base, {"train.optimizer": "sgd"})
    arms = plan_arms(axes, recipe.base, "random:20")

    assert set(recipe.vary) - {"train.optimizer"} == {axis.path for axis in axes}
    assert 20 == len(arms)
    assert [] == recipe_axes(read_recipe(), BASE, {})


def ask_all(search: Search, values: dict[str, float], results: dict[str, float] | None = None) -> list[Arm]:
    """Run a search to its end, as a schedule would; `results` come first, whatever `objective` says."""
    asked_for: list[Arm] = []
    while arms := search.next_arms(values):
        asked_for += arms
        values |= {arm.name: (results or {}).get(arm.name, objective(arm)) for arm in arms}
    return asked_for


def objective(arm: Arm, best: float = -2.5, optimizer: str = "rmsprop") -> float:
    """Rise towards one rate, one share and one optimizer, where an arm has them."""
    settings = dict(arm.settings)
    rate = math.log10(float(settings.get("train.learning_rate", 0.001)))
    dropout = float(settings.get("model.dropout", 0))
    return 1 - (rate - best) ** 2 / 4 - abs(dropout - 0.2) - 0.2 * (settings.get("train.optimizer") != optimizer)


def new_search(axes: list[Axis], count: int) -> Search:
    return Search(axes, BASE, count, smaller_is_better=False)


@hypothesis_settings(max_examples=15)
@given(st.sampled_from(SPACES), st.integers(2, 24), st.data())
def test_a_killed_search_goes_on_to_the_same_arms(axes: list[Axis], count: int, data: st.DataObject) -> None:
    values: dict[str, float] = {}
    arms = ask_all(new_search(axes, count), values)
    known = data.draw(st.integers(0, len(arms)), label="arms that were finished")
    again = {arm.name: values[arm.name] for arm in arms[:known]}

    assert arms[known:] == ask_all(new_search(axes, count), again)
    assert values == again


@hypothesis_settings(max_examples=15)
@given(st.sampled_from(SPACES), st.integers(2, 20), st.integers(1, 9), st.data())
def test_searched_arms_differ_and_more_of_them_begin_with_the_fewer(
    axes: list[Axis], count: int, more: int, data: st.DataObject
) -> None:
    arms = ask_all(new_search(axes, count), {})
    failed = {arm.name: math.nan for arm in arms if data.draw(st.booleans(), label=f"{arm.name} failed")}
    fewer, many = (ask_all(new_search(axes, number), {}, failed) for number in (count, count + more))

    assert fewer == many[: len(fewer)]
    assert len(fewer) == len({override(BASE, dict(arm.settings)) for arm in fewer}) <= count
    assert BASE == override(BASE, dict(fewer[0].settings))


def test_a_search_begins_as_a_random_design_and_leaves_it_by_what_it_learns() -> None:
    axes = [RATES, DROPOUTS, OPTIMIZERS]
    arms, drawn = ask_all(new_search(axes, 16), {}), plan_arms(axes, BASE, "random:16")
    upwards = ask_all(Search(axes, BASE, 16, smaller_is_better=True), {})

    assert drawn[:8] == arms[:8] == upwards[:8]
    assert set(drawn[8:]).isdisjoint(arms[8:])
    assert arms[8:] != upwards[8:]


def test_a_search_of_few_combinations_finds_them_all_and_ends() -> None:
    axes = SPACES[-1]
    found = {override(BASE, dict(arm.settings)) for arm in ask_all(new_search(axes, 100), {})}

    assert {override(BASE, dict(arm.settings)) for arm in plan_arms(axes, BASE, "grid")} == found


def test_a_search_without_any_result_ends_too() -> None:
    search, values = new_search([RATES, DROPOUTS], 14), {}
    while arms := search.next_arms(values):
        values |= {arm.name: math.nan for arm in arms}

    assert 14 == len(values)


def test_a_search_finds_better_arms_than_chance() -> None:
    axes = [RATES, DROPOUTS, OPTIMIZERS, SIZES]
    wins = 0
    for number in range(8):
        best, optimizer = -3.8 + 0.35 * number, ("adam", "sgd", "rmsprop")[number % 3]
        values: dict[str, float] = {}
        search = new_search(axes, 28)
        while arms := search.next_arms(values):
            values |= {arm.name: objective(arm, best, optimizer) for arm in arms}
        drawn = [objective(arm, best, optimizer) for arm in plan_arms(axes, BASE, "random:28")]
        wins += sum(list(values.values())[8:]) > sum(drawn[8:]) and max(values.values()) > max(drawn)

    assert wins >= 7


def test_a_search_without_optuna_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)

    with pytest.raises(MissingDependencyError, match=r"^design 'search' needs optuna; install 'kit\[search\]'$"):
        new_search([RATES], 5)
