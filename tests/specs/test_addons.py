from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.errors import SpecError
from kit.metrics import find_metric
from kit.specs import RunSpec, TrainSpec, override, setting_paths, value_of
from kit.specs.addons import Addon, addon_kinds, addons, find_addon
from kit.targets import TARGETS
from tests.addons_metrics import imported

EVERY = [addon for kind in addon_kinds() for addon in addons(kind)]
TAKEN = [addon for addon in EVERY if not addon.reason]
DEFAULT = RunSpec(dataset="d", fingerprint="f", arm="a")
SEVERAL = {"optimizer": "optimizers", "schedule": "optimizers"}  # kinds of one module
NEWEST_KERAS = (3, 15)  # that the table names; older ones lack some
TYPES = {"number": (int, float), "integer": (int,), "boolean": (bool,), "text": (str,)}


def resolved(name: str) -> Any:
    """Import what a dotted name names."""
    parts = name.replace("tf.", "tensorflow.", 1).split(".") if name.startswith("tf.") else name.split(".")
    found: Any = importlib.import_module(parts[0])
    for end, part in enumerate(parts[1:], 2):
        if not hasattr(found, part):
            importlib.import_module(".".join(parts[:end]))
        found = getattr(found, part)
    return found


def settings() -> list[str]:
    return sorted({use for addon in EVERY for use in addon.use if "=" in use})


def has_optimizers() -> bool:
    """Whether kit's own optimizers and schedules, which bear some of Addons' names, are there yet."""
    return importlib.util.find_spec("kit.optimizers") is not None


@pytest.mark.parametrize("setting", settings())
def test_every_setting_that_the_table_names_is_taken(setting: str) -> None:
    path, _, value = setting.partition("=")
    if path in {"train.optimizer", "train.schedule.kind"} and not has_optimizers():
        pytest.skip("kit.optimizers is not there yet")

    assert path in setting_paths(DEFAULT)
    if path == "model.head":
        assert any(value in target.heads for target in TARGETS.values())
    elif path == "train.metrics":
        assert find_metric(value).name == value
    else:
        found = value_of(override(DEFAULT, {path: value}), path)

        assert found == value or float(found) == float(value)


def test_every_name_of_a_package_that_the_table_gives_for_today_exists() -> None:
    import keras

    if tuple(map(int, keras.__version__.split(".")[:2])) < NEWEST_KERAS:
        pytest.skip("names of a newer Keras")
    names = sorted({use for addon in EVERY for use in addon.use if "=" not in use})
    names = [name for name in names if has_optimizers() or not name.startswith("kit.optimizers.")]

    assert {"keras.optimizers.Lamb", "scipy.stats.gmean", "kit.metric"} <= set(names)
    for name in names:
        assert resolved(name) is not None, name


def test_every_name_has_something_to_use_or_a_note_or_a_reason() -> None:
    for addon in EVERY:
        assert addon.use or addon.note or addon.reason, addon.name
        assert addon.reason == addon.reason.strip(" .")
        assert not addon.note or addon.note.endswith(".")


def test_what_is_taken_is_what_is_asked_for_most() -> None:
    taken = {(addon.kind, addon.name) for addon in TAKEN}

    assert {("optimizer", name) for name in ("RectifiedAdam", "Lookahead", "SWA", "LAMB", "COCOB", "Yogi")} <= taken
    assert {("loss", name) for name in ("SigmoidFocalCrossEntropy", "WeightedKappaLoss", "PinballLoss")} <= taken
    assert ("schedule", "TriangularCyclicalLearningRate") in taken
    assert {"optimizer", "schedule", "loss", "metric"} == {kind for kind, _ in taken}


def test_arguments_that_are_required_or_have_choices_are_arguments() -> None:
    for addon in TAKEN:
        assert set(addon.required) <= set(addon.arguments)
        assert {name for name, kind in addon.arguments.items() if kind == "text"} == set(addon.choices)
        assert not set(addon.beside) & set(addon.arguments)
    for addon in EVERY:
        assert not addon.reason or not addon.arguments


def test_losses_name_heads_that_kits_targets_have() -> None:
    heads = {head for target in TARGETS.values() for head in target.heads}
    losses = [addon for addon in TAKEN if addon.kind == "loss"]

    assert losses
    for loss in losses:
        assert loss.heads
        assert set(loss.heads) <= heads
        assert loss.activations


def test_the_documentation_names_every_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "addons.md").read_text()

    assert [addon.name for addon in EVERY if f"`{addon.name}`" not in page] == []


def test_an_unknown_name_is_said_with_the_nearest() -> None:
    with pytest.raises(
        SpecError, match="unknown TensorFlow Addons optimizer 'RectifiedAdm'; did you mean 'RectifiedAd"
    ):
        find_addon("optimizer", "RectifiedAdm")
    with pytest.raises(SpecError, match="unknown TensorFlow Addons loss 'PinballLos'; did you mean 'PinballLoss'"):
        find_addon("loss", "PinballLos")


def test_a_name_that_kit_does_not_take_says_why() -> None:
    assert "compares embeddings of three images" in find_addon("loss", "TripletSemiHardLoss").reason
    assert "one label per image" in find_addon("layer", "CRF").reason
    assert "a function in Python" in find_addon("schedule", "CyclicalLearningRate").reason


def test_the_metrics_of_addons_are_settings_of_a_training_and_watched() -> None:
    name = "addons/F1Score:average=macro"
    spec = override(DEFAULT, {"train.metrics": f"{name},accuracy", "train.monitor": f"val_{name}"})

    assert (name, "accuracy") == spec.train.metrics
    with pytest.raises(SpecError, match="unknown argument of addons/F1Score 'averge'"):
        TrainSpec(metrics=("addons/F1Score:averge=macro",))
    with pytest.raises(SpecError, match="addons/HarmonicMean is no metric"):
        TrainSpec(monitor="val_addons/HarmonicMean")


def modules_of(kind: str, tfa: types.ModuleType) -> Iterator[types.ModuleType]:
    """Yield the modules whose public names are of a kind."""
    module = find_module(kind)
    yield importlib.import_module(f"{tfa.__name__}.{module}") if module != "types" else tfa.types
    if kind == "utility":
        parts = (f"{tfa.__name__}.utils.{name}" for name in ("keras_utils", "resource_loader"))
        yield from map(importlib.import_module, parts)


def find_module(kind: str) -> str:
    return next(addon.module for addon in EVERY if addon.kind == kind)


def public(module: types.ModuleType) -> set[str]:
    """Names of a module that are its own: of a package all, of a file what is written there."""
    names = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    names = {name: value for name, value in names.items() if not isinstance(value, types.ModuleType)}
    if hasattr(module, "__path__"):
        return set(names)
    own = (module.__name__, "typing")
    is_typing = vars(typing)
    return {name for name, value in names.items() if getattr(value, "__module__", "") in own and name not in is_typing}


def is_a_schedule(tfa: types.ModuleType, name: str) -> bool:
    from tensorflow.keras.optimizers.schedules import LearningRateSchedule

    value = getattr(tfa.optimizers, name)
    return inspect.isclass(value) and issubclass(value, LearningRateSchedule)


@pytest.mark.addons
def test_the_table_holds_every_public_name_of_addons_and_no_other() -> None:
    pytest.importorskip("tensorflow_addons")
    tfa = imported()
    for kind in addon_kinds():
        expected = set().union(*(public(module) for module in modules_of(kind, tfa)))
        if kind in SEVERAL:
            expected = {name for name in expected if is_a_schedule(tfa, name) == (kind == "schedule")}

        assert expected == {addon.name for addon in addons(kind)}, kind


@pytest.mark.addons
def test_every_module_of_addons_is_in_the_table() -> None:
    pytest.importorskip("tensorflow_addons")
    tfa = imported()
    modules = {name for name, value in vars(tfa).items() if isinstance(value, types.ModuleType) and name[0] != "_"}

    assert modules - {"version"} == {addon.module for addon in EVERY}
    assert {name for name in vars(tfa) if name[0] != "_"} - modules == {"register_all"}
    assert sys.modules["tensorflow_addons"].__version__ == "0.23.0"


def parameters(addon: Addon, tfa: types.ModuleType) -> dict[str, inspect.Parameter]:
    value: Callable[..., Any] = getattr(getattr(tfa, addon.module), addon.name)
    return dict(inspect.signature(value).parameters)


@pytest.mark.addons
@pytest.mark.parametrize("addon", TAKEN, ids=lambda addon: addon.name)
def test_arguments_are_those_of_the_signature(addon: Addon) -> None:
    pytest.importorskip("tensorflow_addons")
    found = parameters(addon, imported())

    assert set(found) == set(addon.arguments) | set(addon.beside)
    assert set(addon.required) == {name for name in addon.arguments if found[name].default is inspect.Parameter.empty}
    assert addon.learning_rate == ("learning_rate" in found)
    assert addon.wraps == ("optimizer" in found)
    for name, kind in addon.arguments.items():
        default = found[name].default
        if default not in {inspect.Parameter.empty, None}:
            assert isinstance(default, TYPES[kind]), name
            assert isinstance(default, bool) == (kind == "boolean"), name
            assert kind != "text" or default in addon.choices[name]
        assert isinstance(default, int) or kind not in {"boolean", "integer"} or name == "num_updates", name


@pytest.mark.addons
@pytest.mark.parametrize("addon", [one for one in TAKEN if one.choices], ids=lambda addon: addon.name)
def test_choices_are_taken_by_addons(addon: Addon) -> None:
    pytest.importorskip("tensorflow_addons")
    made = getattr(getattr(imported(), addon.module), addon.name)
    needed: dict[str, Any] = {"num_classes": 3} if "num_classes" in addon.beside else {}
    needed |= {name: 0.1 for name in addon.required if addon.arguments[name] == "number"}
    needed |= {"learning_rate": 0.1} if addon.learning_rate else {}
    needed |= {name: addon.choices[name][0] for name in addon.required if name in addon.choices}
    for name, choices in addon.choices.items():
        for choice in choices:
            assert made(**{**needed, name: choice}) is not None
