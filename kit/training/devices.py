"""The devices that a training uses."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from kit.compat import keras, tf
from kit.engines import core_count, gpus
from kit.errors import RunError, SpecError
from kit.specs.device_list import AUTO, NO_GPU, Devices


def prepare_devices(threads: int = 0, devices: Devices = AUTO) -> str:
    """Make the process' devices ready for a reproducible training; call it before the first tensor.

    On CPUs operations are deterministic: equal seeds and threads give equal numbers bit for bit, on one machine and
    with the same packages; other processors sum in another order. On GPUs that would cost speed and refuse some layers,
    so there they are equal to within rounding only; memory is taken as it is needed, so that others can use the GPU.

    Args:
        threads: Threads that operations on CPUs share; 0 is one per core.
        devices: Devices to use; `AUTO` leaves a process as it is that computes already.

    Returns:
        What a user should know about GPUs that are left unused; empty if nothing.

    Raises:
        SpecError: GPUs that are not here, or that TensorFlow cannot use.
        RunError: this process computes on other devices already.
    """
    chosen = _choose_gpus(devices)
    if devices != AUTO:
        _use_only(chosen, devices)
    with contextlib.suppress(RuntimeError):  # already in use: a notebook that has worked with TensorFlow before
        for gpu in chosen:
            tf.config.experimental.set_memory_growth(gpu, enable=True)
        if not chosen:
            tf.config.threading.set_intra_op_parallelism_threads(threads or core_count())
            tf.config.threading.set_inter_op_parallelism_threads(1)  # with more, sums come in the order of the moment
    if not chosen:
        tf.config.experimental.enable_op_determinism()
    return _advice() if devices.kind == "auto" and not chosen else ""


def choose_strategy() -> Any:
    """Mirror the model over the GPUs, or over the logical CPU devices, where there are several; else leave it be."""
    for kind in ("GPU", "CPU"):
        devices = tf.config.list_logical_devices(kind)
        if len(devices) > 1:
            return _mirrored(tuple(device.name for device in devices))
        if devices:
            break
    return tf.distribute.get_strategy()


@functools.cache
def _mirrored(names: Sequence[str]) -> Any:
    """Make the process' one strategy: a second one's collective operations would meet those of the first."""
    return tf.distribute.MirroredStrategy(names)


def _choose_gpus(devices: Devices) -> list[Any]:
    """Find the GPUs that are asked for."""
    if devices.kind == "cpu":
        return []
    if devices.kind == "auto":
        return list(tf.config.get_visible_devices("GPU"))
    found = tf.config.list_physical_devices("GPU")
    if not found:
        raise SpecError(f"devices={devices}: {_advice() or NO_GPU}")
    missing = [number for number in devices.numbers if number >= len(found)]
    if missing:
        known = ", ".join(map(str, range(len(found))))
        raise SpecError(f"devices={devices}: there is no GPU {missing[0]}; this process may use {known}")
    return [found[number] for number in devices.numbers] or list(found)


def _use_only(chosen: list[Any], devices: Devices) -> None:
    try:
        tf.config.set_visible_devices(chosen, "GPU")
        if devices.kind == "cpu":
            (cpu,) = tf.config.list_physical_devices("CPU")
            parts = [tf.config.LogicalDeviceConfiguration()] * devices.count
            tf.config.set_logical_device_configuration(cpu, parts)
    except RuntimeError as error:
        raise RunError(
            f"this process computes on other devices than {devices} already; train in a new one, or leave devices out"
        ) from error


def _advice() -> str:
    """Say what TensorFlow lacks to use the GPUs that are here; empty where there is none."""
    here = len(gpus())
    if not here:
        return ""
    return (
        f"TensorFlow cannot use the {here} NVIDIA GPU{'s' * (here > 1)} of this machine; install what it needs with"
        " pip install 'tensorflow[and-cuda]', and see whether nvidia-smi shows the driver"
    )


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
        "gpus": [
            tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
            for gpu in tf.config.get_visible_devices("GPU")
        ],
        "replicas": choose_strategy().num_replicas_in_sync,
    }
