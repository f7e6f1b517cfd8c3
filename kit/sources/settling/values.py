"""Labels as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from kit.errors import SourceError, SpecError, option
from kit.sources.label_kinds import Kind
from kit.sources.label_origin import LabelOrigin
from kit.sources.settling.settled import Settled
from kit.specs.source import SourceSpec
from kit.targets.cells.text import number_of
from kit.targets.values import Values

_LARGEST = 1e38  # numbers are stored as float32
_EXACT = 1 << 24  # 16,777,216: float32 holds every whole number up to it


def settle(labels: Mapping[str, int], spec: SourceSpec, origin: LabelOrigin, kind: Kind) -> Settled:
    """Read each label as numbers.

    Raises:
        SourceError: One is no number, or too large.
        SpecError: New names of columns that there are not.
    """
    del kind
    parts = {label: label.split() if origin.are_columns else [label] for label in labels}
    for label, found in parts.items():
        for part in found:
            number = number_of(part)
            if number is None or abs(number) > _LARGEST:
                raise SourceError(f"{origin.where(label)}: {no_number(part)}")
    columns = origin.columns or ("value",)
    chosen = _new_names(columns, spec)
    target = Values.of([chosen.get(name, name) for name in columns], [*Counter(labels).elements()])
    return Settled(target, notes=_lost_digits((part for found in parts.values() for part in found), origin))


def no_number(part: str) -> str:
    """Explain that a label is no value."""
    is_number, is_decimal = (number_of(text) is not None for text in (part, part.replace(",", ".")))
    what = f"too large: numbers reach {_LARGEST:g}" if is_number else "no number"
    step = "write decimals with a point" if is_decimal and not is_number else "correct it"
    return f"'{part}' is {what}; {step}, or leave the image out with a file for {option('exclude')}"


def _new_names(columns: Sequence[str], spec: SourceSpec) -> Mapping[str, str]:
    """Return the new names of values: by their columns' names, or in their columns' order.

    Raises:
        SpecError: They are for other columns.
    """
    names = spec.class_names
    fits = len(names) == len(columns) if names else spec.renamings.keys() <= set(columns)
    if not fits:
        asked = option("class_names" if names else "classes")
        raise SpecError(f"{asked} renames the columns of values, which are {', '.join(columns)}")
    return dict(zip(columns, names, strict=True)) if names else spec.renamings


def _lost_digits(numbers: Iterable[str], origin: LabelOrigin) -> tuple[str, ...]:
    """Tell of whole numbers that float32 rounds."""
    large = {text: number for text in numbers if abs(number := float(text)) > _EXACT and number % 1 == 0}
    rounded = [text for text, number in large.items() if float(np.float32(number)) != number]
    if not rounded:
        return ()
    first = rounded[0]
    stored = f"{np.float32(first):.0f}, as float32 holds whole numbers up to {_EXACT:,} exactly"
    return (f"{origin.where(first)}: {first} is stored as {stored}; numbers that are rounded: {len(rounded):,}",)
