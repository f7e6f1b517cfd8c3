"""Names of optimizers as settings write them: NAME, or WRAPPER(INNER) where INNER is again a name."""

from __future__ import annotations

import re
from typing import NamedTuple

from kit.errors import SpecError

_DEEPEST = 8  # parentheses within each other: more are a slip, and the text becomes the name of a folder
_NAME = re.compile(r"(?:addons/)?[A-Za-z][A-Za-z0-9_]*")


class Named(NamedTuple):
    """Name of an optimizer, and of what it goes around.

    Attributes:
        name: Name without parentheses, such as "lookahead" or "addons/Lookahead".
        inner: Name within the parentheses; None without parentheses.
    """

    name: str
    inner: Named | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All names, the outermost first."""
        return (self.name, *(self.inner.names if self.inner else ()))

    def __str__(self) -> str:
        """Write the name as `parse_named` reads it."""
        return f"{self.name}({self.inner})" if self.inner else self.name


def parse_named(text: str) -> Named:
    """Read a name, or a wrapper around another name.

    >>> parse_named("addons/Lookahead(adamw)").names
    ('addons/Lookahead', 'adamw')

    Raises:
        SpecError: The text is neither.
    """
    found = _read(text) if text.count("(") < _DEEPEST else None
    if found is None:
        raise SpecError(
            f"'{text}' must be a name, as adam or addons/RectifiedAdam, or one around another, as lookahead(adamw)"
        )
    return found


def _read(text: str) -> Named | None:
    name, parenthesis, rest = text.partition("(")
    if not _NAME.fullmatch(name):
        return None
    if not parenthesis:
        return Named(name)
    inner = _read(rest[:-1]) if rest.endswith(")") else None
    return inner and Named(name, inner)
