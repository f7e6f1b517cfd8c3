"""Names in labels: renamed as asked, one spelling each, and refused where they mean that a label is missing."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal

from kit.errors import SourceError, SpecError, first_three, option, unknown
from kit.sources.label_origin import LabelOrigin
from kit.specs.source import SourceSpec

Names = tuple[str, ...]
"""Names in one label: one, or any number of tags."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_SHOWN = 3  # groups of spellings in a message
_MISSING = frozenset({"nan", "<na>", "#n/a", "n/a", "null"})  # missing values of pandas, R, spreadsheets, databases


def settle_names(
    labels: Mapping[str, int], spec: SourceSpec, origin: LabelOrigin, read: Callable[[str], Sequence[str]]
) -> dict[str, Names]:
    """Read the names in each label: renamed as asked, equal numbers spelled as the shortest of them: 0 and 0.0 are 0.

    Labels and classes named in the spec's `classes` are not checked.

    Args:
        labels: Images by label.
        spec: Source as the user named it.
        origin: Origin of the labels.
        read: Function that splits a label into names.

    Raises:
        SpecError: A renamed label does not occur.
        SourceError: Names mean "missing", or differ in case or blanks only.
    """
    chosen = renamings(labels, spec, origin, read)
    renamed = {label: _renamed(label, read, chosen) for label in labels}
    counts = Counter[str]()
    for label, names in renamed.items():
        for name in names:
            counts[name] += labels[label]
    given = {name for pair in chosen.items() for name in pair}
    judged = {name: count for name, count in counts.items() if name not in given}
    _refuse_missing(judged, origin)
    shorter = _one_spelling(judged)
    _refuse_spellings({shorter.get(name, name): counts[name] for name in counts}, spec, origin)
    return {label: tuple(dict.fromkeys(shorter.get(name, name) for name in names)) for label, names in renamed.items()}


def renamings(
    labels: Collection[str], spec: SourceSpec, origin: LabelOrigin, read: Callable[[str], Sequence[str]]
) -> Mapping[str, str]:
    """Return the new names of the names in labels, or of whole labels.

    Raises:
        SpecError: A renamed label does not occur, or `class_names` does not name every label.
    """
    known = {name for label in labels for name in read(label)}
    known |= set(origin.columns) if origin.are_columns else set()
    if spec.class_names and known == set(spec.class_names):  # their order is asked for, not other names
        return {}
    chosen = spec.renamings
    if spec.class_names and known != set(chosen):
        raise SpecError(
            f"{option('class_names')} gives {len(chosen)} names, for the labels 0 to {len(chosen) - 1}; the labels are"
            f" {first_three(sorted(known, key=lambda label: (len(label), label)), len(known))}"
        )
    if lost := [label for label in chosen if label not in known and label not in labels]:
        raise SpecError(f"{option('classes')}: {unknown('label', lost[0], known)}")
    return chosen


def sorted_names(names: Iterable[str]) -> Names:
    """Sort names; as numbers if all are whole ones."""
    different = set(names)
    if all(name.isdecimal() for name in different):
        return tuple(sorted(different, key=lambda name: (int(name), name)))
    return tuple(sorted(different))


def loose(name: str) -> str:
    """Normalise a name for comparison, without case and blanks."""
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _renamed(label: str, read: Callable[[str], Sequence[str]], chosen: Mapping[str, str]) -> Names:
    """Rename a whole label, or each name in it."""
    if label in chosen:
        return (chosen[label],) if chosen[label] == label else tuple(read(chosen[label]))
    return tuple(chosen.get(name, name) for name in read(label))


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _one_spelling(names: Iterable[str]) -> dict[str, str]:
    """Map each spelling of a number that has several to the shortest."""
    spellings: dict[Decimal, list[str]] = {}
    for name in names:
        if (number := _number(name)) is not None:
            spellings.setdefault(number, []).append(name)
    return {
        name: min(same, key=lambda text: (len(text), text))
        for same in spellings.values()
        if len(same) > 1
        for name in same
    }


def _refuse_missing(counts: Mapping[str, int], origin: LabelOrigin) -> None:
    missing = {name: count for name, count in counts.items() if name.casefold() in _MISSING}
    if missing:
        name, count = next(iter(missing.items()))
        raise SourceError(
            f"{origin.where(name)}: {_images(count)} labelled '{name}', which means that the label is missing;"
            f" leave them out with a file for {option('exclude')}, or name their class with"
            f" {_classes([(name, 'CLASS')])}"
        )


def _refuse_spellings(counts: Mapping[str, int], spec: SourceSpec, origin: LabelOrigin) -> None:
    kept = {old for old, new in spec.renamings.items() if old == new}
    alike: dict[str, list[str]] = {}
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        alike.setdefault(loose(name), []).append(name)
    groups = [same for same in alike.values() if len(set(same) - kept) > 1]
    if not groups:
        return
    told = [" and ".join(f"'{name}' ({_images(counts[name])})" for name in same) for same in groups]
    more = f"; … ({len(told)} such)" if len(told) > _SHOWN else ""
    pairs = [(name, same[0]) for same in groups for name in same[1:]]
    one, apart = _classes(pairs), _classes([(old, old) for old, _ in pairs])
    raise SourceError(
        f"{origin.where(pairs[0][0])}: labels that differ in case or blanks only: {'; '.join(told[:_SHOWN])}{more};"
        f" make them one with {one}, or keep them apart with {apart}"
    )


def _classes(pairs: Sequence[tuple[str, str]]) -> str:
    """Write renamings as an argument, quoted for a shell."""
    parts = (f"{old}={new}" for old, new in pairs)
    typed = shlex.quote(",".join(f'"{part}"' if "," in part else part for part in parts))
    return option("classes", dict(pairs), typed=typed)


def _images(count: int) -> str:
    return f"{count:,} image{'s' * (count != 1)}"
