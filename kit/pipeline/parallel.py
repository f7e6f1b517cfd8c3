"""Parallelism of input pipelines beside a model in training."""

from __future__ import annotations

from typing import Any

from kit.compat import tf
from kit.engines import core_count


def parallel_calls(*, is_light: bool = False) -> int:
    """Return the number of parallel calls of a pipeline's map.

    If the model computes on the same cores, it is the number of threads of operations, or one for light work: more
    would slow the model down. TensorFlow chooses it if the model computes on a GPU.
    """
    if _on_gpu():
        return int(tf.data.AUTOTUNE)
    return 1 if is_light else _threads() or core_count()


def read_ahead() -> int:
    """Return the number of prefetched batches: one to take, one to make."""
    return int(tf.data.AUTOTUNE) if _on_gpu() else 2


def as_written(batches: Any) -> Any:
    """Run a pipeline without TensorFlow's optimizations, on as many threads as operations have.

    The model may have a single inter-op thread, see `prepare_devices`. TensorFlow's optimizations do not improve these
    pipelines, but copy images held in memory; and its autotuning takes cores from the model at intervals: a small model
    was up to a quarter slower.
    """
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    options.autotune.enabled = _on_gpu()
    options.threading.private_threadpool_size = _threads()
    return batches.with_options(options)


def _threads() -> int:
    return int(tf.config.threading.get_intra_op_parallelism_threads())


def _on_gpu() -> bool:
    return bool(tf.config.list_logical_devices("GPU"))
