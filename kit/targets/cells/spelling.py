"""How a sample writes the names of a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from kit.targets.cells.text import is_fraction, number_of, split_names


@dataclass(frozen=True, slots=True)
class Spelling:
    """Spelling of names in cells.

    Attributes:
        separator: Sign between the names of one cell.
        texts: Texts of the names whose spelling differs from that of the labels, such as 2 for 2.0.
    """

    separator: str = " "
    texts: Mapping[str, str] = field(default_factory=dict)

    def write(self, name: str) -> str:
        """Spell a name."""
        return self.texts.get(name, name)

    def read(self, text: str) -> str:
        """Name what a text spells; texts that spell no name stay as they are."""
        return next((name for name, other in self.texts.items() if other == text), text)

    def parts(self, cell: str, names: Sequence[str]) -> list[str]:
        """Split a cell into the names that it spells.

        Args:
            cell: Text of the cell.
            names: Names of the target, of which one may hold the separator.
        """
        return [self.read(part) for part in split_names(cell, self.separator, {*names, *self.texts.values()})]


def spell_numbers(names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Spell names that are numbers as cells do: 2 where they are whole numbers, 2.0 where they have a point.

    Args:
        names: Names of a target.
        cells: Texts of a sample; words among them say nothing.

    Returns:
        Texts of the names that cells spell differently; none if two names would be spelled alike.

    >>> spell_numbers(["0.0", "1.0"], ["0"]), spell_numbers(["0", "1"], ["1.0"]), spell_numbers(["007"], ["007", "8"])
    ({'0.0': '0', '1.0': '1'}, {'0': '0.0', '1': '1.0'}, {})
    """
    numbers, known = [cell for cell in cells if number_of(cell) is not None], set(map(number_of, names))
    if not numbers or any(is_fraction(cell) and number_of(cell) not in known for cell in numbers):
        return {}  # nothing is said, or probabilities and expected grades are meant
    by_number = {number_of(cell): cell for cell in numbers}
    has_point = all("." in cell for cell in numbers)
    are_alike = all(cell in names or number_of(cell) not in known for cell in numbers)
    texts = {}
    for name in names:
        is_kept = name in cells or (are_alike and has_point == ("." in name))
        texts[name] = name if is_kept else _spell(name, by_number, has_point=has_point)
    if len(set(texts.values())) < len(texts):
        return {}
    return {name: text for name, text in texts.items() if text != name}


def _spell(name: str, by_number: Mapping[Decimal | None, str], *, has_point: bool) -> str:
    """Spell one name as the cell of its number; whole numbers with a point or without it, as all cells are."""
    number = number_of(name)
    if number is None or is_fraction(name):
        return name if number is None else by_number.get(number, name)
    return by_number.get(number, f"{number:.1f}" if has_point else f"{number:.0f}")
