"""`kit shard` as a command line, for messages that name the next step."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from kit.errors import worded
from kit.specs.options import ShardOptions

_DEFAULTS = {"scale": "none", "encoding": "auto", "engine": "local"}  # besides None, 0, False and empty values
_ORDER = (
    "name",
    "recipe",
    "competition",
    "metric",
    *ShardOptions.__annotations__,
    "max_rejects",
    "workers",
    "part",
    "engine",
    "address",
    "index",
    "force",
    "root",
)


def shard_again(given: Mapping[str, object]) -> str:
    """Write a call of `kit.shard` for an error message: as a command, or as Python."""
    arguments = "".join(f", {name}={_plain(value)!r}" for name, value in _given(given))
    return worded(shard_command(given), f"kit.shard({_plain(given['source'])!r}{arguments})")


def shard_command(given: Mapping[str, object]) -> str:
    """Write the command with the arguments of a `kit.shard` call; defaults are left out."""
    words = ["kit", "shard", str(given["source"])]
    for name, value in _given(given):
        words.append(f"--{name.replace('_', '-')}")
        words += [] if value is True else [option_text(name, value)]
    return shlex.join(words)


def _given(given: Mapping[str, object]) -> list[tuple[str, object]]:
    """List the arguments that differ from their defaults, in the order of the command's options."""
    named = [(name, given[name]) for name in _ORDER if name in given]
    return [(name, value) for name, value in named if value and value != _DEFAULTS.get(name)]


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def option_text(name: str, value: object) -> str:
    """Write an option's value for the command line; empty for an empty value."""
    if not value:
        return ""
    if name == "classes" and isinstance(value, Mapping):
        return _row(f"{old}={new}" for old, new in value.items())
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value)
    if name == "split":
        return "/".join(f"{100 * float(share):.10g}" for share in value)
    return "x".join(map(str, value)) if name == "size" else _row(map(str, value))


def _row(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
