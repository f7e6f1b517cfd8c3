"""Imports TensorFlow and its Keras without start-up messages.

The only module that imports them: TensorFlow 2.15 with Keras 2, or TensorFlow from 2.16 on with Keras 3. TensorFlow
prints start-up lines from C++ before log levels apply, so standard error is held back during the import.
"""

from __future__ import annotations

import os

from kit.stderr import held_stderr, is_verbose

if not is_verbose():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

with held_stderr():
    import tensorflow as tf

    keras = tf.keras
    tf.config.list_physical_devices()  # warns if there are no GPUs

if not is_verbose():
    tf.get_logger().setLevel("ERROR")

__all__ = ["keras", "tf"]
