"""Labels of a whole source become a target: found or asked for, and each label the text that the target reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import msgspec

from kit.errors import SourceError, first_three, option
from kit.sources.classes import sorted_names
from kit.sources.label_kinds import Kind, kind_of_labels, odd_among_numbers
from kit.sources.label_origin import LabelOrigin
from kit.sources.record import Record
from kit.sources.settling import SETTLE, Settled
from kit.sources.settling.values import no_number
from kit.specs.source import SourceSpec
from kit.targets import Target
from kit.targets.cells.text import SEPARATORS, number_of
from kit.targets.classes import Classes


def settle_labels(records: Sequence[Record], spec: SourceSpec, origin: LabelOrigin) -> tuple[list[Record], Settled]:
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
    settled = SETTLE[kind.target](labels, spec, origin, kind)
    changed = _renamed(records, settled.texts)
    _refuse_few(changed, settled.target)
    return changed, settled


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
            f"{origin.where(odd)}: {no_number(odd)}, or take all labels as names with {option('target', 'classes')}"
        )
    if not kind.other:
        return kind
    if chosen := origin.choose(judged, (kind.target, kind.other)):
        return Kind(chosen, separator=kind.separator)
    choices = sorted((kind.target, kind.other))
    raise SourceError(
        f"{origin.name}: the {sum(judged.values()):,} labels{origin.in_columns} may be {' or '.join(choices)}:"
        f" {kind.why}",
        choices=tuple({"target": choice} for choice in choices),
    )


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
        return found.separator if "tags" in {found.target, found.other} else (*held, " ")[0]
    if not any(spec.separator in label for label in labels):
        typed = option("separator", spec.separator, typed=f"'{spec.separator}'")
        raise SourceError(
            f"{origin.name}: no label has {typed} between tags; labels there:"
            f" {first_three(sorted(labels), len(labels))}"
        )
    return spec.separator


def _renamed(records: Sequence[Record], texts: Mapping[str, str]) -> list[Record]:
    changed = {label: text for label, text in texts.items() if label != text}
    if not changed:
        return list(records)
    return [
        msgspec.structs.replace(record, label=changed[record.label]) if record.label in changed else record
        for record in records
    ]


def _refuse_few(records: Collection[Record], target: Target) -> None:
    """Refuse labels that leave nothing to learn: all the same, or all different where each is a class.

    Raises:
        SourceError: They do.
    """
    counts = Counter(record.label for record in records if record.label is not None and record.split in {None, "train"})
    if len(counts) < 2:  # noqa: PLR2004 (a choice needs two)
        found = f"only {target.noun} '{next(iter(counts))}'" if counts else "no labelled image"
        raise SourceError(f"found {found}; nothing tells images apart")
    has_validation = any(record.split == "validation" for record in records)
    if target.is_partition and not has_validation and max(counts.values()) == 1:
        noun, names = target.noun, sorted(map(str, counts))
        hint = f", or take the labels as numbers with {option('target', 'values')}" if _are_numbers(counts) else ""
        raise SourceError(
            f"every {noun} has one image: {first_three(names, len(names))}; it trains, and none is left for validation:"
            f" add images of one {noun} at least{hint}"
        )


def _are_numbers(labels: Collection[str | None]) -> bool:
    return all(label is not None and number_of(label) is not None for label in labels)
