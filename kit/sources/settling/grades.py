"""Labels as grades, in their order."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kit.errors import SourceError, SpecError, first_three, option
from kit.sources.classes import settle_names
from kit.sources.label_kinds import Kind
from kit.sources.label_origin import LabelOrigin
from kit.sources.settling.settled import Settled, single
from kit.specs.source import SourceSpec
from kit.targets.cells.text import is_fraction, number_of
from kit.targets.grades import Grades


def settle(labels: Mapping[str, int], spec: SourceSpec, origin: LabelOrigin, kind: Kind) -> Settled:
    """Take each label for a grade."""
    del kind
    names = settle_names(labels, spec, origin, lambda label: (_whole(label),))
    return Settled(Grades(names=_ordered(names, spec, origin)), single(names))


def _whole(label: str) -> str:
    """Write a whole number without a point: grade 2.0 is 2."""
    number = number_of(label)
    return label if number is None or is_fraction(label) else f"{number.to_integral_value():f}"


def _ordered(names: Mapping[str, tuple[str, ...]], spec: SourceSpec, origin: LabelOrigin) -> tuple[str, ...]:
    """Order grades: as they are given, else as numbers.

    Raises:
        SourceError: A grade between grades.
        SpecError: Words without an order, or an order that lacks one.
    """
    found = {name for (name,) in names.values()}
    given = spec.class_names or tuple(dict.fromkeys(new for _, new in spec.classes))
    if given and found <= set(given):
        return tuple(name for name in given if name in found)
    words = [name for name in found if number_of(name) is None]
    if words:
        order = option("class_names", ("LOWEST", "HIGHEST"), typed="LOWEST,…,HIGHEST")
        raise SpecError(
            f"{origin.name}: grades need an order, and {first_three(sorted(words), len(words))} are words; give all"
            f" {len(found)} from the lowest to the highest with {order}"
        )
    between = {label: name for label, (name,) in names.items() if is_fraction(name)}
    if between:
        label, name = next(iter(between.items()))
        whole = [other for other in found if not is_fraction(other)]
        order = option("class_names", _sorted(found), typed=",".join(_sorted(found)))
        raise SourceError(
            f"{origin.where(label)}: '{name}' is a grade between grades"
            f" ({first_three(_sorted(whole), len(whole))}); correct it, or state all grades with {order}, or take"
            f" the labels as numbers with {option('target', 'values')}"
        )
    return _sorted(found)


def _sorted(names: Collection[str]) -> tuple[str, ...]:
    """Sort names that are numbers by what they are."""
    return tuple(sorted(names, key=lambda name: (number_of(name) or 0, name)))
