"""Operations that several machines do together: one that waits for a machine which is gone must be ended."""

from __future__ import annotations

from kit.compat.tensorflow import tf


def abort_collectives(why: str) -> None:
    """End what waits for other machines with an error, now and later; TensorFlow's public names have nothing for it.

    Args:
        why: Reason, which the error repeats.
    """
    from tensorflow.python.eager import context  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415 (after tf)

    context.context().abort_collective_ops(tf.errors.UNAVAILABLE, why)
