"""TensorFlow and its Keras, and every difference between Keras 2.15 and Keras 3.

kit runs in two lanes: on the newest TensorFlow, which brings Keras 3, and on TensorFlow 2.15 with Keras 2.15, the last
that TensorFlow Addons works with. No other room asks for a version: what differs is a function here.
"""

from kit.compat.collectives import abort_collectives
from kit.compat.dropout import dropout_states, initial_seed, own_dropout
from kit.compat.lane import (
    IS_KERAS_3,
    keras_version,
    needs_keras_3,
    note_other_lane,
    refuse_other_lane,
    tensorflow_version,
    writes_keras_files,
)
from kit.compat.operations import function_model, ops, quotient
from kit.compat.optimizers import averages, build_optimizer, learning_rate, optimizer_variables
from kit.compat.steps import build_metrics, jit_setting
from kit.compat.tensorflow import keras, tf
from kit.compat.weights import load_weights, save_weights

__all__ = [
    "IS_KERAS_3",
    "abort_collectives",
    "averages",
    "build_metrics",
    "build_optimizer",
    "dropout_states",
    "function_model",
    "initial_seed",
    "jit_setting",
    "keras",
    "keras_version",
    "learning_rate",
    "load_weights",
    "needs_keras_3",
    "note_other_lane",
    "ops",
    "optimizer_variables",
    "own_dropout",
    "quotient",
    "refuse_other_lane",
    "save_weights",
    "tensorflow_version",
    "tf",
    "writes_keras_files",
]
