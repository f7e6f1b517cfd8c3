"""TensorFlow and its Keras, imported once and quietly.

The one door to both: it serves TensorFlow 2.15 with Keras 2 and TensorFlow from 2.16 on with Keras 3. TensorFlow
prints start-up lines from C++ before any log level counts, so standard error is held during the import.
"""

from __future__ import annotations

import os

from kit.stderr import held_stderr, is_verbose

if not is_verbose():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

with held_stderr():
    import tensorflow as tf

    keras = tf.keras
    tf.config.list_physical_devices()  # looks for GPUs, and complains where there are none

if not is_verbose():
    tf.get_logger().setLevel("ERROR")

__all__ = ["keras", "tf"]
