"""Classes that stand for one kind of target each, found by walking the package in which they are."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, TypeVar

_Any = TypeVar("_Any")


def classes_by_kind(base: type[_Any], package: str, ending: str = "") -> dict[str, type[_Any]]:
    """Map kinds of targets to the subclasses of `base` that set `kind`.

    Args:
        base: Class whose subclasses are wanted, whatever their depth.
        package: Package whose modules hold them.
        ending: End of these modules' names; empty for all modules.
    """
    for found in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if found.name.endswith(ending):
            importlib.import_module(f"{package}.{found.name}")
    return {vars(one)["kind"]: one for one in _subclasses(base) if "kind" in vars(one)}


def _subclasses(base: type[Any]) -> Iterator[type[Any]]:
    for one in base.__subclasses__():
        yield one
        yield from _subclasses(one)
