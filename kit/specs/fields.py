"""Fields of settings: dotted paths, types and values."""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Mapping
from typing import Any

import msgspec

_STEP = re.compile(r"[^.\[\]]+")


def setting_paths(spec: msgspec.Struct) -> list[str]:
    """List the dotted paths of all fields."""
    return leaves(msgspec.to_builtins(spec))


def leaves(data: Mapping[str, Any], prefix: str = "") -> list[str]:
    """List the dotted paths of all fields that are not tables."""
    paths: list[str] = []
    for name, value in data.items():
        paths += leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else [f"{prefix}{name}"]
    return paths


def part(spec: msgspec.Struct, path: str) -> Any:
    """Return the value at a dotted path of a struct."""
    return functools.reduce(getattr, path.split("."), spec)


def value_at(data: Any, path: str) -> Any:
    """Return the value at a path of plain data, such as filters[0]."""
    for name in _STEP.findall(path):
        data = data[int(name)] if isinstance(data, list | tuple) else data[name]
    return data


def field_names(kind: type[msgspec.Struct], path: str) -> list[str]:
    """List the fields of the struct at a dotted path."""
    return list(types_of(_struct_in(type_at(kind, path))))


def type_at(kind: Any, path: str) -> Any:
    """Find a field's type; an element of a list or a table, such as filters[0], has the type of the whole."""
    for name in filter(None, re.sub(r"\[.*?\]", "", path).split(".")):
        kind = types_of(_struct_in(kind))[name]
    return kind


def _struct_in(kind: Any) -> Any:
    """Find the struct type within a list or a table; a struct type is returned unchanged."""
    return next((inner for inner in typing.get_args(kind) if isinstance(inner, type(msgspec.Struct))), kind)


def alternatives(kind: Any) -> tuple[Any, ...]:
    """List the types of a union; any other type alone."""
    return typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)


@functools.cache
def types_of(kind: type[msgspec.Struct]) -> Mapping[str, Any]:
    """Read the types of a struct's fields; cached, because it is the slowest step of this module."""
    return {field.name: field.type for field in msgspec.structs.fields(kind)}
