"""What TensorFlow Addons' optimizers do in 20 steps on scikit-learn's digits, kept in a file.

`python tests/addons_figures.py` writes the file, in an environment of kit[addons]. A test in any other trains the same
network by the counterparts in kit and Keras and compares; a test in the environment of kit[addons] compares Addons with
the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

PATH = Path(__file__).with_suffix(".npz")
STEPS, BATCH = 20, 64
SHAPES = ((64, 16), (16,), (16, 10), (10,))
SHOWN = 30  # one weight in so many is compared, of all layers


@dataclass(frozen=True)
class Made:
    """An optimizer or a schedule: its class by name, and its arguments."""

    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def make(self, *modules: Any) -> Any:
        """Make it by the class of the first module that has one of its name."""
        kind = next(getattr(module, self.kind) for module in modules if hasattr(module, self.kind))
        made = {name: one.make(*modules) if isinstance(one, Made) else one for name, one in self.arguments.items()}
        return kind(**made)


def made(kind: str, **arguments: Any) -> Made:
    return Made(kind, arguments)


@dataclass(frozen=True)
class Case:
    """An optimizer of Addons, and what does the same with Keras 3."""

    addons: Made
    ours: Made


def _same(kind: str, **arguments: Any) -> Case:
    return Case(Made(kind, arguments), Made(kind, arguments))


def _yogi(**arguments: Any) -> Case:
    renamed = {name.replace("beta", "beta_"): value for name, value in arguments.items()}
    return Case(Made("Yogi", arguments), Made("Yogi", renamed))


def _cyclical(prefix: str, scale: str, **arguments: Any) -> Case:
    rates: dict[str, Any] = {"initial_learning_rate": 0.01, "maximal_learning_rate": 0.3, "step_size": 3, **arguments}
    theirs, ours = Made(f"{prefix}CyclicalLearningRate", rates), Made("CyclicalLearningRate", {**rates, "scale": scale})
    return Case(made("SGD", learning_rate=theirs), made("SGD", learning_rate=ours))


_WARM: dict[str, Any] = {"total_steps": 15, "warmup_proportion": 0.3, "min_lr": 1e-4, "learning_rate": 0.01}
_ADAM = made("Adam", learning_rate=0.01)
_SGD = made("SGD", learning_rate=0.1, momentum=0.9)

CASES = {
    "RectifiedAdam": _same("RectifiedAdam"),
    "RectifiedAdam beta_2": _same("RectifiedAdam", learning_rate=0.01, beta_2=0.9, beta_1=0.8),
    "RectifiedAdam weight_decay": _same("RectifiedAdam", learning_rate=0.01, weight_decay=0.05),
    "RectifiedAdam amsgrad": _same("RectifiedAdam", learning_rate=0.01, amsgrad=True, beta_2=0.9, epsilon=1e-3),
    "RectifiedAdam warm-up": _same("RectifiedAdam", **_WARM, beta_2=0.9, weight_decay=0.05),
    "RectifiedAdam sma_threshold": _same("RectifiedAdam", learning_rate=0.01, beta_2=0.95, sma_threshold=8.0),
    "RectifiedAdam clipnorm": _same("RectifiedAdam", learning_rate=0.01, beta_2=0.9, clipnorm=0.01),
    "AdaBelief": _same("AdaBelief"),
    "AdaBelief rectify": _same("AdaBelief", learning_rate=0.01, rectify=False, epsilon=1e-7),
    "AdaBelief amsgrad": _same("AdaBelief", learning_rate=0.01, amsgrad=True, beta_2=0.9, weight_decay=0.05),
    "AdaBelief warm-up": _same("AdaBelief", **_WARM, rectify=False, epsilon=1e-7, weight_decay=0.05),
    "Yogi": _yogi(),
    "Yogi tanh": _yogi(activation="tanh", beta2=0.9, initial_accumulator_value=1e-3),
    "Yogi l1": _yogi(l1_regularization_strength=0.01, l2_regularization_strength=0.1),
    "Yogi l2": _yogi(l2_regularization_strength=0.1),
    "Yogi beta_1": _yogi(beta1=0.0),
    "NovoGrad": _same("NovoGrad", learning_rate=0.01),
    "NovoGrad weight_decay": _same("NovoGrad", learning_rate=0.01, weight_decay=0.05, beta_2=0.9),
    "NovoGrad grad_averaging": _same("NovoGrad", learning_rate=0.05, grad_averaging=True, weight_decay=0.05),
    "NovoGrad amsgrad": _same("NovoGrad", learning_rate=0.01, amsgrad=True, beta_2=0.5),
    "COCOB": _same("COCOB"),
    "COCOB alpha": _same("COCOB", alpha=200.0),
    "Lookahead SGD": _same("Lookahead", optimizer=_SGD),
    "Lookahead Adam": _same("Lookahead", optimizer=_ADAM, sync_period=3, slow_step_size=0.8),
    "Lookahead RectifiedAdam": _same("Lookahead", optimizer=made("RectifiedAdam", learning_rate=0.01), sync_period=2),
    "SWA SGD": _same("SWA", optimizer=_SGD),
    "SWA Adam": _same("SWA", optimizer=_ADAM, start_averaging=3, average_period=4),
    "cyclical triangular": _cyclical("Triangular", "triangular"),
    "cyclical triangular2": _cyclical("Triangular2", "triangular2"),
    "cyclical exponential": _cyclical("Exponential", "exponential", gamma=0.9),
    "cyclical exponential by cycle": _cyclical("Exponential", "exponential", gamma=0.5, scale_mode="cycle"),
    # Keras' own counterparts
    "LazyAdam": Case(made("LazyAdam", learning_rate=0.01), _ADAM),
    "LAMB": Case(made("LAMB", learning_rate=0.01), made("Lamb", learning_rate=0.01, epsilon=1e-6)),
    "AdamW": Case(
        made("AdamW", learning_rate=0.01, weight_decay=1e-3), made("AdamW", learning_rate=0.01, weight_decay=0.1)
    ),
    "SGDW": Case(
        made("SGDW", learning_rate=0.1, momentum=0.9, weight_decay=1e-3),
        made("SGD", learning_rate=0.1, momentum=0.9, weight_decay=1e-2),
    ),
    "MovingAverage": Case(
        made("MovingAverage", optimizer=_ADAM, average_decay=0.8),
        made("Adam", learning_rate=0.01, use_ema=True, ema_momentum=0.8),
    ),
}


@dataclass(frozen=True, eq=False)
class Figures:
    """What a training did: the loss before each step; weights, and averages if there are any, after it."""

    losses: NDArray[np.float32]
    weights: NDArray[np.float32]  # [steps, shown]
    averages: NDArray[np.float32] | None


def initial() -> list[NDArray[np.float32]]:
    """Draw the initial weights."""
    rng = np.random.default_rng(20)
    return [rng.normal(0, 0.2, shape).astype(np.float32) for shape in SHAPES]


def shown(arrays: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Choose the weights that are compared."""
    return np.concatenate([array.ravel() for array in arrays])[::SHOWN]


def train(keras: Any, optimizer: Any, averages: Any) -> Figures:
    """Train a network of one hidden layer; the averages are of the weights in their order, or None."""
    import tensorflow as tf

    dense = keras.layers.Dense
    model = keras.Sequential([keras.layers.Input((64,)), dense(16, activation="relu"), dense(10)])
    model.set_weights(initial())
    losses, weights, averaged = [], [], []
    for images, labels in _batches():
        with tf.GradientTape() as tape:
            logits = model(images)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        losses.append(loss.numpy())
        weights.append(shown(model.get_weights()))
        if kept := averages(optimizer, model.trainable_variables):
            averaged.append(shown([variable.numpy() for variable in kept]))
    return Figures(np.asarray(losses), np.stack(weights), np.stack(averaged) if averaged else None)


def _batches() -> list[tuple[NDArray[np.float32], NDArray[np.int32]]]:
    digits = load_digits()
    images, labels = (digits.data / 16).astype(np.float32), digits.target.astype(np.int32)
    return [(images[begin:][:BATCH], labels[begin:][:BATCH]) for begin in range(0, STEPS * BATCH, BATCH)]


def measure(case: Case) -> Figures:
    """Train by an optimizer of Addons."""
    import tensorflow as tf
    import tensorflow_addons as tfa

    keras = tf.keras
    optimizer = case.addons.make(tfa.optimizers, keras.optimizers.legacy)
    return train(keras, optimizer, _averages)


def _averages(optimizer: Any, variables: list[Any]) -> list[Any] | None:
    if "average" not in optimizer.get_slot_names():
        return None
    return [optimizer.get_slot(variable, "average") for variable in variables]


def read() -> dict[str, Figures]:
    """Read the file."""
    with np.load(PATH) as kept:
        return {
            name: Figures(kept[f"{name}/losses"], kept[f"{name}/weights"], kept.get(f"{name}/averages"))
            for name in CASES
        }


def main() -> None:
    """Write the file."""
    arrays = {}
    for name, case in CASES.items():
        figures = measure(case)
        arrays |= {f"{name}/losses": figures.losses, f"{name}/weights": figures.weights}
        if figures.averages is not None:
            arrays[f"{name}/averages"] = figures.averages
    np.savez_compressed(PATH, **arrays)


if __name__ == "__main__":
    main()
