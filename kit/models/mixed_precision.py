"""Mixed precision: the dtype policy of a model's layers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from kit.compat import keras
from kit.specs.train import Precision


@contextlib.contextmanager
def computing_in(precision: Precision) -> Iterator[None]:
    """Set the precision of the layers that are made within a block; Keras' own setting is global to the process.

    Args:
        precision: Keras' name of the policy, as in train.precision.
    """
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(precision)
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)
