"""Imports TensorFlow and its Keras without start-up messages.

The only module that imports them: TensorFlow 2.15 with Keras 2, or TensorFlow from 2.16 on with Keras 3. TensorFlow
prints start-up lines from C++ before log levels apply, so standard error is held back during the import.
"""

from __future__ import annotations

import os

from kit.errors import MissingDependencyError
from kit.stderr import held_stderr, is_verbose

if not is_verbose():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

with held_stderr():
    import tensorflow as tf

    keras = tf.keras
    tf.config.list_physical_devices()  # warns if there are no GPUs

if not is_verbose():
    tf.get_logger().setLevel("ERROR")

__all__ = ["keras", "needs_keras_3", "tf"]


def needs_keras_3(what: str) -> None:
    """Refuse something that Keras 2.15 lacks.

    Args:
        what: Subject of the message, such as "format 'keras'".

    Raises:
        MissingDependencyError: This environment has Keras 2.15.
    """
    if not hasattr(keras, "ops"):
        raise MissingDependencyError(f"{what} needs Keras 3: use an environment of kit without the extra addons for it")
