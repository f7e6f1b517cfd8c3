"""Reads structs from TOML and JSON and writes JSON, with error messages that name the key."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from kit.errors import SpecError, unknown
from kit.specs.fields import field_names, type_at, value_at

Settings = TypeVar("Settings", bound=msgspec.Struct)

_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`(?: - at `\$\.?(?P<path>.*)`)?")
_EXPECTED = re.compile(r"Expected `(?P<type>[\w |]+)`, got")
_IN_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "array": "a list",
    "object": "a table",
    "null": "none",
}
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")

_SHOWN = 200  # characters of a value in a message


def from_toml(path: Path, kind: type[Settings]) -> Settings:
    """Read a struct from a TOML file.

    Raises:
        SpecError: The file is invalid; the message gives the file, the key and the nearest known key.
    """
    return _read(path, kind, msgspec.toml.decode, "TOML")


def from_json(path: Path, kind: type[Settings]) -> Settings:
    """Read a struct from a JSON file that kit wrote.

    Raises:
        SpecError: The file is invalid; the message gives the file, the key and the nearest known key.
    """
    return _read(path, kind, msgspec.json.decode, "JSON")


def _read(path: Path, kind: type[Settings], decode: Callable[[bytes], object], language: str) -> Settings:
    try:
        data = decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SpecError(f"{path}: not {language}: {error}") from error
    return build(data, kind, where=f"{path}: ")


def to_json(value: object) -> bytes:
    """Write a struct as indented JSON with a closing newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def build(data: object, kind: type[Settings], *, where: str = "", lax: bool = False) -> Settings:
    """Make a struct from plain data; `lax` also converts numbers and booleans written as text."""
    try:
        return msgspec.convert(data, kind, strict=not lax, str_keys=True)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, SpecError) and not where and not _AT.search(str(error)):
            raise error.__cause__ from None  # raised by the struct itself: the message is complete
        raise SpecError(where + _explain(error, kind, data)) from error


def _explain(error: msgspec.ValidationError, kind: type[msgspec.Struct], data: Any) -> str:
    """Rewrite msgspec's message: the path first, and the nearest name for an unknown one."""
    message = str(error)
    if found := _UNKNOWN_FIELD.match(message):
        prefix = f"{found['path']}." if found["path"] else ""
        known = field_names(kind, found["path"] or "")
        return unknown("setting", prefix + found["name"], [prefix + name for name in known])
    if found := _AT.search(message):
        field = type_at(kind, found["path"])
        if typing.get_origin(field) is Literal:
            allowed = typing.get_args(field)
            value = message[: found.start()].rpartition(" ")[2]
            return f"{found['path']} must be one of {', '.join(map(str, allowed))}, got {value}"
        if isinstance(error.__cause__, SpecError):  # ours begin with the field's name
            return f"{found['path']}.{message[: found.start()]}"
        if "..." not in found["path"] and (expected := _EXPECTED.match(message)):
            wanted = " or ".join(_IN_WORDS.get(kind, kind) for kind in expected["type"].split(" | "))
            return f"{found['path']} must be {wanted}, got {_shown(value_at(data, found['path']))}"
        return f"{found['path']}: {message[: found.start()]}"
    return message


def _shown(value: object) -> str:
    """Write a value, shortened if it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
