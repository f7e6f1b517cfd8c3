"""Axes of an ablation: settings to vary, each with values or a range."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import msgspec

from kit.arguments import checked_arguments
from kit.errors import SpecError, require
from kit.specs import Setting, override, value_of
from kit.specs.settings import number_kind, written_alone

_WITHIN = r"\((?:[^()\[\]]|\((?:[^()\[\]]|\([^()\[\]]*\))*\))*\)"  # (adamw), or (swa(adamw)): its commas divide nothing
_VALUE = rf"\s*(?:\[[^\[\]]*\]|(?=\S)(?:[^,\[\]()]|{_WITHIN})+)\s*"  # 0.5, [32, 64] or lookahead(adamw)
_VALUES = re.compile(rf"{_VALUE}(?:,{_VALUE})*")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"(?P<log>log:)?(?P<low>{_NUMBER})\.\.(?P<high>{_NUMBER})")
_DIGITS = 3  # significant digits of a drawn number: no ablation shows finer differences, and names stay short


@dataclass(frozen=True, slots=True)
class Range:
    """All numbers from one to another.

    Attributes:
        low: Smallest value, as text.
        high: Largest value, as text.
        is_log: Whether to sample on a logarithmic scale.
    """

    low: str
    high: str
    is_log: bool

    def __post_init__(self) -> None:
        """Refuse a range without two numbers, and a logarithmic range that is not above 0."""
        low, high = self.numbers
        require(low < high, f"range {self} must go from a smaller number to a larger one")
        require(low > 0 or not self.is_log, f"range {self} must begin above 0")

    @property
    def numbers(self) -> tuple[float, float]:
        """Both ends of the range."""
        return float(self.low), float(self.high)

    def __str__(self) -> str:
        """Format the range as `parse_axis` reads it."""
        return f"{'log:' if self.is_log else ''}{self.low}..{self.high}"

    def at(self, share: float, *, whole: bool) -> str:
        """Format the number at a fraction, 0 to 1, of the range; see `text`."""
        low, high = self.numbers
        margin = 0.5 if whole else 0.0  # makes the ends as likely as any other whole number
        first, last = low - margin, high + margin
        exact = first * (last / first) ** share if self.is_log else first + (last - first) * share
        return self.text(exact, whole=whole)

    def text(self, number: float, *, whole: bool) -> str:
        """Format the nearest number that the range can give: a whole number, or one with three significant digits."""
        low, high = self.numbers
        rounded = round(number) if whole else float(f"{number:.{_DIGITS}g}")
        kept = min(max(rounded, low), high)
        return msgspec.json.encode(int(kept) if whole else kept).decode()


@dataclass(frozen=True, slots=True)
class Axis:
    """A setting and its values.

    Attributes:
        path: Dotted path of a setting, such as model.bn_momentum, or of a table with names, such as augment.
        values: Values as text; one text may be a range.
    """

    path: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse an axis without values, with the same one twice, or with a range among others."""
        if not self.values:
            raise SpecError(f"{self.path} needs values, as in {self.path}=a,b")
        if len(set(self.values)) < len(self.values):
            raise SpecError(f"{self.path} names a value twice: {', '.join(self.values)}")
        if len(self.values) > 1 and any(map(_RANGE.fullmatch, self.values)):
            raise SpecError(f"{self.path} takes values or one range, not both: {', '.join(self.values)}")

    @property
    def range(self) -> Range | None:
        """Range of the axis; None for an axis of values."""
        found = _RANGE.fullmatch(self.values[0])
        return Range(found["low"], found["high"], bool(found["log"])) if found else None

    def at(self, share: float, *, whole: bool) -> str:
        """Choose the value at a fraction, 0 to just below 1, of the axis; a number for a range."""
        chosen = self.range
        return chosen.at(share, whole=whole) if chosen else self.values[math.floor(share * len(self.values))]


@checked_arguments
def parse_axis(path: str, values: str) -> Axis:
    """Read "0.99,0.75" as two values, "[32,64],[16,32]" as two lists, and "log:1e-4..1e-1" as a range.

    Raises:
        SpecError: A value or a bracket is missing.
    """
    require(
        bool(_VALUES.fullmatch(values)), f"{path} needs values, as in {path}=a,b or {path}=[1,2],[3,4]; got '{values}'"
    )
    return Axis(path, tuple(value.strip() for value in re.findall(_VALUE, values)))


def normalized(axis: Axis, base: Setting) -> Axis:
    """Normalize an axis' values as a recipe would write them: 0.50 and 0.5 are the same.

    Raises:
        SpecError: Unknown setting, a refused value or end of a range, a range for a setting that is not a number, or a
            repeated value.
    """
    if axis.range is None:
        plain: dict[str, str] = {}
        for value in axis.values:
            same = plain.setdefault(_normalized(axis.path, value, base), value)
            require(same == value, f"{axis.path} names a value twice: {same} and {value} are the same")
        return Axis(axis.path, tuple(plain))
    if number_kind(base, axis.path) is None:
        raise SpecError(f"{axis.path} takes no range, as it is not a number; name its values, as in {axis.path}=a,b")
    low, high = (_normalized(axis.path, end, base) for end in (axis.range.low, axis.range.high))
    return Axis(axis.path, (str(Range(low, high, axis.range.is_log)),))


def _normalized(path: str, value: str, base: Setting) -> str:
    """Normalize a value as a recipe would write it; the name of a table without another name stays.

    An argument of another optimizer than the base's is checked with each arm, which may name that optimizer.
    """
    alone = written_alone(base, path, value)
    if alone is not None:
        return alone
    changed = override(base, {path: value})
    plain = value_of(changed, path)
    return plain if override(base, {path: plain}) == changed else value
