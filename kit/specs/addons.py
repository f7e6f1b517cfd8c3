"""Names of TensorFlow Addons 0.23: those that kit takes with their arguments, the rest with the reason.

The table is addons.toml beside this module. It needs neither TensorFlow nor Addons, so that a wrong name or argument is
refused everywhere, and the documentation's table is made from it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal, get_args

import msgspec

from kit.errors import SpecError, unknown
from kit.names import ADDONS_PREFIX as PREFIX

AddonKind = Literal[
    "optimizer",
    "schedule",
    "loss",
    "metric",
    "callback",
    "layer",
    "activation",
    "image",
    "text",
    "seq2seq",
    "rnn",
    "type",
    "option",
    "registration",
    "utility",
]
ArgumentType = Literal["number", "integer", "boolean", "text"]

_TABLE = "addons.toml"

__all__ = ["PREFIX", "Addon", "AddonKind", "ArgumentType", "addon_kinds", "addons", "find_addon"]


class Addon(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public name of TensorFlow Addons.

    Attributes:
        name: Name in its module, such as "RectifiedAdam".
        kind: Kind of thing that it is.
        module: Module below `tensorflow_addons` that holds it, such as "optimizers".
        use: Names to use today, the best first: a setting of kit as in "train.optimizer=lamb", a name of Keras 3 or
            TensorFlow as in "keras.optimizers.Lamb", or another package; empty for none.
        note: Differences between it and what is used today, and peculiarities of its own.
        arguments: Arguments that kit takes by name, with their types; numbers may be whole ones.
        choices: Texts that an argument may be, by its name.
        required: Arguments without a default.
        beside: Arguments that kit does not take: it gives them itself, or they are no numbers or texts.
        learning_rate: Whether an optimizer has a learning rate, which kit gives it.
        wraps: Whether an optimizer goes around another one.
        heads: Kinds of heads that a loss is for, by `kit.targets.Head.name`.
        activations: Activations of those heads.
        reason: Reason for which kit does not take it; empty if it does.
    """

    name: str
    kind: AddonKind
    module: str
    use: tuple[str, ...] = ()
    note: str = ""
    arguments: Mapping[str, ArgumentType] = {}
    choices: Mapping[str, tuple[str, ...]] = {}
    required: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    learning_rate: bool = False
    wraps: bool = False
    heads: tuple[str, ...] = ()
    activations: tuple[str, ...] = ()
    reason: str = ""


def find_addon(kind: AddonKind, name: str) -> Addon:
    """Find a name of TensorFlow Addons, whether kit takes it or not.

    Args:
        kind: Kind of thing that is named.
        name: Name without `PREFIX`.

    Raises:
        SpecError: Addons has no such name, with the nearest of those that kit takes.
    """
    known = _of_kind(kind)
    if name not in known:
        taken = [one.name for one in known.values() if not one.reason]
        raise SpecError(unknown(f"TensorFlow Addons {kind}", name, taken or known))
    return known[name]


def addons(kind: AddonKind) -> tuple[Addon, ...]:
    """List the names of one kind, in alphabetical order."""
    return tuple(_of_kind(kind).values())


def addon_kinds() -> tuple[AddonKind, ...]:
    """List the kinds, optimizers first."""
    return get_args(AddonKind)


@functools.cache
def _table() -> dict[AddonKind, dict[str, Any]]:
    text = resources.files("kit.specs").joinpath(_TABLE).read_text(encoding="utf-8")
    table: dict[AddonKind, dict[str, Any]] = msgspec.toml.decode(text)
    return table


@functools.cache
def _of_kind(kind: AddonKind) -> dict[str, Addon]:
    """Read the names of a kind, whose module and reason are theirs where they have none of their own."""
    return _names(kind, **_table()[kind])


def _names(kind: AddonKind, *, module: str, names: Mapping[str, Any], reason: str = "") -> dict[str, Addon]:
    common = {"kind": kind, "module": module, "reason": reason}
    reasons = _reasons_of_metrics() if kind == "metric" else {}
    made = {
        name: msgspec.convert({**common, **reasons.get(name, {}), **given, "name": name}, Addon)
        for name, given in names.items()
    }
    return dict(sorted(made.items(), key=lambda item: item[0].lower()))


def _reasons_of_metrics() -> dict[str, dict[str, str]]:
    from kit.metrics.addons_arguments import REASONS  # noqa: PLC0415 (NumPy, which --help does without)

    return {name: {"reason": said} for name, said in REASONS.items()}
