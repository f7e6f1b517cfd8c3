"""Names of optimizers, losses and schedules, and their arguments, without TensorFlow."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import SpecError
from kit.files import xxh128
from kit.runs import RunDirectory
from kit.specs import RunSpec, Setting, TrainSpec, arm_name, from_json, override, to_json, value_of
from kit.specs.addons import addons
from kit.specs.losses import loss_entries
from kit.specs.named import Named, parse_named
from kit.specs.named_arguments import LEFT_OUT, read_argument, write_argument
from kit.specs.naming import as_written
from kit.specs.optimizers import find_optimizer, in_addons, optimizer_entries, out_of_addons
from kit.specs.schedule import ScheduleSpec
from kit.specs.schedules import schedule_names
from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values
from kit.training.request import run_id
from tests.made import AS_TRAINED

PLAIN = RunSpec(dataset="d", fingerprint="f", arm="a", seed=3, train=AS_TRAINED)
SIMPLE = st.from_regex(r"(addons/)?[A-Za-z][A-Za-z0-9_]{0,20}", fullmatch=True)
NAMED = st.recursive(SIMPLE.map(Named), lambda inner: st.builds(Named, SIMPLE, inner), max_leaves=6)
ENTRIES = optimizer_entries()
LEAVES = sorted(name for name, entry in ENTRIES.items() if not entry.wraps)
WRAPPERS = sorted(name for name, entry in ENTRIES.items() if entry.wraps)


def spec(**changes: Any) -> Setting:
    return override(Setting(), {f"train.{path.replace('__', '.')}": value for path, value in changes.items()})


@given(NAMED)
def test_a_name_that_is_written_is_read_again(named: Named) -> None:
    assert named == parse_named(str(named))


@given(st.text(st.sampled_from("ab/()_ ,"), max_size=12))
def test_a_text_is_a_name_or_is_refused_with_itself(text: str) -> None:
    is_name = re.fullmatch(r"([ab][ab_]*\()*[ab][ab_]*\)*", text) and text.count("(") == text.count(")") < 8

    if is_name:
        assert text == str(parse_named(text))
    else:
        with pytest.raises(SpecError, match=rf"^'{re.escape(text)}' must be a name"):
            parse_named(text)


@pytest.mark.parametrize(
    "text", ["", "adam(", "adam)", "(adam)", "lookahead()", "lookahead(adam))", "a(b)c", "a(b)(c)", "other/Adam", "a b"]
)
def test_a_malformed_name_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=rf"^train\.optimizer: '{re.escape(text)}' must be a name, as adam"):
        override(Setting(), {"train.optimizer": text})


def test_a_name_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(SpecError, match="must be a name"):
        parse_named("a(" * 100_000 + "a" + ")" * 100_000)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "adan"}, r"^train\.optimizer: unknown optimizer 'adan'; did you mean 'adam'\? Known: "),
        ({"optimizer": "Adam"}, r"unknown optimizer 'Adam'; did you mean"),
        ({"optimizer": "MovingAverage"}, r"did you mean 'addons/MovingAverage'\? Known: adabelief, .*, yogi$"),
        ({"optimizer": "addons/Adamw"}, r"unknown TensorFlow Addons optimizer 'Adamw'; did you mean 'AdamW'"),
        ({"optimizer": "addons/MultiOptimizer"}, r"kit does not take optimizer addons/MultiOptimizer: it takes pairs"),
        ({"optimizer": "lookahead"}, r"lookahead goes around another one, as in lookahead\(adam\); got 'lookahead'"),
        ({"optimizer": "adam(sgd)"}, r"optimizer adam goes around no other one, got 'adam\(sgd\)'"),
        ({"optimizer": "swa(addons/LAMB)"}, r"swa goes around optimizers of Keras 3, not addons/LAMB"),
        ({"optimizer": "addons/SWA(lion)"}, r"addons/SWA goes around adadelta, .* or one of Addons, not lion"),
        ({"optimizer": "addons/SWA(addons/Lookahead(sgd))"}, r"addons/SWA goes around no other wrapper"),
        (
            {"optimizer_args__beta_3": "1"},
            r"train\.optimizer_args\.beta_3: unknown argument of optimizer adam 'beta_3'",
        ),
        ({"optimizer_args__beta_1": "x"}, r"^train\.optimizer_args\.beta_1 must be a number, got 'x'$"),
        ({"optimizer_args__beta_1": "1"}, r"^train\.optimizer_args\.beta_1 must be in \[0, 1\), got 1$"),
        ({"optimizer_args__epsilon": float("nan")}, r"^train\.optimizer_args\.epsilon must be a number, got nan$"),
        ({"optimizer_args__epsilon": 10**400}, r"^train\.optimizer_args\.epsilon must be a number, got 10"),
        ({"optimizer_args__amsgrad": "1"}, r"^train\.optimizer_args\.amsgrad must be true or false, got 1$"),
        (
            {"optimizer": "lookahead(adam)", "optimizer_args__sync_period": "2.5"},
            r"^train\.optimizer_args\.sync_period must be a whole number, got 2\.5$",
        ),
        (
            {"optimizer": "addons/Yogi", "optimizer_args__activation": "relu"},
            r"^train\.optimizer_args\.activation must be one of sign, tanh, got 'relu'$",
        ),
        (
            {"optimizer": "lookahead(sgd)", "optimizer_args__momentum": "0.9"},
            r"^train\.optimizer_args\.momentum is the setting train\.momentum; give it there$",
        ),
        (
            {"optimizer": "addons/Lookahead(adam)", "optimizer_args__clipnorm": "1"},
            r"unknown argument of optimizer addons/Lookahead\(adam\) 'clipnorm'",
        ),
        ({"momentum": "0.9"}, r"^train\.momentum needs optimizer sgd, got adam$"),
        ({"optimizer": "swa(adam)", "ema": "0.9"}, r"^train\.ema=0\.9 is a moving average of .*, not of swa$"),
        (
            {"optimizer": "addons/LAMB", "ema": "0.9"},
            r"train\.ema=0\.9 is a moving average of .*, not of addons/LAMB",
        ),
        (
            {"optimizer": "cocob", "schedule__kind": "cosine"},
            r"changes the learning rate, and optimizer cocob has no",
        ),
        ({"schedule__kind": "cosin"}, r"^train\.schedule\.kind: unknown schedule 'cosin'; did you mean 'cosine'"),
        ({"schedule__args__gamma": "1"}, r"^train\.schedule\.args\.gamma: schedule constant takes no arguments$"),
        (
            {"schedule__kind": "triangular", "schedule__args__step_size": "0"},
            r"^train\.schedule\.args\.step_size must be above 0, got 0\.0$",
        ),
        (
            {"schedule__kind": "triangular", "schedule__args__step_size": "9", "schedule__args__step_epochs": "1"},
            r"^train\.schedule\.args\.step_size and args\.step_epochs say the same; give one$",
        ),
        ({"loss": "foca"}, r"^train\.loss: unknown loss 'foca'; did you mean 'focal'"),
        ({"loss": "addons/GIoULoss"}, r"^train\.loss: kit does not take loss addons/GIoULoss: it compares boxes"),
        ({"loss_args__delta": "1"}, r"^train\.loss_args needs a loss by name, as in loss=huber$"),
        ({"loss": "mse", "loss_args__delta": "1"}, r"^train\.loss_args\.delta: loss mse takes no arguments$"),
        (
            {"optimizer_args": "1"},
            r"^train\.optimizer_args is a table of arguments; .* train\.optimizer_args\.NAME=VALUE$",
        ),
        ({"schedule__args": "1"}, r"^train\.schedule\.args is a table of arguments"),
        ({"optimizer_args__clipnorm": "-1"}, r"^train\.optimizer_args\.clipnorm must be 0 or more, got -1$"),
        (
            {"optimizer_args__weight_decay": "-0.1"},
            r"^train\.optimizer_args\.weight_decay must be 0 or more, got -0\.1$",
        ),
        (
            {"optimizer": "addons/SWA(addons/LAMB)", "optimizer_args__epsilon": "-1e-6"},
            r"^train\.optimizer_args\.epsilon must be 0 or more, got -1e-06$",
        ),
        (
            {"optimizer_args__sync_perod": LEFT_OUT},
            r"^train\.optimizer_args\.sync_perod: unknown argument 'sync_perod'; did you mean 'sync_period'\?",
        ),
    ],
    ids=str,
)
def test_a_wrong_name_or_argument_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        spec(**changes)


@pytest.mark.parametrize("name", LEAVES)
def test_every_name_is_a_setting(name: str) -> None:
    assert name == spec(optimizer=name).train.optimizer


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_every_wrapper_goes_around_another(wrapper: str) -> None:
    entries = find_optimizer(f"{wrapper}(adamw)")

    assert [wrapper, "adamw"] == [entry.name for entry in entries]
    assert spec(optimizer=f"{wrapper}(adamw)").train.optimizer_uses("weight_decay")


@pytest.mark.parametrize("name", [*loss_entries(), ""])
def test_every_loss_is_a_setting(name: str) -> None:
    assert name == spec(loss=name).train.loss


@pytest.mark.parametrize("name", schedule_names())
def test_every_schedule_is_a_setting(name: str) -> None:
    assert name == spec(schedule__kind=name).train.schedule.kind


def test_names_of_addons_are_those_that_its_table_takes() -> None:
    for kind, names in (("optimizer", ENTRIES), ("loss", loss_entries()), ("schedule", schedule_names())):
        taken = {f"addons/{one.name}" for one in addons(kind) if not one.reason}

        assert taken == {name for name in names if name.startswith("addons/")}


def test_heads_have_the_losses_of_addons_that_its_table_says() -> None:
    wanted = {f"addons/{one.name}": one for one in addons("loss") if not one.reason}
    of_heads: dict[str, set[str]] = {name: set() for name in wanted}
    targets: tuple[type[Target], ...] = (Classes, Tags, Grades, Values)
    for target in targets:
        for head, losses in target.losses.items():
            for name in of_heads.keys() & set(losses):
                of_heads[name].add(head)

    assert {name: set(one.heads) for name, one in wanted.items()} == of_heads


def test_names_change_to_those_of_the_other_environment_and_back() -> None:
    assert "addons/Lookahead(addons/RectifiedAdam)" == in_addons("lookahead(rectified_adam)")
    assert "lookahead(rectified_adam)" == out_of_addons("addons/Lookahead(addons/RectifiedAdam)")
    assert not out_of_addons("addons/MovingAverage(adam)")
    assert "addons/LAMB" == in_addons("lamb")


@given(st.one_of(st.integers(-(10**14), 10**14), st.floats(allow_nan=False, allow_infinity=False), st.booleans()))
def test_an_argument_that_is_written_is_read_again(value: float) -> None:
    read = read_argument(write_argument(value))

    assert value == read
    assert isinstance(read, bool) == isinstance(value, bool)


def test_equal_arguments_make_equal_settings_whatever_their_order_and_writing() -> None:
    one = spec(optimizer_args__beta_2=0.9, optimizer_args__beta_1="0.5", optimizer_args__weight_decay="1")
    other = spec(optimizer_args__weight_decay=1.0, optimizer_args__beta_1=0.5, optimizer_args__beta_2="0.90")

    assert one == other
    assert hash(one) == hash(other)
    assert to_json(one) == to_json(other)


def test_an_argument_goes_before_its_optimizer_and_is_left_out_by_its_default() -> None:
    changed = override(Setting(), {"train.optimizer_args.sync_period": "5", "train.optimizer": "lookahead(adam)"})

    assert {"sync_period": 5} == changed.train.optimizer_args
    assert "5" == value_of(changed, "train.optimizer_args.sync_period")
    assert LEFT_OUT == value_of(changed, "train.optimizer_args.slow_step_size")
    assert spec(optimizer="lookahead(adam)") == override(changed, {"train.optimizer_args.sync_period": LEFT_OUT})


def test_arguments_are_written_and_read_and_name_another_run(tmp_path: Any) -> None:
    changed = override(PLAIN, {"train.optimizer": "swa(sgd)", "train.optimizer_args.average_period": 3})
    path = tmp_path / "spec.json"
    path.write_bytes(to_json(as_written(changed)))

    assert changed == from_json(path, RunSpec)
    assert run_id(changed) != run_id(override(changed, {"train.optimizer_args.average_period": LEFT_OUT}))


def test_a_run_without_arguments_is_written_as_before() -> None:
    written = msgspec.json.decode(to_json(as_written(PLAIN)))

    assert not {"optimizer_args", "loss_args"} & written["train"].keys()
    assert "args" not in written["train"]["schedule"]
    assert "c8f192fc01ad10361a422cbcc23ef0cd" == xxh128(to_json(as_written(PLAIN)))  # the same before they were added
    assert "d-a-seed-3-0ad76187" == run_id(PLAIN)


def test_an_unfinished_run_of_before_keeps_its_checkpoints(tmp_path: Any) -> None:
    directory = RunDirectory(tmp_path / "run")
    directory.claim(PLAIN)

    assert "3d2362218b7677ac2d97cd205c6d4ce8" == directory.identity  # the same before arguments were settings


@pytest.mark.parametrize(
    ("optimizer", "name"),
    [
        ("addons/RectifiedAdam", "optimizer=addons-RectifiedAdam"),
        ("lookahead(adamw)", "optimizer=lookahead-adamw"),
        ("addons/Lookahead(addons/AdamW)", "optimizer=addons-Lookahead-addons-AdamW"),
        ("swa(lookahead(sgd))", "optimizer=swa-lookahead-sgd"),
    ],
)
def test_an_arm_of_an_optimizer_has_a_short_name(optimizer: str, name: str) -> None:
    assert name == arm_name({"train.optimizer": optimizer}, otherwise="base")


def test_optimizers_have_different_arm_names() -> None:
    texts = [*LEAVES, *(f"{wrapper}(adamw)" for wrapper in WRAPPERS)]
    names = [arm_name({"train.optimizer": text}, otherwise="") for text in texts]

    assert len(texts) == len({name.lower() for name in names})


def test_names_are_known_without_tensorflow() -> None:
    code = "import sys; from kit.specs import TrainSpec; TrainSpec(optimizer='addons/Lookahead(adamw)');"
    shown = subprocess.run(
        [sys.executable, "-c", f"{code} print('tensorflow' in sys.modules)"], capture_output=True, text=True, check=True
    )

    assert "False" == shown.stdout.strip()


def test_a_training_in_python_checks_its_arguments_too() -> None:
    assert {"beta_1": 0.5} == TrainSpec(optimizer_args={"beta_1": 0.5}).optimizer_args
    with pytest.raises(SpecError, match=r"^optimizer_args\.beta_1 must be a number"):
        TrainSpec(optimizer_args={"beta_1": "x"})


def test_a_cycle_that_begins_above_its_highest_rate_is_refused() -> None:
    spec = ScheduleSpec(kind="triangular", args={"initial_learning_rate": 1})

    with pytest.raises(
        SpecError, match=r"^schedule\.args\.initial_learning_rate=1\.0 is above the highest rate, 0\.1;"
    ):
        TrainSpec(schedule=spec, learning_rate=0.1)
