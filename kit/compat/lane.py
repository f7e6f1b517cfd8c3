"""Lane of this environment: Keras 3, or Keras 2.15 for TensorFlow Addons."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from kit.compat.tensorflow import keras, tf
from kit.errors import MissingDependencyError, RunError


def keras_version() -> str:
    """Return the version of TensorFlow's Keras; that of 2.15 does not tell it itself."""
    return str(getattr(keras, "__version__", None) or metadata.version("keras"))


def tensorflow_version() -> str:
    """Return the version of TensorFlow."""
    return str(tf.__version__)


IS_KERAS_3 = not keras_version().startswith("2.")


def writes_keras_files() -> bool:
    """Whether files in the format "keras" can be written: those of Keras 2.15 are none that Keras 3 reads."""
    return IS_KERAS_3


def note_other_lane(recorded: str) -> str:
    """Say that a run was trained in the other lane, whose weights this one reads; empty if it was not.

    Args:
        recorded: Version of Keras that trained the run, "2.15.0"; empty without a record.
    """
    if _is_of_this_lane(recorded):
        return ""
    return (
        f"trained with {_named(recorded)} and read with {_named(keras_version())}: predictions are as in its own"
        " environment, to within rounding of about 1e-6"
    )


def refuse_other_lane(run: Path, recorded: str) -> None:
    """Refuse to resume a training of the other lane, whose optimizer and random numbers are of another kind.

    Args:
        run: Directory of the run.
        recorded: Version of Keras that began the training; empty without a record.

    Raises:
        RunError: The training was begun in the other lane.
    """
    if not _is_of_this_lane(recorded):
        raise RunError(
            f"{run} was begun with {_named(recorded)}, and this environment has {_named(keras_version())}, which cannot"
            " resume it; run its command in an environment of the first kind, or remove the folder to train it here"
        )


def _is_of_this_lane(recorded: str) -> bool:
    return not recorded or recorded.startswith("2.") != IS_KERAS_3


def _named(version: str) -> str:
    return f"Keras {version}" + (" (TensorFlow Addons lane)" if version.startswith("2.") else "")


def needs_keras_3(what: str, instead: str = "") -> None:
    """Refuse something that Keras 2.15 lacks.

    Args:
        what: Subject of the message, such as "format 'keras'".
        instead: Way out in this environment, such as "leave it out"; empty for none.

    Raises:
        MissingDependencyError: This environment has Keras 2.15.
    """
    if not IS_KERAS_3:
        way_out = f"{instead}, or " if instead else ""
        raise MissingDependencyError(
            f"{what} needs Keras 3; this environment has {_named(keras_version())}: {way_out}use an environment of kit"
            " without the extra addons"
        )
