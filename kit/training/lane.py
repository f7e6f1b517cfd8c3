"""Names of a training that this environment cannot make, refused before anything is written or trained."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import util

from kit.errors import MissingDependencyError
from kit.specs import TrainSpec
from kit.specs.addons import PREFIX, AddonKind, find_addon
from kit.specs.named import parse_named
from kit.specs.optimizers import ADDONS
from kit.specs.schedules import cyclical_entries

_SETTINGS: dict[AddonKind, str] = {
    "optimizer": "train.optimizer",
    "loss": "train.loss",
    "schedule": "train.schedule.kind",
}


def check_lane(train: TrainSpec) -> None:
    """Refuse names of TensorFlow Addons where it is not installed, and those that need Keras 3 where it is.

    Raises:
        MissingDependencyError: A name needs another environment; the message says which, and what to use here.
    """
    if util.find_spec(ADDONS) is None:
        for kind, name in _of_addons(train):
            raise MissingDependencyError(_lacks_addons(kind, name, _whole(train, kind)))
    for setting, addon in _newer(train):
        from kit.compat import needs_keras_3  # noqa: PLC0415 (TensorFlow, for names that are not in both lanes)

        needs_keras_3(f"{setting} (here: {PREFIX}{addon})")


def _of_addons(train: TrainSpec) -> Iterator[tuple[AddonKind, str]]:
    named: dict[AddonKind, tuple[str, ...]] = {
        "optimizer": parse_named(train.optimizer).names,
        "loss": (train.loss,),
        "schedule": (train.schedule.kind,),
    }
    for kind, names in named.items():
        yield from ((kind, name.removeprefix(PREFIX)) for name in names if name.startswith(PREFIX))


def _newer(train: TrainSpec) -> Iterator[tuple[str, str]]:
    """List what needs Keras 3, and Addons' name for it."""
    for entry in train.optimizer_entries:
        if entry.addon:
            yield f"train.optimizer={train.optimizer}", entry.addon
    if (cyclical := cyclical_entries().get(train.schedule.kind)) and not cyclical.name.startswith(PREFIX):
        yield f"train.schedule.kind={cyclical.name}", cyclical.addon


def _whole(train: TrainSpec, kind: AddonKind) -> str:
    return {"optimizer": train.optimizer, "loss": train.loss, "schedule": train.schedule.kind}[kind]


def _lacks_addons(kind: AddonKind, name: str, given: str) -> str:
    use = find_addon(kind, name).use
    instead = f"here, use {' or '.join(use)}" if use else "Keras 3 has nothing like it"
    return (
        f"{_SETTINGS[kind]}={given} needs TensorFlow Addons, which is not installed: it works on Python 3.11, in an"
        f" environment of its own, made by pip install 'kit[addons]'; {instead}"
    )
