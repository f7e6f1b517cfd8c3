"""Type checks of the arguments of public calls."""

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
_KINDS: dict[Any, tuple[type, ...]] = {  # NumPy's numbers are accepted
    int: (numbers.Integral,),
    float: (numbers.Real,),
    Path: (str, os.PathLike),
}


def checked_arguments(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Decorate a public call so that it refuses arguments whose types differ from its annotations.

    Only types are checked, values are up to the call. A text is not a list of texts, and True is not a number; NumPy's
    numbers are converted to Python's.

    Raises:
        SpecError: An argument has a wrong type; raised by the call.
        TypeError: An argument is missing or unknown; raised by the call.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Given.args, **options: Given.kwargs) -> Result:
        hints = typing.get_type_hints(function)
        try:
            bound = signature.bind(*args, **options)
        except TypeError as error:  # an argument is missing or unknown
            if hasattr(function, "__signature__"):  # spelled out: the function itself takes any keyword
                raise TypeError(f"{function.__name__}() {error}") from None
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
    """Return whether a value is of an annotated type; true for types without a check."""
    if hint is Any:
        return True
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in {Union, types.UnionType}:
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return isinstance(value, tuple({type(part) for part in parts}))
    if isinstance(origin, type) and issubclass(origin, Iterable):
        is_right = isinstance(value, Mapping) if issubclass(origin, Mapping) else _is_list(value)
        return is_right and all(_fits(one, parts[0]) for one in value)  # the keys of a dict
    return _is_of(value, hint) if isinstance(hint, type) else True


def _is_of(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind in {bool, object}
    return isinstance(value, _KINDS.get(kind, (kind,)))


def _is_list(value: Any) -> bool:
    return hasattr(value, "__len__") and isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _plain(value: Any) -> Any:
    """Convert a NumPy number to Python's; other values are unchanged."""
    return value.item() if isinstance(value, numbers.Number) and hasattr(value, "item") else value


def _words(hint: Any) -> str:
    """Write a type in plain words: "a whole number or None"."""
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
