"""Settings changed by dotted path, such as model.bn_momentum=0.5 or augment=d4."""

from __future__ import annotations

import functools
import operator
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from kit.errors import SpecError, require, unknown
from kit.specs.addons import ArgumentType
from kit.specs.fields import alternatives, free_tables, leaves, part, type_at, types_of
from kit.specs.named_arguments import LEFT_OUT, argument_types, read_argument, write_argument
from kit.specs.serialization import Settings, build

OWN = "recipe"  # name of the table in the original settings, which may have no name of its own

_LIST = re.compile(r"[\[,]")
_BARE_NUMBER = re.compile(r"\+?(?P<sign>-?)(?P<rest>\.\d+(?:[eE][+-]?\d+)?)")  # .9


class Presets(Protocol):
    """Named tables of one type, by which a whole table can be changed at once: augment=d4."""

    def find(self, name: str) -> msgspec.Struct:
        """Find a table by its name.

        Raises:
            SpecError: The name is unknown; the message gives the nearest known one.
        """

    def name_of(self, table: Any) -> str | None:
        """Return the name of a table, or None."""


Named = Mapping[type[msgspec.Struct], Presets]


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


def apply_overrides(spec: Settings, values: Mapping[str, object], presets: Named) -> Settings:
    """Change fields by dotted path, one after another; texts become the field's type.

    A comma or brackets make a list: "32,64" and "[32, 64]" are the same. A named table is changed as a whole, as in
    augment=d4; "recipe" restores the table of `spec`. An argument such as train.optimizer_args.sync_period is checked
    when all changes are made, as the optimizer decides which it takes; "default" leaves it out.

    Args:
        spec: Settings to change.
        values: New values by dotted path.
        presets: Named tables by their type.

    Raises:
        SpecError: The path is unknown (the message gives the nearest known one), or the field refuses the value.
    """
    kind, data = type(spec), msgspec.to_builtins(spec)
    for path, value in values.items():
        _refuse_unknown(data, kind, path, presets)
        *parents, leaf = path.split(".")
        holder = functools.reduce(operator.getitem, parents, data)
        if is_argument(kind, path):
            _refuse_unknown_default(spec, path, value)
            _set_argument(holder, leaf, value)
            continue
        is_own = value == OWN and type(part(spec, path)) in presets
        read = part(spec, path) if is_own else value
        holder[leaf] = _read_value(read, type_at(kind, path), presets)
    return build(data, kind, lax=True)


def field_text(spec: msgspec.Struct, path: str, presets: Named) -> str:
    """Write a field's value, or a table's name, so that `apply_overrides` reads it; "recipe" for an unnamed table.

    Arguments that are left out are "default"; a whole table of arguments is written for people.

    Raises:
        SpecError: The path is unknown; the message gives the nearest known one.
    """
    if path in free_tables(type(spec)):
        return ", ".join(f"{name}={write_argument(value)}" for name, value in part(spec, path).items()) or LEFT_OUT
    _refuse_unknown(msgspec.to_builtins(spec), type(spec), path, presets)
    value = part(spec, path)
    if is_argument(type(spec), path):
        return LEFT_OUT if value is None else write_argument(value)
    known = presets.get(type(value))
    return known.name_of(value) or OWN if known else _write_value(msgspec.to_builtins(value))


def number_type(spec: msgspec.Struct, path: str, presets: Named) -> type[int | float] | None:
    """Return the type of number that a field takes; None if it takes no number.

    Raises:
        SpecError: The path is unknown; the message gives the nearest known one.
    """
    _refuse_unknown(msgspec.to_builtins(spec), type(spec), path, presets)
    if is_argument(type(spec), path):
        types = types_at(spec, path)
        return float if "number" in types else int if "integer" in types else None
    kinds = alternatives(type_at(type(spec), path))
    return float if float in kinds else int if int in kinds else None


def is_argument(kind: type[msgspec.Struct], path: str) -> bool:
    """Whether a path names an argument in a free table, whatever takes it."""
    table, _, name = path.rpartition(".")
    return bool(name) and table in free_tables(kind)


def types_at(spec: msgspec.Struct, path: str, *, own: bool = False) -> set[ArgumentType]:
    """Collect the types of an argument, by all that declare it.

    Args:
        spec: Settings.
        path: Dotted path of the argument.
        own: Whether only what these settings name counts.
    """
    owner, table, name = path.rsplit(".", 2)
    holder = part(spec, owner)
    return argument_types(name, holder.taken(table) if own else holder.declared(table))


def _refuse_unknown_default(spec: msgspec.Struct, path: str, value: object) -> None:
    """Refuse to leave out an argument that nothing takes, which no later check would see."""
    if value == LEFT_OUT and not types_at(spec, path):
        owner, table, name = path.rsplit(".", 2)
        known = {argument for one in part(spec, owner).declared(table) for argument in one.types}
        raise SpecError(f"{path}: {unknown('argument', name, sorted(known))}")


def _set_argument(table: dict[str, Any], name: str, value: object) -> None:
    if value == LEFT_OUT:
        table.pop(name, None)
    else:
        table[name] = read_argument(value) if isinstance(value, str) else value


def _refuse_unknown(data: Mapping[str, Any], kind: type[msgspec.Struct], path: str, presets: Named) -> None:
    """Refuse a path that is neither a field in `data` nor a named table of `kind`."""
    if is_argument(kind, path):
        return
    require(
        path not in free_tables(kind), f"{path} is a table of arguments; give them one by one, as {path}.NAME=VALUE"
    )
    known = leaves(data)
    if path not in known and path not in (tables := _named_tables(kind, presets)):
        raise SpecError(unknown("setting", path, [*known, *tables]))


def _named_tables(kind: type[msgspec.Struct], presets: Named, prefix: str = "") -> list[str]:
    paths = []
    for name, inner in types_of(kind).items():
        paths += [f"{prefix}{name}"] if inner in presets else []
        paths += _named_tables(inner, presets, f"{prefix}{name}.") if _is_struct(inner) else []
    return paths


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _write_value(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_write_value, value))}]"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _read_value(value: object, kind: Any, presets: Named) -> object:
    """Look up a named table; split a text if the field holds a list, or may hold one and the text looks like one."""
    if kind in presets:
        return msgspec.to_builtins(presets[kind].find(value) if isinstance(value, str) else value)
    kinds = alternatives(kind)
    listed = next((one for one in kinds if typing.get_origin(one) is tuple), None)
    if isinstance(value, str) and listed and (len(kinds) == 1 or _LIST.search(value)):
        part_kind = typing.get_args(listed)[0]
        return [_read_value(one.strip(), part_kind, presets) for one in value.strip("[]").split(",") if one.strip()]
    if isinstance(value, str) and str not in kinds and (bare := _BARE_NUMBER.fullmatch(value)):
        return f"{bare['sign']}0{bare['rest']}"
    return None if value == "null" and types.NoneType in kinds else value
