"""Optimizers and their arguments as axes of an ablation."""

from __future__ import annotations

import pytest

import kit
from kit.ablation.arms import plan_arms
from kit.ablation.axis import normalized
from kit.ablation.search import Search
from kit.errors import SpecError
from kit.specs import Setting, override

ARGS = "train.optimizer_args."
LOOKAHEAD = override(Setting(), {"train.optimizer": "lookahead(adam)"})
LAMB = override(Setting(), {"train.optimizer": "lamb"})


def arms(base: Setting, *axes: tuple[str, str], design: str = "grid") -> list[str]:
    made = [normalized(kit.parse_axis(path, values), base) for path, values in axes]
    return [arm.name for arm in plan_arms(made, base, design)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("adam,addons/RectifiedAdam", ("adam", "addons/RectifiedAdam")),
        ("adam, addons/Lookahead(adamw) ,sgd", ("adam", "addons/Lookahead(adamw)", "sgd")),
        ("a(b,c(d,e)),f", ("a(b,c(d,e))", "f")),
        ("lookahead(swa(lookahead(adam))),b", ("lookahead(swa(lookahead(adam)))", "b")),
    ],
)
def test_commas_within_parentheses_divide_nothing(text: str, values: tuple[str, ...]) -> None:
    assert values == kit.parse_axis("train.optimizer", text).values


@pytest.mark.parametrize("text", ["a(b,c", "a)b", "a(b))", "(", "a,(b"])
def test_a_parenthesis_without_its_other_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"train\.optimizer needs values"):
        kit.parse_axis("train.optimizer", text)


def test_an_argument_of_the_base_s_optimizer_is_an_axis() -> None:
    names = ["sync_period=default", "sync_period=5", "sync_period=10"]

    assert names == arms(LOOKAHEAD, (f"{ARGS}sync_period", "default,5,10"))
    assert names == arms(LOOKAHEAD, (f"{ARGS}sync_period", "5,10"), design="one-at-a-time")


def test_an_argument_of_the_arms_own_optimizers_is_an_axis() -> None:
    names = arms(Setting(), ("train.optimizer", "lookahead(adam),lookahead(sgd)"), (f"{ARGS}sync_period", "5,10"))

    assert names == [
        f"optimizer=lookahead-{inner},sync_period={period}" for inner in ("adam", "sgd") for period in (5, 10)
    ]


def test_arguments_of_losses_and_schedules_are_axes() -> None:
    cycles = override(Setting(), {"train.schedule.kind": "triangular"})

    assert ["step_epochs=1.0", "step_epochs=2.0"] == arms(cycles, ("train.schedule.args.step_epochs", "1,2.0"))
    assert ["loss=huber,delta=0.5", "loss=huber,delta=2.0"] == arms(
        Setting(), ("train.loss", "huber"), ("train.loss_args.delta", ".5,2")
    )


def test_ranges_of_arguments_are_drawn_as_their_type() -> None:
    base, *whole = arms(LOOKAHEAD, (f"{ARGS}sync_period", "2..20"), design="random:6")
    _, *decays = arms(LAMB, (f"{ARGS}weight_decay", "log:1e-4..1e-1"), design="random:6")

    assert "sync_period=default" == base
    assert all(name.partition("=")[2].isdecimal() for name in whole)
    assert all(1e-4 <= float(name.partition("=")[2]) <= 1e-1 for name in decays)


def test_arms_without_the_argument_are_not_drawn() -> None:
    axes = [("train.optimizer", "lookahead(adam),sgd"), (f"{ARGS}sync_period", "2..20")]
    base, *drawn = arms(Setting(), *axes, design="random:6")

    assert "optimizer=adam,sync_period=default" == base
    assert all(name.startswith("optimizer=lookahead-adam,") for name in drawn)


def test_a_search_proposes_arguments_that_the_base_leaves_out() -> None:
    pytest.importorskip("optuna")
    axis = normalized(kit.parse_axis(f"{ARGS}weight_decay", "log:1e-4..1e-1"), LAMB)
    search = Search([axis], LAMB, 12, smaller_is_better=False)
    first = search.next_arms({})
    later = search.next_arms({arm.name: index / 10 for index, arm in enumerate(first)})

    assert "weight_decay=default" == first[0].name
    assert later
    assert not {arm.name for arm in first} & {arm.name for arm in later}


@pytest.mark.parametrize(
    ("base", "axes", "message"),
    [
        (
            Setting(),
            [(f"{ARGS}sync_period", "5,10")],
            r"unknown argument of optimizer adam 'sync_period'",
        ),
        (Setting(), [(f"{ARGS}sync_perid", "5,10")], r"unknown argument of optimizer adam 'sync_perid'"),
        (LOOKAHEAD, [(f"{ARGS}sync_perid", "5,10")], r"did you mean 'sync_period'"),
        (LOOKAHEAD, [(f"{ARGS}sync_period", "5,5.0")], r"names a value twice: 5 and 5\.0 are the same"),
        (LOOKAHEAD, [(f"{ARGS}sync_period", "5,x")], r"sync_period must be a whole number, got 'x'"),
        (Setting(), [(f"{ARGS}amsgrad", "0..1")], r"amsgrad takes no range, as it is not a number"),
        (
            Setting(),
            [("train.optimizer", "adam,lookahead(sgd)"), (f"{ARGS}sync_period", "5,10")],
            r"unknown argument of optimizer adam 'sync_period'",
        ),
    ],
    ids=str,
)
def test_an_axis_that_an_optimizer_lacks_is_refused(base: Setting, axes: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        arms(base, *axes, design="grid" if ".." not in axes[0][1] else "random:3")
