"""How batches are prepared beside a model that learns from them."""

from __future__ import annotations

from typing import Any

from kit.compat import tf
from kit.engines import core_count


def parallel_calls(*, is_light: bool = False) -> int:
    """Say how many elements of a pipeline are worked on at a time.

    Where the model computes on the same cores, as many as operations have threads, or one if little is done with each:
    more would only disturb the model. TensorFlow chooses where it computes on a GPU.
    """
    if _on_gpu():
        return int(tf.data.AUTOTUNE)
    return 1 if is_light else _threads() or core_count()


def read_ahead() -> int:
    """Say how many finished batches wait for the model: one to take, one to make."""
    return int(tf.data.AUTOTUNE) if _on_gpu() else 2


def as_written(batches: Any) -> Any:
    """Prepare batches as the pipeline is written, on as many threads as operations have.

    The threads that run the model's operations side by side may be one, see `prepare_devices`. TensorFlow's
    optimizations of a pipeline find nothing to improve in these, but copy the images that they hold in memory; and
    its tuning takes cores from the model in turns: a small one was up to a quarter slower.
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
