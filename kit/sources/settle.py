"""Labels of a whole source become a target: found or asked for, and each label the text that the target reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from kit.errors import SourceError, SpecError, first_three, option, unknown
from kit.sources.classes import renamings, settle_names, sorted_names
from kit.sources.label_kinds import Kind, free_separator, kind_of_labels, odd_among_numbers
from kit.sources.label_origin import LabelOrigin
from kit.sources.record import UNLABELLED, Record
from kit.specs.source import SourceSpec
from kit.targets import Target
from kit.targets.cells.text import SEPARATORS, is_fraction, number_of, parts_of
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

_LARGEST = 1e38  # numbers are stored as float32

Settled = tuple[Target, Mapping[str, str]]
"""Target, and the text of each label."""


def settle_labels(records: Sequence[Record], spec: SourceSpec, origin: LabelOrigin) -> tuple[list[Record], Target]:
    """Find the target of a source's labels, and write each label as the target reads it.

    Args:
        records: Records with labels as they stand in the file, and unlabelled ones.
        spec: Source as the user named it.
        origin: Origin of the labels.

    Raises:
        SpecError: Names to change that no image has, or names of grades without an order.
        SourceError: Labels of which two readings remain, with both as `choices`; labels that mean "missing", that
            differ in case or blanks only, or that the target cannot hold; or nothing to tell apart.
    """
    labels = Counter(record.label for record in records if record.label is not None)
    kind = _kind(labels, spec, origin)
    target, texts = _SETTLE[kind.target](labels, spec, origin, kind)
    settled = _renamed(records, texts)
    _refuse_few(settled, target)
    return settled, target


def class_target(records: Sequence[Record]) -> Classes:
    """Take labels as they are for classes."""
    return Classes(names=sorted_names(record.label for record in records if record.label is not None))


def _kind(labels: Mapping[str, int], spec: SourceSpec, origin: LabelOrigin) -> Kind:
    """Take the target that is asked for, or that the columns settle; else look at the labels.

    Raises:
        SourceError: Two readings remain.
    """
    given = {name for pair in spec.renamings.items() for name in pair}
    judged = {label: count for label, count in labels.items() if label not in given and label != spec.no_tag}
    asked = spec.wanted_target
    if asked is None and origin.target:
        return Kind(origin.target, separator=origin.separator)
    if asked is not None:
        return Kind(asked, separator=_separator(judged, spec, origin) if asked == "tags" else " ")
    named = [label for label in labels if label in given and not any(sign in label for sign in SEPARATORS)]
    kind = kind_of_labels(judged, named=named, are_numbers=not origin.are_folders)
    if kind.target == "classes" and not origin.are_folders and (odd := odd_among_numbers(judged)):
        raise SourceError(
            f"{origin.where(odd)}: {_no_number(odd)}, or take all labels as names with {option('target', 'classes')}"
        )
    if not kind.other:
        return kind
    if chosen := origin.choose(judged, (kind.target, kind.other)):
        return Kind(chosen, separator=kind.separator)
    choices = sorted((kind.target, kind.other))
    raise SourceError(
        f"{origin.name}: the {sum(judged.values()):,} labels{_of_columns(origin)} may be {' or '.join(choices)}:"
        f" {kind.why}",
        choices=tuple({"target": choice} for choice in choices),
    )


def _of_columns(origin: LabelOrigin) -> str:
    return f" in column{'s' * origin.are_columns} {', '.join(origin.columns)}" if origin.columns else ""


def _separator(labels: Collection[str], spec: SourceSpec, origin: LabelOrigin) -> str:
    """Take the sign between tags that is asked for, or the first that labels hold.

    Raises:
        SourceError: No label holds the sign.
    """
    if origin.are_columns:
        return origin.separator
    if spec.separator is None:
        found = kind_of_labels(dict.fromkeys(labels, 1))
        held = [sign for sign in SEPARATORS if any(sign in label for label in labels)]
        return found.separator if found.target == "tags" else (*held, " ")[0]
    if not any(spec.separator in label for label in labels):
        typed = option("separator", spec.separator, typed=f"'{spec.separator}'")
        raise SourceError(
            f"{origin.name}: no label has {typed} between tags; labels there:"
            f" {first_three(sorted(labels), len(labels))}"
        )
    return spec.separator


# One function a target: of images by label, the source as named, its origin, and the kind


def _classes(labels: Mapping[str, int], spec: SourceSpec, origin: LabelOrigin, kind: Kind) -> Settled:
    del kind
    names = settle_names(labels, spec, origin, lambda label: (label,))
    return Classes(names=sorted_names(name for (name,) in names.values())), _single(names)


def _grades(labels: Mapping[str, int], spec: SourceSpec, origin: LabelOrigin, kind: Kind) -> Settled:
    del kind
    names = settle_names(labels, spec, origin, lambda label: (_whole(label),))
    return Grades(names=_ordered(names, spec, origin)), _single(names)


def _tags(labels: Mapping[str, int], spec: SourceSpec, origin: LabelOrigin, kind: Kind) -> Settled:
    read = _tag_reader(labels, spec, origin, kind.separator)
    names = settle_names(labels, spec, origin, read)
    if origin.are_columns:
        chosen = renamings(labels, spec, origin, read)
        ordered = tuple(dict.fromkeys(chosen.get(name, name) for name in origin.columns if name != spec.no_tag))
    else:
        ordered = sorted_names(name for found in names.values() for name in found)
    if not any(names.values()):
        raise SourceError(
            f"{origin.name}: no image has a tag{_of_columns(origin)}; correct the labels or their columns"
        )
    if UNLABELLED in ordered:
        renamed = option("classes", {UNLABELLED: "none"}, typed=f"{UNLABELLED}=none")
        raise SourceError(
            f"{origin.name}: a tag called '{UNLABELLED}' would be counted with the images without labels; give it"
            f" another name with {renamed}"
        )
    separator = kind.separator
    if any(separator in name or (separator == " " and len(name.split()) > 1) for name in ordered):  # renamed
        separator = free_separator(ordered)
    target = Tags(names=ordered, separator=separator, no_tag=spec.no_tag or "", are_columns=origin.are_columns)
    places = {name: index for index, name in enumerate(ordered)}
    return target, {label: target.join(sorted(found, key=places.__getitem__)) for label, found in names.items()}


def _values(labels: Mapping[str, int], spec: SourceSpec, origin: LabelOrigin, kind: Kind) -> Settled:
    del kind
    for label in labels:
        for part in label.split() if origin.are_columns else [label]:
            number = number_of(part)
            if number is None or abs(number) > _LARGEST:
                raise SourceError(f"{origin.where(label)}: {_no_number(part)}")
    columns = origin.columns or ("value",)
    chosen = _value_names(columns, spec)
    return Values.of([chosen.get(name, name) for name in columns], [*Counter(labels).elements()]), {}


_SETTLE: Mapping[str, Callable[[Mapping[str, int], SourceSpec, LabelOrigin, Kind], Settled]] = {
    "classes": _classes,
    "tags": _tags,
    "grades": _grades,
    "values": _values,
}


def _whole(label: str) -> str:
    """Write a whole number without a point: grade 2.0 is 2."""
    number = number_of(label)
    return label if number is None or is_fraction(label) else f"{number.to_integral_value():f}"


def _single(names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {label: name for label, (name,) in names.items()}


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
        order = option("class_names", sorted_grades(found), typed=",".join(sorted_grades(found)))
        raise SourceError(
            f"{origin.where(label)}: '{name}' is a grade between grades"
            f" ({first_three(sorted_grades(whole), len(whole))}); correct it, or state all grades with {order}, or take"
            f" the labels as numbers with {option('target', 'values')}"
        )
    return sorted_grades(found)


def sorted_grades(names: Collection[str]) -> tuple[str, ...]:
    """Sort names that are numbers by what they are."""
    return tuple(sorted(names, key=lambda name: (number_of(name) or 0, name)))


def _tag_reader(
    labels: Collection[str], spec: SourceSpec, origin: LabelOrigin, separator: str
) -> Callable[[str], Sequence[str]]:
    """Make the function that splits a label into tags.

    Raises:
        SpecError: No label is the word for none.
        SourceError: The word for none stands beside tags.
    """
    none = spec.no_tag
    parts = {label: parts_of(label, separator) for label in labels}
    if none and not origin.are_columns and none not in labels:
        raise SpecError(f"{option('no_tag')}: {unknown('label', none, labels)}")
    for label, found in parts.items():
        if none and none in found and len(found) > 1:
            raise SourceError(f"{origin.where(label)}: '{label}' has '{none}', which means no tag, beside others")

    def read(label: str) -> Sequence[str]:
        found = parts.get(label)
        return () if label == none else parts_of(label, separator) if found is None else _without(found, none)

    return read


def _without(parts: Sequence[str], none: str | None) -> Sequence[str]:
    return [part for part in parts if part != none]


def _no_number(part: str) -> str:
    """Explain that a label is no value."""
    is_number, is_decimal = (number_of(text) is not None for text in (part, part.replace(",", ".")))
    what = f"too large: numbers reach {_LARGEST:g}" if is_number else "no number"
    step = "write decimals with a point" if is_decimal and not is_number else "correct it"
    return f"'{part}' is {what}; {step}, or leave the image out with a file for {option('exclude')}"


def _value_names(columns: Sequence[str], spec: SourceSpec) -> Mapping[str, str]:
    """Return the new names of values.

    Raises:
        SpecError: They are for other columns.
    """
    lost = [name for name in spec.renamings if name not in columns]
    if lost or (spec.class_names and len(spec.class_names) != len(columns)):
        asked = option("class_names" if spec.class_names else "classes")
        raise SpecError(f"{asked} renames the columns of values, which are {', '.join(columns)}")
    return spec.renamings


def _renamed(records: Sequence[Record], texts: Mapping[str, str]) -> list[Record]:
    changed = {label: text for label, text in texts.items() if label != text}
    if not changed:
        return list(records)
    return [
        msgspec.structs.replace(record, label=changed[record.label]) if record.label in changed else record
        for record in records
    ]


def _refuse_few(records: Collection[Record], target: Target) -> None:
    """Refuse labels that leave nothing to learn: all the same, or a class whose only image no split could share.

    Raises:
        SourceError: There are.
    """
    counts = Counter(record.label for record in records if record.label is not None and record.split in {None, "train"})
    if len(counts) < 2:  # noqa: PLR2004 (a choice needs two)
        is_class = isinstance(target, Classes)
        found = f"only {target.noun} '{next(iter(counts))}'" if counts else "no labelled image"
        needed = "classification needs two classes with two images each"
        raise SourceError(f"found {found}; {needed if is_class or not counts else 'nothing tells images apart'}")
    has_validation = any(record.split == "validation" for record in records)
    single = sorted(str(label) for label, count in counts.items() if count == 1)
    if single and not has_validation and target.is_partition:
        noun = target.noun
        hint = f", or take the labels as numbers with {option('target', 'values')}" if _are_numbers(counts) else ""
        raise SourceError(
            f"{noun} with one image: {first_three(single, len(single))};"
            f" train and validation need one each: add images or remove the {noun}{hint}"
        )


def _are_numbers(labels: Collection[str | None]) -> bool:
    return all(label is not None and number_of(label) is not None for label in labels)
