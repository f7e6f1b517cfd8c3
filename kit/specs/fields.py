"""Fields of settings: dotted paths, types and values."""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

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
    """Return the value at a dotted path of a struct; None for a name that a free table lacks."""
    return functools.reduce(_held, path.split("."), spec)


def _held(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name)


def free_tables(kind: type[msgspec.Struct], prefix: str = "") -> list[str]:
    """List the dotted paths of the tables whose names are not fields: arguments of what another setting names."""
    paths = []
    for name, field in types_of(kind).items():
        if isinstance(field, type) and issubclass(field, msgspec.Struct):
            paths += free_tables(field, f"{prefix}{name}.")
        elif typing.get_origin(field) is Mapping:
            paths.append(f"{prefix}{name}")
    return paths


def value_at(data: Any, path: str) -> Any:
    """Return the value at a path of plain data, such as filters[0]."""
    for name in _STEP.findall(path):
        data = data[int(name)] if isinstance(data, list | tuple) else data[name]
    return data


def field_names(kind: type[msgspec.Struct], path: str) -> list[str]:
    """List the fields of the struct at a dotted path."""
    return list(_fields_in(type_at(kind, path)))


def type_at(kind: Any, path: str) -> Any:
    """Find a field's type; an element of a list or a table, such as filters[0], has the type of the whole."""
    for name in filter(None, re.sub(r"\[.*?\]", "", path).split(".")):
        kind = _fields_in(kind)[name]
    return kind


def _fields_in(kind: Any) -> dict[str, Any]:
    """Read the field types of a struct, or of the structs within a list, a table or a union, and of a union's tag."""
    structs = [inner for inner in typing.get_args(kind) if isinstance(inner, type(msgspec.Struct))] or [kind]
    fields = {name: field for struct in structs for name, field in types_of(struct).items()}
    configs = [struct.__struct_config__ for struct in structs]
    tags = tuple(config.tag for config in configs)
    return fields | {config.tag_field: Literal[tags] for config in configs if config.tag_field}


def alternatives(kind: Any) -> tuple[Any, ...]:
    """List the types of a union; any other type alone."""
    return typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)


@functools.cache
def types_of(kind: type[msgspec.Struct]) -> Mapping[str, Any]:
    """Read the types of a struct's fields; cached, because it is the slowest step of this module."""
    return {field.name: field.type for field in msgspec.structs.fields(kind)}
