"""Lane of this environment: Keras 3, or Keras 2.15 for TensorFlow Addons."""

from __future__ import annotations

from importlib import metadata

from kit.compat.tensorflow import keras
from kit.errors import MissingDependencyError


def keras_version() -> str:
    """Return the version of TensorFlow's Keras; that of 2.15 does not tell it itself."""
    return str(getattr(keras, "__version__", None) or metadata.version("keras"))


IS_KERAS_3 = not keras_version().startswith("2.")


def same_lane(recorded: str) -> bool:
    """Return whether a recorded version of Keras is one of this lane; a run without a record is taken for one.

    Args:
        recorded: Version of Keras, "2.15.0"; empty without a record.
    """
    return not recorded or recorded.startswith("2.") != IS_KERAS_3


def needs_keras_3(what: str) -> None:
    """Refuse something that Keras 2.15 lacks.

    Args:
        what: Subject of the message, such as "format 'keras'".

    Raises:
        MissingDependencyError: This environment has Keras 2.15.
    """
    if not IS_KERAS_3:
        raise MissingDependencyError(
            f"{what} needs Keras 3; this environment has Keras {keras_version()} (TensorFlow Addons lane): use an"
            " environment of kit without the extra addons for it"
        )
