"""Options of the public calls, each described once: by the attributes of the specs that they become.

A call takes them as ``**options: Unpack[SourceOptions]``, which type checkers and editors read; `spelled_out` shows
them one by one in its signature and its help.
"""

from __future__ import annotations

import inspect
import re
import textwrap
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar

from kit.specs.data import DataSpec
from kit.specs.image import ImageSpec
from kit.specs.shard import ShardSpec
from kit.specs.source import SourceSpec

Call = TypeVar("Call", bound=Callable[..., Any])

DATASET_SPECS = (SourceSpec, ImageSpec, ShardSpec, DataSpec)  # what the options of a dataset become
_ENTRY = re.compile(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", re.MULTILINE)
_INDENTS: dict[str, Any] = {"initial_indent": " " * 8, "subsequent_indent": " " * 12}
_ATTRIBUTES = {"near_bits": "near_duplicates"}  # of options that are called otherwise
_SWITCHES = {"undersample": "Whether as many images of each class are taken as the smallest has."}  # data.balance
_MARK = "**options:"  # line of a docstring that gives way to the options' descriptions


class SourceOptions(TypedDict, total=False):
    """What is known of a source's images; described in `SourceSpec`."""

    labels: Path | str | None
    id_column: str | None
    path_column: str | None
    label_column: str | None
    target: str | None
    separator: str | None
    no_tag: str | None
    class_from: str | None
    classes: Mapping[str, str] | None
    class_names: Sequence[str] | None
    ignore_splits: Sequence[str] | None
    group: str | None
    exclude: Path | str | None
    test: Path | str | None
    sample_submission: Path | str | None


class StoreOptions(TypedDict, total=False):
    """How images are stored and divided; described in `ImageSpec` and `ShardSpec`."""

    size: int | tuple[int, int] | str | None
    fit: str | None
    channels: int | None
    scale: str
    bands: Sequence[int]
    encoding: str
    split: tuple[float, ...] | Literal["own"] | None
    folds: int | None
    undersample: bool | None
    per_class: int | None
    near_bits: int
    seed: int | None


class ShardOptions(SourceOptions, StoreOptions, total=False):
    """All that decides a dataset, besides its name, its recipe and where its images lie."""

    merge_splits: bool | None
    page: int


def descriptions(spec: type) -> dict[str, str]:
    """Read the descriptions of a spec's attributes from its docstring."""
    listed = (spec.__doc__ or "").partition("Attributes:")[2]
    return {name: " ".join(text.split()) for name, text in _ENTRY.findall(listed)}


def spelled_out(*specs: type) -> Callable[[Call], Call]:
    """Show the options that a call takes as ``**options`` one by one, in signature, annotations and docstring.

    Args:
        specs: Structs whose attributes the options become; the first that has one describes it, and says what stands
            where it is not given, unless that is None.
    """

    def spell(call: Call) -> Call:
        signature = inspect.signature(call)
        hints = typing.get_type_hints(typing.get_args(typing.get_type_hints(call)["options"])[0])
        others = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        shown = [_parameter(name, hint, specs) for name, hint in hints.items()]
        call.__signature__ = signature.replace(parameters=[*others, *shown])  # type: ignore[attr-defined]
        call.__annotations__ = {
            **{one: hint for one, hint in call.__annotations__.items() if one != "options"},
            **hints,
        }
        lines = "\n".join(textwrap.fill(f"{name}: {_described(name, specs)}", 120, **_INDENTS) for name in hints)
        call.__doc__ = re.sub(rf" {{8}}{re.escape(_MARK)}.*", lambda _: lines, call.__doc__ or "")
        return call

    return spell


def _described(name: str, specs: Sequence[type]) -> str:
    """Describe an option as the spec does whose attribute it becomes."""
    attribute = _ATTRIBUTES.get(name, name)
    return next(known[attribute] for known in (_SWITCHES, *map(descriptions, specs)) if attribute in known)


def _parameter(name: str, hint: Any, specs: Sequence[type]) -> inspect.Parameter:
    """Make the parameter of an option; None stands where it is not given, if it may: a recipe can say more."""
    default = None if type(None) in typing.get_args(hint) else _default(_ATTRIBUTES.get(name, name), specs)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _default(attribute: str, specs: Sequence[type]) -> object:
    known = (inspect.signature(spec).parameters for spec in specs)
    return next(parameters[attribute].default for parameters in known if attribute in parameters)
