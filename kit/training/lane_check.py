"""Names of a training that this environment cannot make, refused before anything is written or trained."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import util

from kit.errors import MissingDependencyError
from kit.specs import TrainSpec
from kit.specs.addons import PREFIX, AddonKind, find_addon
from kit.specs.named import parse_named
from kit.specs.optimizers import ADDONS, in_addons, out_of_addons
from kit.specs.schedules import cyclical_entries


def check_lane(train: TrainSpec) -> None:
    """Refuse names of TensorFlow Addons where it is not installed, and those that need Keras 3 where it is.

    Raises:
        MissingDependencyError: A name needs another environment; the message says which, and what to use here.
    """
    if util.find_spec(ADDONS) is None:
        for setting, use in _of_addons(train):
            instead = f"here, use {use}" if use else "Keras 3 has nothing like it"
            raise MissingDependencyError(
                f"{setting} needs TensorFlow Addons, which is not installed: it works on Python 3.11, in an environment"
                f" of its own, made by pip install 'kit[addons]'; {instead}"
            )
    for setting, addon in _newer(train):
        from kit.compat import needs_keras_3  # noqa: PLC0415 (TensorFlow, for names that are not in both lanes)

        needs_keras_3(f"{setting} (here: {addon})")


def _of_addons(train: TrainSpec) -> Iterator[tuple[str, str]]:
    """List the settings that name something of Addons, with what to use instead."""
    for name in parse_named(train.optimizer).names:
        if name.startswith(PREFIX):
            own = out_of_addons(train.optimizer)
            yield f"train.optimizer={train.optimizer}", f"train.optimizer={own}" if own else _use("optimizer", name)
    if train.loss.startswith(PREFIX):
        yield f"train.loss={train.loss}", _use("loss", train.loss)
    if (kind := train.schedule.kind).startswith(PREFIX):
        yield f"train.schedule.kind={kind}", _use("schedule", kind)


def _use(kind: AddonKind, name: str) -> str:
    return " or ".join(find_addon(kind, name.removeprefix(PREFIX)).use)


def _newer(train: TrainSpec) -> Iterator[tuple[str, str]]:
    """List the settings that need Keras 3, with Addons' names for them."""
    if any(entry.addon for entry in train.optimizer_entries):
        yield f"train.optimizer={train.optimizer}", in_addons(train.optimizer)
    if (cyclical := cyclical_entries().get(train.schedule.kind)) and cyclical.scale:
        yield f"train.schedule.kind={cyclical.name}", f"{PREFIX}{cyclical.addon}"
