"""Settings from text: TOML and JSON into structs, and dotted overrides such as model.bn_momentum=0.5."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from kit.errors import SpecError, unknown

Settings = TypeVar("Settings", bound=msgspec.Struct)

MAX_SEED = 1 << 31  # what every generator below takes

_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`(?: - at `\$\.?(?P<path>.*)`)?")
_EXPECTED = re.compile(r"Expected `(?P<type>\w+)`, got")
_IN_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "array": "a list",
    "object": "a table",
}
_LIST = re.compile(r"[\[,]")
_STEP = re.compile(r"[^.\[\]]+")
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


def require(condition: bool, message: str) -> None:
    """Raise SpecError with `message` unless `condition` holds."""
    if not condition:
        raise SpecError(message)


def from_toml(path: Path, kind: type[Settings]) -> Settings:
    """Read a struct from a TOML file.

    Raises:
        SpecError: with the file, the key and the nearest known key.
    """
    return _read(path, kind, msgspec.toml.decode, "TOML")


def from_json(path: Path, kind: type[Settings]) -> Settings:
    """Read a struct from a JSON file that kit wrote.

    Raises:
        SpecError: with the file, the key and the nearest known key.
    """
    return _read(path, kind, msgspec.json.decode, "JSON")


def _read(path: Path, kind: type[Settings], decode: Callable[[bytes], object], language: str) -> Settings:
    try:
        data = decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: not {language}: {error}") from error
    return build(data, kind, where=f"{path}: ")


def to_json(value: object) -> bytes:
    """Write a struct as indented JSON with a closing newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def build(data: object, kind: type[Settings], *, where: str = "", lax: bool = False) -> Settings:
    """Make a struct of plain data; `lax` also takes numbers and switches written as text."""
    try:
        return msgspec.convert(data, kind, strict=not lax, str_keys=True)
    except msgspec.ValidationError as error:
        raise SpecError(where + _explain(error, kind, data)) from error


def parse_assignments(assignments: Iterable[str]) -> dict[str, str]:
    """Split "path=value" texts.

    >>> parse_assignments(["model.bn_momentum=0.5"])
    {'model.bn_momentum': '0.5'}
    """
    parsed: dict[str, str] = {}
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        require(
            bool(equals and path and value),
            f"'{assignment}' must read path=value, as in train.epochs=5",
        )
        parsed[path.strip()] = value.strip()
    return parsed


def override(spec: Settings, values: Mapping[str, object]) -> Settings:
    """Change fields by dotted path; texts become the field's type.

    A comma or brackets make a list: "32,64" and "[32, 64]" are the same.

    Raises:
        SpecError: unknown path, with the nearest known one, or a value that the field refuses.
    """
    data = msgspec.to_builtins(spec)
    for path, value in values.items():
        holder, leaf = _find(data, path)
        holder[leaf] = _read_value(value, _type_at(type(spec), path))
    return build(data, type(spec), lax=True)


def value_of(spec: msgspec.Struct, path: str) -> str:
    """Write a field's value as `override` reads it.

    Raises:
        SpecError: unknown path, with the nearest known one.
    """
    holder, leaf = _find(msgspec.to_builtins(spec), path)
    return _write_value(holder[leaf])


def written(spec: msgspec.Struct, paths: Iterable[str]) -> dict[str, str]:
    """Write some fields as `value_of` does: 0.50 and .5 are the same then."""
    return {path: value_of(spec, path) for path in paths}


def setting_paths(spec: msgspec.Struct) -> list[str]:
    """List the dotted paths of all fields."""
    return _leaves(msgspec.to_builtins(spec))


def _find(data: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """Return the mapping that holds the field at `path`, and its name there."""
    known = _leaves(data)
    if path not in known:
        raise SpecError(unknown("setting", path, known))
    *parents, leaf = path.split(".")
    holder = data
    for parent in parents:
        holder = holder[parent]
    return holder, leaf


def _write_value(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_write_value, value))}]"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _read_value(value: object, kind: Any) -> object:
    """Split a text where the field holds a list, or may hold one and the text looks like one."""
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    may_list = any(typing.get_origin(one) is tuple for one in kinds)
    if isinstance(value, str) and may_list and (len(kinds) == 1 or _LIST.search(value)):
        return [part.strip() for part in value.strip("[]").split(",") if part.strip()]
    return None if value == "null" and types.NoneType in kinds else value


def _leaves(data: Mapping[str, Any], prefix: str = "") -> list[str]:
    """List the dotted paths of all fields that are not themselves settings."""
    paths: list[str] = []
    for name, value in data.items():
        paths += _leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else [f"{prefix}{name}"]
    return paths


def _explain(error: msgspec.ValidationError, kind: type[msgspec.Struct], data: Any) -> str:
    """Turn msgspec's message into kit's: the path first, and the nearest name for an unknown one."""
    message = str(error)
    if found := _UNKNOWN_FIELD.match(message):
        prefix = f"{found['path']}." if found["path"] else ""
        known = _field_names(kind, found["path"] or "")
        return unknown("setting", prefix + found["name"], [prefix + name for name in known])
    if found := _AT.search(message):
        field = _type_at(kind, found["path"])
        if typing.get_origin(field) is Literal:
            allowed = typing.get_args(field)
            value = message[: found.start()].rpartition(" ")[2]
            return f"{found['path']} must be one of {', '.join(map(str, allowed))}, got {value}"
        if isinstance(error.__cause__, SpecError):  # ours begin with the field's name
            return f"{found['path']}.{message[: found.start()]}"
        if expected := _EXPECTED.match(message):
            wanted = _IN_WORDS.get(expected["type"], expected["type"])
            return f"{found['path']} must be {wanted}, got {_value_at(data, found['path'])!r}"
        return f"{found['path']}: {message[: found.start()]}"
    return message


def _value_at(data: Any, path: str) -> Any:
    for name in _STEP.findall(path):
        data = data[int(name)] if isinstance(data, list | tuple) else data[name]
    return data


def _field_names(kind: type[msgspec.Struct], path: str) -> list[str]:
    return [field.name for field in msgspec.structs.fields(_type_at(kind, path))]


def _type_at(kind: Any, path: str) -> Any:
    """Find a field's type; a place within a list, as in filters[0], has the list's."""
    for name in filter(None, re.sub(r"\[.*?\]", "", path).split(".")):
        kind = {field.name: field.type for field in msgspec.structs.fields(kind)}[name]
    return kind
