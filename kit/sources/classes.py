"""Classes from labels: renamed, with one spelling each, and refused where they are missing values, tags or numbers."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from kit.errors import SourceError, SpecError, first_three, option, unknown
from kit.sources.label_kinds import find_tags, find_values
from kit.sources.record import Record
from kit.specs.source import SourceSpec
from kit.targets.classes import Classes

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_SHOWN = 3  # groups of spellings in a message
_MISSING = frozenset({"nan", "<na>", "#n/a", "n/a", "null"})  # missing values of pandas, R, spreadsheets, databases


def rename_classes(records: Sequence[Record], spec: SourceSpec) -> list[Record]:
    """Rename labels by the spec's `classes` or `class_names`; other labels stay.

    Raises:
        SpecError: A renamed label does not occur, or `class_names` does not name every label.
    """
    chosen = spec.renamings
    known = {record.label for record in records if record.label is not None}
    if spec.class_names and known != set(chosen):
        raise SpecError(
            f"{option('class_names')} gives {len(chosen)} names, for the labels 0 to {len(chosen) - 1}; the labels are"
            f" {first_three(sorted(known, key=lambda label: (len(label), label)), len(known))}"
        )
    if lost := [label for label in chosen if label not in known]:
        raise SpecError(f"{option('classes')}: {unknown('label', lost[0], known)}")
    return _renamed(records, chosen)


def settle_classes(records: Sequence[Record], spec: SourceSpec) -> list[Record]:
    """Rename classes by the spec, and merge equal numbers into the class of the shortest spelling: 0 and 0.0 become 0.

    Labels and classes named in the spec's `classes` are not checked.

    Raises:
        SpecError: A renamed label does not occur.
        SourceError: Labels mean "missing", differ in case or blanks only, or are tags or values.
    """
    renamed = rename_classes(records, spec)
    given = {name for pair in spec.renamings.items() for name in pair}
    counts = Counter(record.label for record in renamed if record.label is not None)
    judged = {label: count for label, count in counts.items() if label not in given}
    _refuse_missing(judged, spec)
    shorter = _one_spelling(judged)
    _refuse_spellings({shorter.get(label, label): counts[label] for label in counts}, spec)
    _refuse_tags(judged, spec)
    _refuse_values(judged, spec)
    return _renamed(renamed, shorter)


def class_target(records: Iterable[Record]) -> Classes:
    """Sort the labels; as numbers if all are."""
    labels = {str(record.label) for record in records if record.label is not None}
    if all(label.isdecimal() for label in labels):
        return Classes(names=tuple(sorted(labels, key=lambda label: (int(label), label))))
    return Classes(names=tuple(sorted(labels)))


def loose(name: str) -> str:
    """Normalise a name for comparison, without case and blanks."""
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _renamed(records: Sequence[Record], chosen: Mapping[str, str]) -> list[Record]:
    if not chosen:
        return list(records)
    return [
        msgspec.structs.replace(record, label=chosen.get(record.label or "", record.label))
        if record.label in chosen
        else record
        for record in records
    ]


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _one_spelling(labels: Iterable[str]) -> dict[str, str]:
    """Map each spelling of a number with several spellings to the shortest."""
    spellings: dict[Decimal, list[str]] = {}
    for label in labels:
        if (number := _number(label)) is not None:
            spellings.setdefault(number, []).append(label)
    return {
        label: min(same, key=lambda text: (len(text), text))
        for same in spellings.values()
        if len(same) > 1
        for label in same
    }


def _refuse_missing(counts: Mapping[str, int], spec: SourceSpec) -> None:
    missing = {label: count for label, count in counts.items() if label.casefold() in _MISSING}
    if missing:
        label, count = next(iter(missing.items()))
        raise SourceError(
            f"{_origin(spec)}: {_images(count)} labelled '{label}', which means that the label is missing;"
            f" leave them out with a file for {option('exclude')}, or name their class with"
            f" {_classes([(label, 'CLASS')])}"
        )


def _refuse_spellings(counts: Mapping[str, int], spec: SourceSpec) -> None:
    kept = {old for old, new in spec.renamings.items() if old == new}
    alike: dict[str, list[str]] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        alike.setdefault(loose(label), []).append(label)
    groups = [same for same in alike.values() if len(set(same) - kept) > 1]
    if not groups:
        return
    told = [" and ".join(f"'{name}' ({_images(counts[name])})" for name in same) for same in groups]
    more = f"; … ({len(told)} such)" if len(told) > _SHOWN else ""
    pairs = [(name, same[0]) for same in groups for name in same[1:]]
    one, apart = _classes(pairs), _classes([(old, old) for old, _ in pairs])
    raise SourceError(
        f"{_origin(spec)}: labels that differ in case or blanks only: {'; '.join(told[:_SHOWN])}{more};"
        f" make them one with {one}, or keep them apart with {apart}"
    )


def _refuse_tags(counts: Mapping[str, int], spec: SourceSpec) -> None:
    if (tags := find_tags(counts)) is None:
        return
    raise SourceError(
        f"the {sum(counts.values()):,} labels of {_origin(spec)} look like tags joined by '{tags.separator}'"
        f" ({tags.tags} tags in {tags.combinations} combinations, such as '{tags.example}'): kit trains one class an"
        " image; name a class for each combination with"
        f" {_classes([(tags.example, tags.example.replace(tags.separator, '+'))])},… or leave such images out with a"
        f" file for {option('exclude')}"
    )


def _refuse_values(counts: Mapping[str, int], spec: SourceSpec) -> None:
    if (values := find_values(counts)) is None:
        return
    raise SourceError(
        f"the {sum(counts.values()):,} labels of {_origin(spec)} look like values ({values.count} different numbers"
        f" from {values.lowest} to {values.highest}, such as {values.example}): kit trains one class an image, not"
        f" numbers; give a {option('label_column')} of classes"
    )


def _classes(pairs: Sequence[tuple[str, str]]) -> str:
    """Write renamings as an argument, quoted for a shell."""
    parts = (f"{old}={new}" for old, new in pairs)
    typed = shlex.quote(",".join(f'"{part}"' if "," in part else part for part in parts))
    return option("classes", dict(pairs), typed=typed)


def _origin(spec: SourceSpec) -> str:
    return Path(spec.labels).name if spec.labels else spec.folder


def _images(count: int) -> str:
    return f"{count:,} image{'s' * (count != 1)}"
