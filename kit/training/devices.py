"""The devices that a training uses."""

from __future__ import annotations

import contextlib
import os
import platform
from importlib import metadata
from typing import Any

from kit.compat import keras, tf
from kit.engines import core_count


def prepare_devices(threads: int = 0) -> None:
    """Make the process' devices ready for a reproducible training; call it before the first tensor.

    On CPUs operations are deterministic: equal seeds and threads give equal numbers bit for bit. On GPUs that
    would cost speed and refuse some layers, so there they are equal to within rounding only; memory is taken as it is
    needed, so that others can use the GPU.

    Args:
        threads: that operations on CPUs share; 0 is one a core.
    """
    gpus = tf.config.list_physical_devices("GPU")
    with contextlib.suppress(RuntimeError):  # already in use: a notebook that has worked with TensorFlow before
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, enable=True)
        if not gpus:
            tf.config.threading.set_intra_op_parallelism_threads(threads or core_count())
            tf.config.threading.set_inter_op_parallelism_threads(1)  # with more, sums come in the order of the moment
    if not gpus:
        tf.config.experimental.enable_op_determinism()


def choose_strategy() -> Any:
    """Mirror the model over the GPUs, or over the logical CPU devices, where there are several; else leave it be."""
    for kind in ("GPU", "CPU"):
        devices = tf.config.list_logical_devices(kind)
        if len(devices) > 1:
            return tf.distribute.MirroredStrategy([device.name for device in devices])
        if devices:
            break
    return tf.distribute.get_strategy()


def describe_environment() -> dict[str, Any]:
    """Versions and devices, for environment.json."""
    return {
        "kit": metadata.version("kit"),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": getattr(keras, "__version__", None) or keras.version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "devices": [device.name for device in tf.config.list_logical_devices()],
    }
