"""TensorFlow and its Keras, imported once and quietly.

The one door to both: it serves TensorFlow 2.15 with Keras 2 and TensorFlow from 2.16 on with Keras 3. TensorFlow
prints start-up lines from C++ before any log level counts, so standard error is held during the import, and let
out if the import fails or KIT_VERBOSE is set.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

VERBOSE = "KIT_VERBOSE"  # environment variable, so that worker processes see it too


@contextlib.contextmanager
def _held_stderr() -> Iterator[None]:
    if os.environ.get(VERBOSE):
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


if not os.environ.get(VERBOSE):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

with _held_stderr():
    import tensorflow as tf

    keras = tf.keras
    _DEVICES = tf.config.list_physical_devices()  # looks for GPUs, and complains where there are none

if not os.environ.get(VERBOSE):
    tf.get_logger().setLevel("ERROR")

__all__ = ["VERBOSE", "keras", "tf"]
