"""Texts that may be numbers, or names with a sign between them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from decimal import Decimal, InvalidOperation

SEPARATORS = ("|", ";", ",", " ")  # between tags; a blank last, because names may hold it


def number_of(text: str) -> Decimal | None:
    """Read a finite decimal number exactly, of those that a float can hold; None for any other text."""
    try:
        number = Decimal(text.replace("_", "x"))
    except InvalidOperation:
        return None
    return number if math.isfinite(number) else None


def is_fraction(text: str) -> bool:
    """Whether a text is a number that is not whole."""
    number = number_of(text)
    return number is not None and number != number.to_integral_value()


def is_probability(text: str) -> bool:
    """Whether a text is a number from 0 to 1."""
    number = number_of(text)
    return number is not None and 0 <= number <= 1


def parts_of(label: str, separator: str) -> list[str]:
    """Split a label; parts that are empty do not count."""
    return [part.strip() for part in label.split(separator) if part.strip()]


def split_names(cell: str, separator: str, known: Collection[str]) -> list[str]:
    """Split a cell into names, unless all of it is a known one."""
    return [cell] if cell in known else parts_of(cell, separator)


def separators_of(names: Iterable[str]) -> list[str]:
    """List the signs that may stand between names because none holds them, the blank first."""
    held = "".join(names)
    return [sign for sign in (" ", *SEPARATORS[:-1]) if sign not in held] or [SEPARATORS[0]]
