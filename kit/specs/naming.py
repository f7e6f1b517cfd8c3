"""Names of arms, runs and ablations, derived from their settings."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping

import msgspec

_ARGUMENTS: Mapping[tuple[str, ...], object] = {
    ("train", "optimizer_args"): {},
    ("train", "loss_args"): {},
    ("train", "schedule", "args"): {},
}
_UNWRITTEN = {("model", "head"): "", **_ARGUMENTS}  # newer settings, left out of spec.json at their defaults, too
_LATER = {**_UNWRITTEN, ("train", "evaluate"): "best", ("data", "ignore_splits"): []}  # left out of names at theirs


def as_named(value: object) -> msgspec.Raw:
    """Encode settings for a hashed name, so that runs and ablations of earlier versions keep their names.

    Args:
        value: Struct of tables, such as a run's settings.
    """
    return _without(value, _LATER)


def as_written(value: object) -> msgspec.Raw:
    """Encode settings for a file: what came later and says nothing is left out, as earlier versions wrote it.

    Args:
        value: Struct of tables, such as a run's settings.
    """
    return _without(value, _UNWRITTEN)


def as_identified(value: object) -> msgspec.Raw:
    """Encode settings for the identity of a run in its checkpoints, so that those of earlier versions stay its own.

    Args:
        value: Struct of tables, such as a run's settings.
    """
    return _without(value, _ARGUMENTS)


def _without(value: object, defaults: Mapping[tuple[str, ...], object]) -> msgspec.Raw:
    data = msgspec.json.decode(msgspec.json.encode(value))
    for (*tables, name), default in defaults.items():
        holder = functools.reduce(lambda held, table: held.get(table, {}), tables, data)
        if name in holder and holder[name] == default:
            del holder[name]
    return msgspec.Raw(msgspec.json.encode(data))


def arm_name(overrides: Mapping[str, str], *, otherwise: str, beside: Iterable[str] = ()) -> str:
    """Name an arm by its changes, such as "bn_position=before,filters=16-32", or `otherwise` without changes.

    The name is also a folder name, so it holds no characters that are special in shells.

    Args:
        overrides: Values by dotted path, as text.
        otherwise: Name of an arm without changes.
        beside: Paths changed by other arms of the ablation.
    """
    names = short_names([*overrides, *beside])
    return ",".join(f"{names[path]}={plain_text(value)}" for path, value in overrides.items()) or otherwise


def short_names(paths: Iterable[str]) -> dict[str, str]:
    """Shorten each dotted path to the fewest last steps that distinguish it from the others.

    >>> list(short_names(["train.epochs", "train.schedule.patience", "train.early_stopping.patience"]).values())
    ['epochs', 'schedule.patience', 'early_stopping.patience']
    """
    steps = {path: path.split(".") for path in paths}

    def shortest(own: list[str]) -> list[str]:
        ends = (own[-count:] for count in range(1, len(own)))
        return next((end for end in ends if sum(other[-len(end) :] == end for other in steps.values()) == 1), own)

    return {path: ".".join(shortest(own)) for path, own in steps.items()}


def plain_text(value: str) -> str:
    """Write a value for the name of an arm.

    >>> plain_text("[8, 16]"), plain_text("addons/Lookahead(adamw)")
    ('8-16', 'addons-Lookahead-adamw')
    """
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", value.strip("[]").rstrip(")"))
