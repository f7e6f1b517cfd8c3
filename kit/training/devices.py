"""Devices of a training: GPUs or CPU, threads and distribution strategy."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from kit.compat import keras_version, tf
from kit.engines import core_count, gpus
from kit.errors import RunError, SpecError
from kit.specs.device_list import AUTO, NO_GPU, Devices


def prepare_devices(threads: int = 0, devices: Devices = AUTO) -> str:
    """Configure the process' devices for a reproducible training; to be called before the first tensor.

    On CPUs operations are deterministic: equal seeds and threads give bit-equal results on one machine with the same
    packages; other processors sum in another order. On GPUs determinism would cost speed and exclude some layers, so
    results there are equal to within rounding only; memory is allocated as needed, so that others can use the GPU.

    Args:
        threads: Number of threads shared by operations on CPUs; 0 is one per core.
        devices: Devices to use; `AUTO` does not change a process that has used TensorFlow already.

    Returns:
        Advice about unused GPUs; empty if there are none.

    Raises:
        SpecError: Requested GPUs do not exist, or TensorFlow cannot use them.
        RunError: The process uses other devices already.
    """
    chosen = _choose_gpus(devices)
    if devices != AUTO:
        _use_only(chosen, devices)
    with contextlib.suppress(RuntimeError):  # TensorFlow is already in use, as in a notebook
        for gpu in chosen:
            tf.config.experimental.set_memory_growth(gpu, enable=True)
        if not chosen:
            tf.config.threading.set_intra_op_parallelism_threads(threads or core_count())
            tf.config.threading.set_inter_op_parallelism_threads(1)  # with more, the order of sums varies
    if not chosen:
        tf.config.experimental.enable_op_determinism()
    return _advice() if devices.kind == "auto" and not chosen else ""


def choose_strategy() -> Any:
    """Mirror the model over several GPUs or logical CPU devices; the default strategy for a single one.

    In a process that has joined others it is theirs.
    """
    if _joined:
        return _joined[0]
    for kind in ("GPU", "CPU"):
        devices = tf.config.list_logical_devices(kind)
        if len(devices) > 1:
            return _mirrored(tuple(device.name for device in devices))
        if devices:
            break
    return tf.distribute.get_strategy()


_joined: list[Any] = []  # the strategy of this process with others


def join_workers() -> Any:
    """Make the strategy over the machines that TF_CONFIG names, which waits for all of them.

    Returns:
        A tf.distribute.MultiWorkerMirroredStrategy, from now on this process' only strategy.

    Raises:
        RunError: The process has computed already.
    """
    try:
        _joined[:] = [tf.distribute.MultiWorkerMirroredStrategy()]
    except RuntimeError as error:
        raise RunError("this process has used TensorFlow already; train on several machines in a new one") from error
    return _joined[0]


@functools.cache
def _mirrored(names: Sequence[str]) -> Any:
    """Make the process' only strategy: the collective operations of a second one would clash with the first's."""
    return tf.distribute.MirroredStrategy(names)


def _choose_gpus(devices: Devices) -> list[Any]:
    """Return the requested GPUs."""
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
    """Write advice if TensorFlow cannot use the machine's GPUs; empty if there are none."""
    here = len(gpus())
    if not here:
        return ""
    return (
        f"TensorFlow cannot use the {here} NVIDIA GPU{'s' * (here > 1)} of this machine; install what it needs with"
        " pip install 'tensorflow[and-cuda]', and see whether nvidia-smi shows the driver"
    )


def describe_environment() -> dict[str, Any]:
    """Collect versions and devices for environment.json."""
    return {
        "kit": metadata.version("kit"),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras_version(),
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
