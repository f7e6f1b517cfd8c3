"""Arguments of optimizers, losses and schedules that settings name: free tables, checked by what is named."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from kit.errors import SpecError, require, unknown
from kit.specs.addons import ArgumentType

LEFT_OUT = "default"
"""Value that leaves an argument out, so that its own default applies."""

Argument: TypeAlias = bool | int | float | str

_IN_WORDS: Mapping[str, str] = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "text": "a text",
}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_SHARES = frozenset({"beta_1", "beta_2", "beta1", "beta2", "rho", "momentum"})  # kept at each step, in all optimizers
_NOT_BELOW_0 = frozenset(
    {
        *("clipnorm", "clipvalue", "global_clipnorm", "epsilon", "epsilon_1", "epsilon_2", "weight_decay"),
        *("initial_accumulator_value", "l1_regularization_strength", "l2_regularization_strength"),
        *("l2_shrinkage_regularization_strength", "slow_step_size"),
    }
)  # Keras ignores a limit below 0, and trains with the other ones
_INTEGER = re.compile(r"[+-]?\d{1,15}")
_LARGEST = 1e300  # JSON has no larger numbers that all readers take


class Arguments(dict[str, Argument]):
    """Arguments by name in alphabetical order, so that equal ones are written equally; not to be changed."""

    def __hash__(self) -> int:  # type: ignore[override]  # settings are keys
        """Hash the arguments, as of a frozen table."""
        return hash(tuple(self.items()))


class Takes(NamedTuple):
    """Arguments that one of several nested things takes.

    Attributes:
        name: Name of the thing.
        types: Types of its arguments by name.
        settings: Arguments that settings of their own give, with their paths.
        choices: Texts that an argument may be, by its name.
    """

    name: str
    types: Mapping[str, ArgumentType] = {}
    settings: Mapping[str, str] = {}
    choices: Mapping[str, tuple[str, ...]] = {}


def read_argument(text: str) -> Argument:
    """Read a number, true or false; any other text stays one.

    >>> read_argument("5"), read_argument("1e-3"), read_argument("true"), read_argument("linear")
    (5, 0.001, True, 'linear')
    """
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return {"true": True, "false": False}.get(text, text)


def write_argument(value: Argument) -> str:
    """Write an argument so that `read_argument` reads it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def check_arguments(given: Mapping[str, Argument], taken: Sequence[Takes], *, table: str, named: str) -> Arguments:
    """Check the arguments of nested things.

    Args:
        given: Arguments by name.
        taken: Arguments that each takes, the outermost first.
        table: Setting that holds them, for messages.
        named: Kind and name of the whole, for messages.

    Returns:
        Arguments with numbers as such, whole or not.

    Raises:
        SpecError: None of the things takes an argument, another setting gives it, or it is of another type.
    """
    checked = {name: _checked(name, value, taken, table=table, named=named) for name, value in sorted(given.items())}
    return Arguments(checked)


def shared_out(given: Mapping[str, Argument], taken: Sequence[Takes]) -> list[dict[str, Argument]]:
    """Share arguments out among nested things: each goes to the outermost that takes it."""
    shares: list[dict[str, Argument]] = [{} for _ in taken]
    for name, value in given.items():
        index = next(index for index, one in enumerate(taken) if name in one.types)
        shares[index][name] = value
    return shares


def argument_types(name: str, declared: Iterable[Takes]) -> set[ArgumentType]:
    """Collect the types that an argument has, by all that declare it."""
    return {one.types[name] for one in declared if name in one.types}


@contextlib.contextmanager
def naming(setting: str) -> Iterator[None]:
    """Begin the message of an error with the name of the setting."""
    try:
        yield
    except SpecError as error:
        raise SpecError(f"{setting}: {error.marked}") from error


def _checked(name: str, value: Argument, taken: Sequence[Takes], *, table: str, named: str) -> Argument:
    path = f"{table}.{name}"
    owner = next((one for one in taken if name in one.types), None)
    if owner is None:
        setting = next((one.settings[name] for one in taken if name in one.settings), None)
        require(setting is None, f"{path} is the setting train.{setting}; give it there")
        raise SpecError(f"{path}: {_unknown(name, taken, named)}")
    typed = _as_type(value, owner.types[name])
    wanted = _IN_WORDS[owner.types[name]]
    require(typed is not None, f"{path} must be {wanted}, got {value!r}")
    require(
        name not in _SHARES or (isinstance(typed, float) and 0 <= typed < 1), f"{path} must be in [0, 1), got {value!r}"
    )
    require(
        name not in _NOT_BELOW_0 or (isinstance(typed, float) and typed >= 0),
        f"{path} must be 0 or more, got {value!r}",
    )
    choices = owner.choices.get(name, ())
    require(not choices or typed in choices, f"{path} must be one of {', '.join(choices)}, got {value!r}")
    return value if typed is None else typed


def _unknown(name: str, taken: Sequence[Takes], named: str) -> str:
    known = sorted({argument for one in taken for argument in one.types})
    return unknown(f"argument of {named}", name, known) if known else f"{named} takes no arguments"


def _as_type(value: Argument, kind: ArgumentType) -> Argument | None:
    """Return a value as its type has it; None if it is of another type."""
    if isinstance(value, bool) or kind == "boolean":
        return value if isinstance(value, bool) and kind == "boolean" else None
    if isinstance(value, str) or kind == "text":
        return value if isinstance(value, str) and kind == "text" else None
    if not -_LARGEST <= value <= _LARGEST:  # infinite, or NaN
        return None
    if kind == "integer":
        return int(value) if float(value).is_integer() else None
    return float(value)
