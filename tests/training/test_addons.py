"""Optimizers, losses and schedules of TensorFlow Addons by name, in its environment."""

from __future__ import annotations

import math
import re
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
from kit.specs.addons import addons
from kit.specs.optimizers import OWN, optimizer_entries
from kit.specs.schedule import ScheduleSpec
from kit.targets.grades import Grades
from kit.targets.head import Head
from kit.targets.tags import Tags
from kit.targets.values import Values
from kit.training.request import run_spec
from tests.training.test_optimizers import VALUES, assert_restored, finished, made, stop_at
from tests.training.test_resume import assert_equal
from tests.training.test_training import weights

pytestmark = pytest.mark.addons

ENTRIES = {name: entry for name, entry in optimizer_entries().items() if entry.is_of_addons}
INSIDE = [entry.name for entry in OWN if entry.inside_addons]
GIVEN = [
    (name, argument, entry.choices[argument][-1] if kind == "text" else VALUES[kind])
    for name, entry in ENTRIES.items()
    for argument, kind in entry.arguments.items()
]


def in_addons(name: str) -> str:
    return f"{name}(sgd)" if ENTRIES[name].wraps else name


@pytest.mark.parametrize("name", ENTRIES)
def test_every_optimizer_learns_and_goes_on_from_its_saved_state(name: str, tmp_path: Path) -> None:
    assert_restored(TrainSpec(optimizer=in_addons(name)), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("inner", [*INSIDE, *(name for name, entry in ENTRIES.items() if not entry.wraps)])
def test_lookahead_goes_around_every_optimizer(inner: str, tmp_path: Path) -> None:
    assert_restored(TrainSpec(optimizer=f"addons/Lookahead({inner})"), tmp_path)


@pytest.mark.parametrize(("name", "argument", "value"), GIVEN)
def test_an_argument_reaches_its_optimizer(name: str, argument: str, value: Any) -> None:
    value = 3.0 if (name, argument) == ("addons/COCOB", "alpha") else value
    optimizer = made(TrainSpec(optimizer=in_addons(name), optimizer_args={argument: value}))
    config = optimizer.get_config()
    held = {**{name.lstrip("_"): kept for name, kept in vars(optimizer).items()}, **config}

    reached = held[argument]

    assert pytest.approx(value) == reached if isinstance(value, float) else value == reached


@pytest.mark.parametrize("kind", ["constant", "cosine"])
@pytest.mark.parametrize("optimizer", ["addons/AdamW", "addons/SGDW", "addons/Lookahead(adamw)"])
def test_weight_decay_is_multiplied_by_the_rate_of_each_step(optimizer: str, kind: str) -> None:
    """Without gradients a step takes the rate of the step times the decay from a weight, as with Keras' AdamW."""
    from kit.compat import build_optimizer, keras, learning_rate, tf

    args = {"sync_period": 100} if "Lookahead" in optimizer else {}
    spec = TrainSpec(
        optimizer=optimizer,
        learning_rate=0.1,
        weight_decay=0.5,
        epochs=2,
        schedule=ScheduleSpec(kind=kind),  # type: ignore[arg-type]
        optimizer_args=args,
    )
    weight = tf.Variable([2.0])
    model = keras.Sequential([keras.layers.Input((1,))])
    model.compile(optimizer=made(spec), loss="mse")
    build_optimizer(model.optimizer, [weight])
    expected = 2.0
    for _ in range(4):
        expected *= 1 - learning_rate(model.optimizer) * 0.5
        model.optimizer.apply_gradients([(tf.constant([0.0]), weight)])

    assert pytest.approx(expected, abs=1e-6) == float(weight[0])


def test_a_rate_that_is_set_is_that_of_the_decay_too() -> None:
    from kit.compat import build_optimizer, tf

    optimizer = made(TrainSpec(optimizer="addons/AdamW", learning_rate=0.1, weight_decay=0.5))
    weight = tf.Variable([2.0])
    build_optimizer(optimizer, [weight])
    optimizer.learning_rate = 0.2
    optimizer.apply_gradients([(tf.constant([0.0]), weight)])

    assert pytest.approx(2.0 * (1 - 0.1)) == float(weight[0])


@pytest.mark.parametrize("entry", [one for one in addons("schedule") if not one.reason], ids=lambda one: one.name)
def test_rates_are_those_of_addons(entry: Any) -> None:
    import tensorflow_addons as tfa

    from kit.training.lr_schedule import scheduled_rate

    more = {"gamma": 0.9} if "gamma" in entry.arguments else {}
    args = {"maximal_learning_rate": 0.3, "initial_learning_rate": 0.02, "step_size": 7, **more}
    spec = TrainSpec(schedule=ScheduleSpec(kind=f"addons/{entry.name}", args=args))
    rate, wanted = scheduled_rate(spec, 10, spec.learning_rate), getattr(tfa.optimizers, entry.name)(**args)

    for step in range(30):
        assert float(wanted(step)) == pytest.approx(float(rate(step)), rel=1e-6)


def test_cycles_are_given_by_epochs_and_the_training_s_rate() -> None:
    from kit.training.lr_schedule import scheduled_rate

    spec = TrainSpec(learning_rate=0.1, schedule=ScheduleSpec(kind="addons/TriangularCyclicalLearningRate"))
    rate = scheduled_rate(spec, 10, 0.1)

    assert pytest.approx([0.01, 0.055, 0.1, 0.01], rel=1e-5) == [float(rate(step)) for step in (0, 10, 20, 40)]


def loss_of(head: Head, loss: str, truth: np.ndarray, outputs: np.ndarray, **args: Any) -> float:
    from kit.training.losses import make_loss

    made_loss = make_loss(TrainSpec(loss=loss, loss_args=args), head)
    return float(made_loss(truth.astype(np.float32), outputs.astype(np.float32)))


def test_pinball_loss_is_the_mean_over_images_and_values() -> None:
    head = Values.of(("x", "y"), ["0 1", "1 3"]).head("value", "addons/PinballLoss")
    truth, outputs = np.asarray([[0.0, 1.0], [2.0, -1.0]]), np.asarray([[1.0, 0.5], [0.0, 0.0]])
    error = truth - outputs

    assert float(np.mean(np.maximum(0.9 * error, -0.1 * error))) == pytest.approx(
        loss_of(head, "addons/PinballLoss", truth, outputs, tau=0.9)
    )


def test_sigmoid_focal_loss_is_the_mean_over_images_of_the_sum_over_tags() -> None:
    head = Tags(names=("a", "b")).head("tags", "addons/SigmoidFocalCrossEntropy")
    truth, outputs = np.asarray([[0.0, 1.0], [1.0, 1.0]]), np.asarray([[0.2, 0.6], [0.9, 0.3]])
    chance = np.where(truth == 1, outputs, 1 - outputs)
    weight = np.where(truth == 1, 0.4, 0.6)
    expected = np.mean(np.sum(-weight * (1 - chance) ** 1.5 * np.log(chance), axis=1))

    assert float(expected) == pytest.approx(
        loss_of(head, "addons/SigmoidFocalCrossEntropy", truth, outputs, alpha=0.4, gamma=1.5), rel=1e-5
    )


def test_weighted_kappa_loss_is_the_logarithm_of_kappa_s_complement() -> None:
    from sklearn.metrics import cohen_kappa_score

    head = Grades(names=("low", "mid", "high")).head("classes", "addons/WeightedKappaLoss")
    truth, guessed = np.asarray([0, 1, 2, 2, 1, 0]), np.asarray([0, 2, 2, 1, 1, 1])
    kappa = cohen_kappa_score(truth, guessed, weights="linear")
    found = loss_of(head, "addons/WeightedKappaLoss", np.eye(3)[truth], np.eye(3)[guessed], weightage="linear")

    assert math.log(1 - kappa + 1e-6) == pytest.approx(found, rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train.optimizer": "lookahead(adamw)"}, r"train.optimizer=lookahead(adamw) (here: addons/Lookahead(adamw))"),
        ({"train.optimizer": "lamb"}, r"train.optimizer=lamb (here: addons/LAMB) needs Keras 3"),
        (
            {"train.schedule.kind": "triangular"},
            r"train.schedule.kind=triangular (here: addons/TriangularCyclicalLearningRate) needs Keras 3",
        ),
    ],
    ids=str,
)
@pytest.mark.usefixtures("tiny")
def test_what_needs_keras_3_is_refused_before_anything_is_written(
    settings: dict[str, Any], message: str, workspace: Path
) -> None:
    before = sorted(workspace.rglob("*"))

    with pytest.raises(MissingDependencyError, match=re.escape(message)):
        kit.train("tiny", settings=settings, root=workspace)
    assert before == sorted(workspace.rglob("*"))


@pytest.mark.usefixtures("tiny")
def test_a_loss_of_addons_smooths_no_labels(workspace: Path) -> None:
    settings = {**SETTINGS, "train.loss": "addons/SigmoidFocalCrossEntropy", "train.label_smoothing": 0.1}

    with pytest.raises(SpecError, match=r"addons/SigmoidFocalCrossEntropy takes no train\.label_smoothing, got 0\.1"):
        kit.train("tiny", settings=settings, root=workspace)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "args"),
    [
        ("addons/Lookahead(adamw)", {"sync_period": 4}),
        ("addons/SWA(sgd)", {"start_averaging": 50, "average_period": 3}),
        ("addons/MovingAverage(adam)", {"average_decay": 0.9}),
    ],
)
def test_a_training_goes_on_from_the_middle_of_an_epoch(
    optimizer: str, args: dict[str, Any], tiny: Dataset, tmp_path: Path
) -> None:
    changes = {
        **SETTINGS,
        "train.batch_size": 2,
        "train.optimizer": optimizer,
        **{f"train.optimizer_args.{name}": value for name, value in args.items()},
    }
    spec = run_spec(tiny, "histopathologic-cancer", changes, seed=3)
    whole = finished(tiny, spec, RunDirectory(tmp_path / "whole"))
    parts = RunDirectory(tmp_path / "parts")
    for step in (5, 42 + 13, 2 * 42 + 21):
        stop_at(step, tiny, spec, parts)
    finished(tiny, spec, parts)

    assert_equal(whole, parts)


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_arms_of_addons_are_trained_and_compared(workspace: Path) -> None:
    ablation = kit.ablate(
        "tiny",
        [kit.parse_axis("train.optimizer", "adam,addons/RectifiedAdam,addons/Lookahead(adamw)")],
        settings=SETTINGS,
        seeds=2,
        jobs=1,
        root=workspace,
    )

    assert not ablation.failed
    assert ["optimizer=adam", "optimizer=addons-RectifiedAdam", "optimizer=addons-Lookahead-adamw"] == [
        arm.name for arm in ablation.compare().arms
    ]
    assert 6 == len({tuple(run.history().column("loss")) for run in ablation.runs})
    assert weights(ablation.runs[0].last_weights)
