"""Names of arms, runs and ablations, made from their settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

_UNWRITTEN = {("model", "head"): ""}  # left out of spec.json at their defaults: it stays as it was
_LATER = {**_UNWRITTEN, ("train", "evaluate"): "best", ("data", "ignore_splits"): []}  # left out of names at theirs


def as_named(value: object) -> msgspec.Raw:
    """Encode settings for a name that hashes them: runs and ablations of earlier versions keep their names.

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


def _without(value: object, defaults: Mapping[tuple[str, str], object]) -> msgspec.Raw:
    data = msgspec.json.decode(msgspec.json.encode(value))
    for (table, name), default in defaults.items():
        if table in data and data[table].get(name) == default:
            del data[table][name]
    return msgspec.Raw(msgspec.json.encode(data))


def arm_name(overrides: Mapping[str, str], *, otherwise: str, beside: Iterable[str] = ()) -> str:
    """Name an arm by what it changes: "bn_position=before,filters=16-32", or `otherwise` if nothing.

    The name is a folder's too, so it holds none of the characters that shells read for themselves.

    Args:
        overrides: Values by dotted path, as text.
        otherwise: Name of an arm that changes nothing.
        beside: Paths that other arms of the ablation change.
    """
    names = short_names([*overrides, *beside])
    return ",".join(f"{names[path]}={plain_text(value)}" for path, value in overrides.items()) or otherwise


def short_names(paths: Iterable[str]) -> dict[str, str]:
    """Name each dotted path by as many of its last steps as tell it from the others.

    >>> list(short_names(["train.epochs", "train.schedule.patience", "train.early_stopping.patience"]).values())
    ['epochs', 'schedule.patience', 'early_stopping.patience']
    """
    steps = {path: path.split(".") for path in paths}

    def shortest(own: list[str]) -> list[str]:
        ends = (own[-count:] for count in range(1, len(own)))
        return next((end for end in ends if sum(other[-len(end) :] == end for other in steps.values()) == 1), own)

    return {path: ".".join(shortest(own)) for path, own in steps.items()}


def plain_text(value: str) -> str:
    """Write a value as it stands in an arm's name.

    >>> plain_text("[8, 16]")
    '8-16'
    """
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", value.strip("[]"))
