"""Learning-rate schedules that `train.schedule.kind` can name, without TensorFlow: kit's own, and those of Addons."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from kit.errors import SpecError, require, unknown
from kit.specs.addons import PREFIX, Addon, ArgumentType, addons, find_addon
from kit.specs.named_arguments import Takes

Scale: TypeAlias = Literal["triangular", "triangular2", "exponential"]

EPOCHS = "step_epochs"
"""Argument of cyclical schedules that gives `step_size` in epochs."""

STEPS = "step_size"
INITIAL = "initial_learning_rate"
MAXIMAL = "maximal_learning_rate"


class CyclicalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A cyclical schedule that settings can name.

    Attributes:
        name: Name in settings.
        scale: Height of the cycles, as `kit.optimizers.CyclicalLearningRate` names it; empty for those of Addons.
        arguments: Arguments that `train.schedule.args` gives, with their types.
        choices: Texts that an argument may be, by its name.
        addon: Name of Addons' own.
    """

    name: str
    scale: Scale | Literal[""] = ""
    arguments: Mapping[str, ArgumentType] = {}
    choices: Mapping[str, tuple[str, ...]] = {}
    addon: str = ""

    @property
    def takes(self) -> Takes:
        """Arguments that it takes, for checks."""
        return Takes(self.name, self.arguments, choices=self.choices)


_CYCLE: Mapping[str, ArgumentType] = {
    INITIAL: "number",
    MAXIMAL: "number",
    STEPS: "number",
    EPOCHS: "number",
    "scale_mode": "text",
}
_MODES = {"scale_mode": ("cycle", "iterations")}

_PLAIN = ("constant", "cosine", "plateau")
OWN = (
    CyclicalEntry(
        name="exponential_cyclical",
        scale="exponential",
        arguments={**_CYCLE, "gamma": "number"},
        choices=_MODES,
        addon="ExponentialCyclicalLearningRate",
    ),
    CyclicalEntry(
        name="triangular",
        scale="triangular",
        arguments=_CYCLE,
        choices=_MODES,
        addon="TriangularCyclicalLearningRate",
    ),
    CyclicalEntry(
        name="triangular2",
        scale="triangular2",
        arguments=_CYCLE,
        choices=_MODES,
        addon="Triangular2CyclicalLearningRate",
    ),
)


@functools.cache
def cyclical_entries() -> Mapping[str, CyclicalEntry]:
    """List the cyclical schedules by name: kit's, then those of TensorFlow Addons."""
    of_addons = (_of_addons(one) for one in addons("schedule") if not one.reason)
    return {entry.name: entry for entry in (*OWN, *of_addons)}


def schedule_names() -> list[str]:
    """List the names of all schedules."""
    return [*_PLAIN, *cyclical_entries()]


def find_schedule(name: str) -> Takes:
    """Find the arguments of a schedule by its name.

    Raises:
        SpecError: The name is unknown, with the nearest known one.
    """
    if name in _PLAIN:
        return Takes(name)
    if name.startswith(PREFIX):
        addon = find_addon("schedule", name.removeprefix(PREFIX))
        require(not addon.reason, f"kit does not take schedule {name}: {addon.reason}")
    if name not in cyclical_entries():
        raise SpecError(unknown("schedule", name, schedule_names()))
    return cyclical_entries()[name].takes


def _of_addons(addon: Addon) -> CyclicalEntry:
    return CyclicalEntry(
        name=f"{PREFIX}{addon.name}",
        arguments={**addon.arguments, EPOCHS: "number"},
        choices=addon.choices,
        addon=addon.name,
    )
