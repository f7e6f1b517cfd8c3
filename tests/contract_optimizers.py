"""Optimizers of kit with other arguments than by default, and small trainings by them.

As a script it trains by each of them on two logical devices, and prints the weights as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

BATCHES, BATCH = 8, 16


def _rectified_adam(**arguments: Any) -> Any:
    from kit.optimizers import RectifiedAdam

    return RectifiedAdam(**{"learning_rate": 0.02, "beta_2": 0.9, "amsgrad": True, **arguments})


def _ada_belief(**arguments: Any) -> Any:
    from kit.optimizers import AdaBelief

    return AdaBelief(**{"learning_rate": 0.02, "rectify": False, "epsilon": 1e-7, **arguments})


def _yogi(**arguments: Any) -> Any:
    from kit.optimizers import Yogi

    return Yogi(**{"learning_rate": 0.02, "activation": "tanh", **arguments})


def _novo_grad(**arguments: Any) -> Any:
    from kit.optimizers import NovoGrad

    return NovoGrad(**{"learning_rate": 0.02, "beta_2": 0.9, "amsgrad": True, "grad_averaging": True, **arguments})


def _cocob(**arguments: Any) -> Any:
    from kit.optimizers import COCOB

    return COCOB(alpha=10.0, **arguments)


def _lookahead(*, use_ema: bool = True, ema_momentum: float = 0.5, **arguments: Any) -> Any:
    from kit.optimizers import Lookahead

    return Lookahead(_adam(**arguments), sync_period=3, use_ema=use_ema, ema_momentum=ema_momentum)


def _swa(**arguments: Any) -> Any:
    from kit.optimizers import SWA

    return SWA(_adam(**arguments), start_averaging=2, average_period=3)


def _swa_lookahead(**arguments: Any) -> Any:
    from kit.optimizers import SWA

    return SWA(_lookahead(**arguments), average_period=2)


def _adam(**arguments: Any) -> Any:
    from kit.compat import keras

    return keras.optimizers.Adam(**{"learning_rate": 0.02, **arguments})


OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "RectifiedAdam": _rectified_adam,
    "AdaBelief": _ada_belief,
    "Yogi": _yogi,
    "NovoGrad": _novo_grad,
    "COCOB": _cocob,
    "Lookahead": _lookahead,
    "SWA": _swa,
    "SWA of Lookahead": _swa_lookahead,
}


def rates() -> Any:
    """Make a cyclical schedule."""
    from kit.optimizers import CyclicalLearningRate

    return CyclicalLearningRate(0.01, 0.1, step_size=2.0, scale="triangular2")


def model_with(optimizer: Any, **compiled: Any) -> Any:
    """Build and compile a linear model, whose initial weights are always the same."""
    from kit.compat import keras

    model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(4)])
    model.set_weights([np.random.default_rng(3).normal(size=(8, 4)), np.zeros(4)])
    model.compile(optimizer, "mse", **{"run_eagerly": not compiled, **compiled})
    model.optimizer.build(model.trainable_variables)
    return model


def batches() -> tuple[Any, Any]:
    """Draw the images, as it were, of all batches, and their labels."""
    rng = np.random.default_rng(5)
    return tuple(rng.normal(size=(BATCHES * BATCH, size)).astype(np.float32) for size in (8, 4))


def trained(model: Any, steps: int, *, begin: int = 0, parts: int = 1) -> Any:
    """Train for some steps, of parts of batches."""
    images, labels = batches()
    size = BATCH // parts
    for index in range(begin, begin + steps):
        model.train_on_batch(images[index * size :][:size], labels[index * size :][:size])
    return model


def fitted(model: Any) -> Any:
    """Train by Keras' loop over all batches; averages stay where they are at its end."""
    model.optimizer.finalize_variable_values = lambda _: None
    model.fit(*batches(), batch_size=BATCH, shuffle=False, verbose=0)
    return model


def step(model: Any, index: int, *, gradient: float | None = None) -> None:
    """Train for one step; with a gradient, all gradients are this number."""
    if gradient is None:
        trained(model, 1, begin=index)
        return
    gradients = [np.full(variable.shape, gradient, np.float32) for variable in model.trainable_variables]
    model.optimizer.apply(gradients, model.trainable_variables)


def averaged(model: Any) -> list[Any]:
    """Return the averages that the optimizer keeps."""
    optimizer = model.optimizer
    if hasattr(optimizer, "averages"):
        kept = optimizer.averages()
    else:
        kept = optimizer._model_variables_moving_average if optimizer.use_ema else None  # noqa: SLF001
    return [variable.numpy() for variable in kept or ()]


def ended(model: Any) -> list[Any]:
    """Return the weights, their averages if there are any, and the weights that Keras ends a training with."""
    found = [*model.get_weights(), *averaged(model)]
    type(model.optimizer).finalize_variable_values(model.optimizer, model.trainable_variables)
    return [*found, *model.get_weights()]


def main() -> None:
    """Print the weights of trainings on two logical devices."""
    from kit.compat import tf

    device = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)
    weights = {}
    for name, make in OPTIMIZERS.items():
        with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
            model = model_with(make(), jit_compile=False)
        weights[name] = [weight.ravel().tolist() for weight in ended(fitted(model))]
    print(json.dumps(weights))  # noqa: T201 (read by the test)


if __name__ == "__main__":
    main()
