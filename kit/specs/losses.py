"""Losses that `train.loss` can name, without TensorFlow: kit's own, and those of TensorFlow Addons.

Heads have them by `kit.targets.Target.losses`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from kit.errors import SpecError, require, unknown
from kit.specs.addons import PREFIX, Addon, addons, find_addon
from kit.specs.named_arguments import Takes

KAPPA = f"{PREFIX}WeightedKappaLoss"
"""Loss of a whole batch, which may be below 0."""

OWN: Mapping[str, Takes] = {
    "crossentropy": Takes("crossentropy"),
    "focal": Takes("focal", {}, {"gamma": "focal_gamma"}),
    "huber": Takes("huber", {"delta": "number"}),
    "mae": Takes("mae"),
    "mse": Takes("mse"),
}


@functools.cache
def loss_entries() -> Mapping[str, Takes]:
    """List the arguments of all losses by name."""
    return {**OWN, **{f"{PREFIX}{one.name}": _of_addons(one) for one in addons("loss") if not one.reason}}


def find_loss(name: str) -> Takes:
    """Find a loss by its name.

    Raises:
        SpecError: The name is unknown, with the nearest known one.
    """
    if name.startswith(PREFIX):
        addon = find_addon("loss", name.removeprefix(PREFIX))
        require(not addon.reason, f"kit does not take loss {name}: {addon.reason}")
    if name not in loss_entries():
        raise SpecError(unknown("loss", name, [*loss_entries()]))
    return loss_entries()[name]


def _of_addons(addon: Addon) -> Takes:
    return Takes(f"{PREFIX}{addon.name}", addon.arguments, choices=addon.choices)
