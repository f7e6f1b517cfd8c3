"""Mixed precision: what the layers of a model compute in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from kit.compat import keras
from kit.specs.train import Precision


@contextlib.contextmanager
def computing_in(precision: Precision) -> Iterator[None]:
    """Set the precision of layers that are made meanwhile; Keras' own setting is global to the process.

    Args:
        precision: Policy by Keras' name, as train.precision has it.
    """
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(precision)
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)
