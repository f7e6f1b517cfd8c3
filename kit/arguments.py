"""Checks of what public calls are given: a wrong type is named in a sentence before anything begins."""

from __future__ import annotations

import functools
import inspect
import numbers
import os
import reprlib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, Union

from kit.errors import SpecError

Given = ParamSpec("Given")
Result = TypeVar("Result")

_WORDS: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    Path: "a path",
    type(None): "None",
}
_KINDS: dict[Any, tuple[type, ...]] = {  # NumPy's numbers count as Python's
    int: (numbers.Integral,),
    float: (numbers.Real,),
    Path: (str, os.PathLike),
}


def checked_arguments(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Make a public call refuse arguments of other types than its annotations say, by name.

    Only types are checked; which values an argument takes is for the call to say. A text is no list of texts, and True
    is not a number; NumPy's numbers arrive as Python's own.

    Raises:
        SpecError: An argument is of a type that the call does not take; raised by the call.
        TypeError: An argument is missing or unknown; raised by the call.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Given.args, **options: Given.kwargs) -> Result:
        hints = typing.get_type_hints(function)
        try:
            bound = signature.bind(*args, **options)
        except TypeError:  # an argument is missing or unknown
            if hasattr(function, "__signature__"):  # spelled out: the function itself takes any keyword
                raise
            return function(*args, **options)  # Python says more of it
        for name, value in bound.arguments.items():
            is_many = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
            for one in value if is_many else (value,):
                _refuse_other(function.__name__, name, one, hints[name])
        return function(*map(_plain, args), **{name: _plain(value) for name, value in options.items()})

    return call


def _refuse_other(function: str, name: str, value: object, hint: Any) -> None:
    if not _fits(value, hint):
        got = "None" if value is None else f"{reprlib.repr(value)} ({type(value).__name__})"
        raise SpecError(f"kit.{function}: {name} takes {_words(hint)}, got {got}")


def _fits(value: Any, hint: Any) -> bool:
    """Tell whether a value is of an annotated type; of what no check is known for, it is."""
    if hint is Any:
        return True
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in {Union, types.UnionType}:
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return isinstance(value, tuple({type(part) for part in parts}))
    if isinstance(origin, type) and issubclass(origin, Iterable):
        is_right = isinstance(value, Mapping) if issubclass(origin, Mapping) else _is_list(value)
        return is_right and all(_fits(one, parts[0]) for one in value)  # of a dict, its keys
    return _is_of(value, hint) if isinstance(hint, type) else True


def _is_of(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind in {bool, object}
    return isinstance(value, _KINDS.get(kind, (kind,)))


def _is_list(value: Any) -> bool:
    return hasattr(value, "__len__") and isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _plain(value: Any) -> Any:
    """Turn a number of NumPy into Python's; anything else stays."""
    return value.item() if isinstance(value, numbers.Number) and hasattr(value, "item") else value


def _words(hint: Any) -> str:
    """Name a type as people do: "a whole number or None"."""
    *first, last = dict.fromkeys(sorted(_alternatives(hint), key="None".__eq__))
    return f"{', '.join(first)} or {last}" if first else last


def _alternatives(hint: Any) -> list[str]:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in {Union, types.UnionType}:
        return [words for part in parts for words in _alternatives(part)]
    if origin is Literal:
        return [repr(part) for part in parts]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return ["a dict"]
    if isinstance(origin, type) and issubclass(origin, Iterable):
        return [f"a list, each {_words(parts[0])}"]
    name = getattr(hint, "__name__", str(hint))
    return [_WORDS.get(hint, f"{'an' if name[0] in 'AEIOU' else 'a'} {name}")]
