"""Optimizers and schedules by name, made by Keras: each makes steps, and is saved and restored."""

from __future__ import annotations

import re
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trained import SETTINGS

import kit
from kit.datasets import Dataset
from kit.errors import MissingDependencyError, SpecError
from kit.runs import RunDirectory
from kit.specs import TrainSpec
from kit.specs.named_arguments import ArgumentType
from kit.specs.optimizers import OWN, optimizer_entries
from kit.specs.schedule import ScheduleSpec
from kit.training.request import run_spec
from tests.training.test_resume import assert_equal, finished, stop_at
from tests.training.test_training import weights

HAS_ADDONS = util.find_spec("tensorflow_addons") is not None
keras_3 = pytest.mark.skipif(HAS_ADDONS, reason="optimizers of kit's own need Keras 3")
NEEDS_ADDONS = (
    "train.optimizer=addons/Lookahead(adamw) needs TensorFlow Addons, which is not installed: it works on Python 3.11,"
    " in an environment of its own, made by pip install 'kit[addons]'; here, use train.optimizer=lookahead(adamw)"
)
VALUES: dict[ArgumentType, Any] = {"number": 0.3, "integer": 4, "boolean": True}  # unlike any default
SLOW = [pytest.param(entry.name, marks=pytest.mark.slow) for entry in OWN if entry.name not in {"lookahead", "swa"}]
GIVEN = [
    (entry.name, name, entry.choices[name][-1] if kind == "text" else VALUES[kind])
    for entry in OWN
    for name, kind in entry.arguments.items()
]


def in_keras(name: str) -> str:
    return f"{name}(sgd)" if optimizer_entries()[name].wraps else name


def made(spec: TrainSpec) -> Any:
    from kit.training.optimizers import make_optimizer

    return make_optimizer(spec, 10, spec.learning_rate)


def network(spec: TrainSpec) -> Any:
    """A compiled network, with weights of its own at each call."""
    from kit.compat import build_optimizer, keras

    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(2)])
    model.compile(optimizer=made(spec), loss="mse")
    build_optimizer(model.optimizer, model.trainable_variables)
    return model


def learn(model: Any, steps: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    for _ in range(steps):
        model.train_on_batch(generator.normal(size=(8, 3)), generator.normal(size=(8, 2)))


def assert_restored(spec: TrainSpec, folder: Path) -> None:
    """Assert that a network learns, and that a new one with its weights and state goes on to bit-equal ones."""
    from kit.compat import load_weights, optimizer_variables, save_weights

    first, second = network(spec), network(spec)
    before = [weight.numpy() for weight in first.trainable_variables]
    learn(first, 7, seed=1)
    save_weights(first, str(folder / "state.weights.h5"))
    load_weights(second, str(folder / "state.weights.h5"))
    for model in (first, second):
        learn(model, 7, seed=2)

    changed = [not np.array_equal(*pair) for pair in zip(before, first.get_weights(), strict=True)]
    assert all(changed)
    for one, other in zip(optimizer_variables(first.optimizer), optimizer_variables(second.optimizer), strict=True):
        assert np.array_equal(one, other)
    assert all(np.array_equal(*pair) for pair in zip(first.get_weights(), second.get_weights(), strict=True))


@keras_3
@pytest.mark.parametrize("name", ["lookahead", "swa", *SLOW])
def test_every_optimizer_learns_and_goes_on_from_its_saved_state(name: str, tmp_path: Path) -> None:
    assert_restored(TrainSpec(optimizer=in_keras(name)), tmp_path)


@keras_3
@pytest.mark.slow
@pytest.mark.parametrize("text", ["lookahead(rectified_adam)", "swa(lookahead(adamw))", "lookahead(cocob)"])
def test_nested_optimizers_learn_and_go_on_from_their_saved_state(text: str, tmp_path: Path) -> None:
    assert_restored(TrainSpec(optimizer=text), tmp_path)


@keras_3
@pytest.mark.parametrize(("name", "argument", "value"), GIVEN)
def test_an_argument_reaches_its_optimizer(name: str, argument: str, value: Any) -> None:
    value = 3.0 if (name, argument) == ("cocob", "alpha") else value
    value = -0.3 if argument == "learning_rate_power" else value
    spec = TrainSpec(optimizer=in_keras(name), optimizer_args={argument: value})

    assert value == made(spec).get_config()[argument]


@keras_3
def test_settings_of_their_own_reach_their_optimizer() -> None:
    sgd = made(TrainSpec(optimizer="lookahead(sgd)", momentum=0.7, learning_rate=0.02, ema=0.9))
    adamw = made(TrainSpec(optimizer="adamw", weight_decay=0.3))

    assert 0.7 == sgd.inner_optimizer.momentum
    assert pytest.approx(0.02) == float(sgd.learning_rate)
    assert (True, 0.9) == (sgd.use_ema, sgd.ema_momentum)
    assert 0.3 == adamw.weight_decay


@keras_3
def test_an_argument_goes_to_the_outermost_that_takes_it() -> None:
    args = {"sync_period": 3, "average_period": 4, "beta_1": 0.5}
    swa = made(TrainSpec(optimizer="swa(lookahead(lookahead(adam)))", optimizer_args=args))

    assert 4 == swa.average_period
    assert [3, 6] == [swa.inner_optimizer.sync_period, swa.inner_optimizer.inner_optimizer.sync_period]
    assert 0.5 == swa.inner_optimizer.inner_optimizer.inner_optimizer.beta_1


@keras_3
@pytest.mark.parametrize(
    ("kind", "args", "rates"),
    [
        ("triangular", {}, [0.01, 0.055, 0.1, 0.01, 0.1]),
        ("triangular", {"step_epochs": 1.0, "initial_learning_rate": 0.0}, [0.0, 0.1, 0.0, 0.0, 0.0]),
        ("triangular2", {"step_size": 20, "maximal_learning_rate": 0.2}, [0.02, 0.11, 0.2, 0.02, 0.11]),
        ("exponential_cyclical", {"gamma": 0.5, "scale_mode": "cycle"}, [0.01, 0.0325, 0.055, 0.01, 0.0325]),
    ],
)
def test_rates_rise_and_fall_by_epochs_or_steps(kind: str, args: dict[str, Any], rates: list[float]) -> None:
    from kit.training.lr_schedule import scheduled_rate

    spec = TrainSpec(learning_rate=0.1, schedule=ScheduleSpec(kind=kind, args=args))
    rate = scheduled_rate(spec, 10, spec.learning_rate)

    assert rates == pytest.approx([float(rate(step)) for step in (0, 10, 20, 40, 60)])


@keras_3
def test_rates_of_a_cycle_grow_with_the_devices() -> None:
    from kit.training.lr_schedule import scheduled_rate

    schedule = ScheduleSpec(kind="triangular", args={"initial_learning_rate": 0.02})
    rate = scheduled_rate(TrainSpec(learning_rate=0.1, schedule=schedule), 10, 0.4)

    assert pytest.approx([0.08, 0.4]) == [float(rate(step)) for step in (0, 20)]


@pytest.mark.skipif(HAS_ADDONS, reason="TensorFlow Addons is here")
@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"train.optimizer": "addons/Lookahead(adamw)"},
            NEEDS_ADDONS,
        ),
        ({"train.optimizer": "addons/MovingAverage(adam)"}, "here, use train.ema=0.99"),
        ({"train.loss": "addons/SigmoidFocalCrossEntropy"}, "here, use train.loss=focal"),
        (
            {"train.schedule.kind": "addons/TriangularCyclicalLearningRate"},
            "here, use train.schedule.kind=triangular",
        ),
    ],
    ids=str,
)
def test_what_addons_is_needed_for_is_refused_before_anything_is_written(
    settings: dict[str, Any], message: str, workspace: Path
) -> None:
    before = sorted(workspace.rglob("*"))

    with pytest.raises(MissingDependencyError, match=re.escape(message)):
        kit.train("tiny", settings=settings, root=workspace)
    with pytest.raises(MissingDependencyError, match=re.escape(message)):
        kit.ablate("tiny", [kit.parse_axis("model.kernel", "2,3")], settings=settings, root=workspace)
    with pytest.raises(MissingDependencyError, match=re.escape(message)):
        kit.find_learning_rate("tiny", settings=settings, root=workspace)
    assert before == sorted(workspace.rglob("*"))


@keras_3
@pytest.mark.usefixtures("tiny")
def test_a_value_that_an_optimizer_refuses_is_named_before_anything_is_written(workspace: Path) -> None:
    settings = {**SETTINGS, "train.optimizer": "lookahead(sgd)", "train.optimizer_args.sync_period": 0}
    before = sorted(workspace.rglob("*"))

    with pytest.raises(
        SpecError,
        match=r"^train\.optimizer_args: lookahead\(sgd\) does not take sync_period=0: sync_period must be at least 1",
    ):
        kit.train("tiny", settings=settings, root=workspace)
    assert before == sorted(workspace.rglob("*"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train.optimizer": "cocob"}, "optimizer cocob has no learning rate to find"),
        ({"train.loss": "addons/WeightedKappaLoss"}, "may be below 0, so its curve is no range test"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("graded")
def test_a_rate_that_cannot_be_tested_is_refused(settings: dict[str, str], message: str, workspace: Path) -> None:
    with pytest.raises(SpecError, match=message):
        kit.find_learning_rate("graded", settings=settings, root=workspace)


@keras_3
@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["lookahead(adamw)", "swa(rectified_adam)"])
@pytest.mark.usefixtures("tiny")
def test_a_rate_is_found_for_an_optimizer_around_another(optimizer: str, workspace: Path) -> None:
    settings = {**SETTINGS, "train.optimizer": optimizer}
    found = kit.find_learning_rate("tiny", settings=settings, root=workspace)

    assert len(found.test.rates) > 20
    assert len(set(found.test.losses)) > 20


@keras_3
@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "args"),
    [("lookahead(adamw)", {"sync_period": 4}), ("swa(sgd)", {"start_averaging": 50, "average_period": 3})],
)
def test_a_wrapped_training_goes_on_from_the_middle_of_an_epoch(
    optimizer: str, args: dict[str, Any], tiny: Dataset, tmp_path: Path
) -> None:
    changes = {
        **SETTINGS,
        "train.batch_size": 2,
        "model.dropout": 0.2,
        "train.optimizer": optimizer,
        **{f"train.optimizer_args.{name}": value for name, value in args.items()},
    }
    spec = run_spec(tiny, "histopathologic-cancer", changes, seed=3)
    whole = finished(tiny, spec, RunDirectory(tmp_path / "whole"))
    parts = RunDirectory(tmp_path / "parts")
    for step in (5, 42 + 13, 2 * 42 + 21):
        stop_at(step, tiny, spec, parts)
        assert parts.checkpoints()[0].steps
    finished(tiny, spec, parts)

    assert_equal(whole, parts)


@keras_3
@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_averaged_weights_are_validated_and_kept(workspace: Path) -> None:
    """Weights of the steps after the 12th and the 15th: their mean is that of two trainings that end there."""
    changes = {**SETTINGS, "train.batch_size": 14, "train.optimizer": "swa(sgd)", "model.bn_position": "none"}
    average = {"train.optimizer_args.start_averaging": 11, "train.optimizer_args.average_period": 6}
    swa = kit.train("tiny", settings={**changes, **average}, root=workspace)
    plain = {**changes, "train.optimizer": "sgd"}
    ends = [kit.train("tiny", settings={**plain, "train.epochs": epochs}, root=workspace) for epochs in (2, 3)]
    kept, *others = (weights(run.last_weights) for run in (swa, *ends))
    names = [name for name in kept if name.startswith("layers/")]

    assert names
    for name in names:
        assert np.allclose(kept[name], (others[0][name] + others[1][name]) / 2, rtol=0, atol=1e-6)


@keras_3
@pytest.mark.slow
@pytest.mark.usefixtures("digits")
def test_an_argument_is_swept_by_an_ablation(workspace: Path) -> None:
    ablation = kit.ablate(
        "digits",
        [
            kit.parse_axis("train.optimizer", "lookahead(sgd),lookahead(adamw)"),
            kit.parse_axis("train.optimizer_args.sync_period", "2,5"),
        ],
        settings={"model.filters": "4", "model.pool": 2, "model.dense": "8", "train.epochs": 1},
        seeds=2,
        jobs=1,
        root=workspace,
    )
    comparison = ablation.compare()

    assert [f"optimizer=lookahead-{inner},sync_period={period}" for inner in ("sgd", "adamw") for period in (2, 5)] == [
        arm.name for arm in comparison.arms
    ]
    assert {2, 5} == {run.spec().train.optimizer_args["sync_period"] for run in ablation.runs}
    histories = {tuple(run.history().column("loss")) for run in ablation.runs}
    assert 8 == len(histories)
    page = kit.write_comparison(comparison, workspace / "compared", html=True)
    del page


@pytest.fixture(scope="module")
def digits(workspace: Path) -> Dataset:
    """Scikit-learn's digits: 1,797 images of ten classes, 8x8 pixels."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    pixels = np.asarray(images.reshape(-1, 8, 8, 1) * 15, np.uint8)
    return kit.shard_arrays(pixels, [str(label) for label in labels], name="digits", root=workspace, workers=1)


@pytest.fixture(scope="module")
def graded(workspace: Path) -> Dataset:
    """60 images of three ordered grades."""
    images = np.random.default_rng(0).integers(0, 255, (60, 8, 8, 3), np.uint8)
    labels = [str(number % 3) for number in range(60)]
    return kit.shard_arrays(images, labels, name="graded", target="grades", root=workspace, workers=1)
