"""Files of weights: in Keras 3 with the optimizer, in Keras 2.15 without, as legacy optimizers cannot save theirs."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from kit.compat.lane import IS_KERAS_3
from kit.compat.optimizers import optimizer_variables
from kit.compat.tensorflow import keras

_OPTIMIZER = "optimizer_variables"  # group in a file of Keras 2.15, beside Keras' own


def save_weights(model: Any, file: Any) -> None:
    """Save a model's weights and the variables of its optimizer, if it has one.

    Args:
        model: Keras model.
        file: HDF5 file to write, a path ending with .weights.h5 or a file in memory of such a name.
    """
    if IS_KERAS_3:
        model.save_weights(file)
        return
    _bare(model).save_weights(file)
    if optimizer := getattr(model, "optimizer", None):
        with h5py.File(file, "a") as opened:
            group = opened.create_group(_OPTIMIZER)
            for index, variable in enumerate(optimizer_variables(optimizer)):
                group[str(index)] = variable.numpy()


def load_weights(model: Any, path: Any) -> None:
    """Load a model's weights, and the variables of its optimizer, if it has one.

    Args:
        model: Keras model; its optimizer must be built.
        path: Path of the file.

    Raises:
        ValueError: The file does not fit the model or its optimizer.
        KeyError: A part is missing in the file.
        OSError: The file is damaged.
    """
    if IS_KERAS_3:
        model.load_weights(str(path))
        return
    _bare(model).load_weights(str(path))
    if optimizer := getattr(model, "optimizer", None):
        _load_optimizer(optimizer, path)


def _load_optimizer(optimizer: Any, path: Any) -> None:
    variables = optimizer_variables(optimizer)
    with h5py.File(path) as file:
        group = file[_OPTIMIZER]
        values = [np.asarray(group[str(index)]) for index in range(len(group))]
    given, own = ([tuple(one.shape) for one in ones] for ones in (values, variables))
    if given != own:
        raise ValueError(f"the optimizer has {len(own)} variables, and other ones than the {len(given)} of the file")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _bare(model: Any) -> Any:
    """Return a model of the same layers without optimizer and metrics, which Keras 2.15 would save too."""
    return keras.Model(model.inputs, model.outputs)
