"""Settings from text: TOML and JSON into structs, and dotted overrides such as model.bn_momentum=0.5."""

from __future__ import annotations

import functools
import operator
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import msgspec

from kit.errors import SpecError, unknown

Settings = TypeVar("Settings", bound=msgspec.Struct)

MAX_SEED = 1 << 31  # what every generator below takes
_LATER = {("train", "evaluate"): "best", ("data", "ignore_splits"): []}  # left out of names at their defaults

_SHOWN = 200  # characters of a value in a message

OWN = "recipe"  # stands for what a table was before it was changed, which may have no name

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
_BARE_NUMBER = re.compile(r"\+?(?P<sign>-?)(?P<rest>\.\d+(?:[eE][+-]?\d+)?)")  # .9
_STEP = re.compile(r"[^.\[\]]+")
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


class NamedTable(msgspec.Struct, frozen=True):
    """A table of settings of which some have names, so that all of it can be changed at once: augment=d4."""

    @classmethod
    def called(cls, name: str) -> Self:
        """Find a table by its name.

        Raises:
            SpecError: unknown name, with the nearest known one.
        """
        raise NotImplementedError

    @property
    def known_as(self) -> str | None:
        """The table's name; None if it has none."""
        raise NotImplementedError


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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SpecError(f"{path}: not {language}: {error}") from error
    return build(data, kind, where=f"{path}: ")


def to_json(value: object) -> bytes:
    """Write a struct as indented JSON with a closing newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def as_named(value: object) -> msgspec.Raw:
    """Encode settings for a name that hashes them: runs and ablations of earlier versions keep their names.

    Args:
        value: Struct of tables, such as a run's settings.
    """
    data = msgspec.json.decode(msgspec.json.encode(value))
    for (table, name), default in _LATER.items():
        if table in data and data[table].get(name) == default:
            del data[table][name]
    return msgspec.Raw(msgspec.json.encode(data))


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
    """Change fields by dotted path, one after another; texts become the field's type.

    A comma or brackets make a list: "32,64" and "[32, 64]" are the same. A table with names is changed as a whole by
    one of them, as augment=d4; "recipe" makes it again what it is in `spec`.

    Raises:
        SpecError: unknown path, with the nearest known one, or a value that the field refuses.
    """
    kind, data = type(spec), msgspec.to_builtins(spec)
    for path, value in values.items():
        _refuse_unknown(data, kind, path)
        *parents, leaf = path.split(".")
        holder = functools.reduce(operator.getitem, parents, data)
        is_own = value == OWN and isinstance(_part(spec, path), NamedTable)
        holder[leaf] = msgspec.to_builtins(_part(spec, path)) if is_own else _read_value(value, _type_at(kind, path))
    return build(data, kind, lax=True)


def value_of(spec: msgspec.Struct, path: str) -> str:
    """Write a field's value, or the name of a table, as `override` reads it; "recipe" for a table without a name.

    Raises:
        SpecError: unknown path, with the nearest known one.
    """
    _refuse_unknown(msgspec.to_builtins(spec), type(spec), path)
    value = _part(spec, path)
    return value.known_as or OWN if isinstance(value, NamedTable) else _write_value(msgspec.to_builtins(value))


def written(spec: msgspec.Struct, paths: Iterable[str]) -> dict[str, str]:
    """Write some fields as `value_of` does: 0.50 and .5 are the same then."""
    return {path: value_of(spec, path) for path in paths}


def setting_paths(spec: msgspec.Struct) -> list[str]:
    """List the dotted paths of all fields."""
    return _leaves(msgspec.to_builtins(spec))


def number_kind(spec: msgspec.Struct, path: str) -> type[int | float] | None:
    """Say which kind of number a field takes; None if it takes none.

    Raises:
        SpecError: unknown path, with the nearest known one.
    """
    _refuse_unknown(msgspec.to_builtins(spec), type(spec), path)
    kinds = _alternatives(_type_at(type(spec), path))
    return float if float in kinds else int if int in kinds else None


def _refuse_unknown(data: Mapping[str, Any], kind: type[msgspec.Struct], path: str) -> None:
    """Refuse a path that leads neither to a field in `data`, nor to a table of `kind` that has names."""
    known = _leaves(data)
    if path not in known and path not in (tables := _named_tables(kind)):
        raise SpecError(unknown("setting", path, [*known, *tables]))


def _named_tables(kind: type[msgspec.Struct], prefix: str = "") -> list[str]:
    paths = []
    for name, inner in _types(kind).items():
        paths += [f"{prefix}{name}"] if _is_table(inner, NamedTable) else []
        paths += _named_tables(inner, f"{prefix}{name}.") if _is_table(inner, msgspec.Struct) else []
    return paths


def _is_table(kind: Any, of: type[msgspec.Struct]) -> bool:
    return isinstance(kind, type) and issubclass(kind, of)


def _part(spec: msgspec.Struct, path: str) -> Any:
    return functools.reduce(getattr, path.split("."), spec)


def _write_value(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_write_value, value))}]"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _read_value(value: object, kind: Any) -> object:
    """Find a table by its name; split a text where the field holds a list, or may and the text looks like one."""
    if _is_table(kind, NamedTable):
        return msgspec.to_builtins(kind.called(value) if isinstance(value, str) else value)
    kinds = _alternatives(kind)
    listed = next((one for one in kinds if typing.get_origin(one) is tuple), None)
    if isinstance(value, str) and listed and (len(kinds) == 1 or _LIST.search(value)):
        part_kind = typing.get_args(listed)[0]
        return [_read_value(part.strip(), part_kind) for part in value.strip("[]").split(",") if part.strip()]
    if isinstance(value, str) and str not in kinds and (bare := _BARE_NUMBER.fullmatch(value)):
        return f"{bare['sign']}0{bare['rest']}"
    return None if value == "null" and types.NoneType in kinds else value


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)


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
        if "..." not in found["path"] and (expected := _EXPECTED.match(message)):
            wanted = _IN_WORDS.get(expected["type"], expected["type"])
            return f"{found['path']} must be {wanted}, got {_shown(_value_at(data, found['path']))}"
        return f"{found['path']}: {message[: found.start()]}"
    return message


def _shown(value: object) -> str:
    """Write a value, of a long one its beginning."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _value_at(data: Any, path: str) -> Any:
    for name in _STEP.findall(path):
        data = data[int(name)] if isinstance(data, list | tuple) else data[name]
    return data


def _field_names(kind: type[msgspec.Struct], path: str) -> list[str]:
    return list(_types(_struct_in(_type_at(kind, path))))


def _type_at(kind: Any, path: str) -> Any:
    """Find a field's type; a place within a list or a table, as in filters[0], has the list's or the table's."""
    for name in filter(None, re.sub(r"\[.*?\]", "", path).split(".")):
        kind = _types(_struct_in(kind))[name]
    return kind


def _struct_in(kind: Any) -> Any:
    """Find the struct that a list or a table of structs holds; a struct is itself."""
    return next((inner for inner in typing.get_args(kind) if isinstance(inner, type(msgspec.Struct))), kind)


@functools.cache
def _types(kind: type[msgspec.Struct]) -> Mapping[str, Any]:
    """Read a struct's fields and their types, which takes longer than all else here."""
    return {field.name: field.type for field in msgspec.structs.fields(kind)}
