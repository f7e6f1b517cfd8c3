"""Figures of TensorFlow Addons for names that the table of addons says Keras 3 has under another name.

`PYTHONPATH=. python tests/addons_today.py` in an environment of kit[addons] writes tests/specs/addons_today.json.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tests.addons_metrics import imported

FIGURES = Path(__file__).parent / "specs" / "addons_today.json"

START = [1.0, -2.0, 0.5, 3.0]
GRADIENTS = [[0.1, -0.2, 0.3, 0.0], [0.2, 0.1, -0.3, 0.4], [-0.1, 0.3, 0.2, 0.1], [0.05, 0.0, 0.1, -0.2]]
TRUTH = [[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]
CHANCES = [[0.9, 0.2, 0.4], [0.3, 0.6, 0.8]]
POINTS = [[-2.0, -0.6, -0.3], [0.1, 0.7, 2.5]]
IMAGE = (np.arange(4 * 6 * 4).reshape(1, 4, 6, 4) * 7 % 11 / 10).tolist()
TRANSFORM = [0.9, 0.1, 0.3, -0.1, 1.1, 0.2, 0.0, 0.0]


def optimizers(tfa: ModuleType) -> dict[str, Any]:
    """Make the optimizers that have an equal in Keras 3."""
    import tensorflow as tf

    found = tfa.optimizers
    return {
        "AdamW": found.AdamW(weight_decay=0.02, learning_rate=0.1),
        "SGDW": found.SGDW(weight_decay=0.02, learning_rate=0.1, momentum=0.9),
        "LAMB": found.LAMB(learning_rate=0.1),
        "LazyAdam": found.LazyAdam(learning_rate=0.1),
        "ProximalAdagrad": found.ProximalAdagrad(learning_rate=0.1),
        "MovingAverage": found.MovingAverage(tf.keras.optimizers.legacy.SGD(0.1), average_decay=0.9),
    }


def weights(optimizer: Any) -> Any:
    """Take some steps, and return the weights, or their averages."""
    import tensorflow as tf

    variable = tf.Variable(START)
    for gradient in GRADIENTS:
        optimizer.apply_gradients([(tf.constant(gradient), variable)])
    if hasattr(optimizer, "assign_average_vars"):
        optimizer.assign_average_vars([variable])
    return variable.numpy()


def figures(tfa: ModuleType) -> dict[str, Any]:
    """Compute Addons' figures by name."""
    made = {name: weights(optimizer) for name, optimizer in optimizers(tfa).items()}
    truth, chances, points, image = (np.array(each, np.float32) for each in (TRUTH, CHANCES, POINTS, IMAGE))
    made["SigmoidFocalCrossEntropy"] = tfa.losses.SigmoidFocalCrossEntropy(alpha=0.3, gamma=1.5)(truth, chances)
    made["PinballLoss"] = tfa.losses.PinballLoss(tau=0.5)(truth, chances)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what is in Keras today
        for name in ("gelu", "mish", "tanhshrink", "sparsemax", "lisht"):
            made[name] = getattr(tfa.activations, name)(points)
        made["hardshrink"] = tfa.activations.hardshrink(points, -0.4, 0.4)
        made["softshrink"] = tfa.activations.softshrink(points, -0.4, 0.4)
    made["snake"] = tfa.activations.snake(points, 0.7)
    made["GroupNormalization"] = tfa.layers.GroupNormalization(groups=2)(image)
    made["InstanceNormalization"] = tfa.layers.InstanceNormalization()(image)
    made["AdaptiveAveragePooling2D"] = tfa.layers.AdaptiveAveragePooling2D((2, 3))(image)
    made["AdaptiveMaxPooling2D"] = tfa.layers.AdaptiveMaxPooling2D((2, 3))(image)
    made["interpolate_bilinear"] = tfa.image.interpolate_bilinear(image, [[[0.5, 1.25], [2.0, 3.5]]])
    made["transform"] = tfa.image.transform(image, TRANSFORM, interpolation="bilinear")
    absent = np.eye(4, dtype=np.float32)[[0, 1, 1]], np.eye(4, dtype=np.float32)[[0, 1, 0]]
    made["F1Score"] = _result(tfa.metrics.F1Score(num_classes=4, average="macro"), *absent)
    made["RSquare"] = _result(tfa.metrics.RSquare(num_regressors=2), truth, chances)
    made["HammingLoss"] = _result(tfa.metrics.HammingLoss(mode="multilabel", threshold=0.5), truth, chances)
    return {name: np.round(np.asarray(figure, float), 8).tolist() for name, figure in made.items()}


def _result(metric: Any, truth: Any, prediction: Any) -> Any:
    metric.update_state(truth, prediction)
    return metric.result()


def main() -> None:
    """Write the figures."""
    lines = [f"{json.dumps(name)}: {json.dumps(figure)}" for name, figure in figures(imported()).items()]
    FIGURES.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
