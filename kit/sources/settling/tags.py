"""Labels as tags."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from kit.errors import SourceError, SpecError, option, unknown
from kit.sources.classes import renamings, settle_names, sorted_names
from kit.sources.label_kinds import Kind, free_separator
from kit.sources.label_origin import LabelOrigin
from kit.sources.record import UNLABELLED
from kit.sources.settling.settled import Settled
from kit.specs.source import SourceSpec
from kit.targets.cells.text import parts_of
from kit.targets.tags import Tags


def settle(labels: Mapping[str, int], spec: SourceSpec, origin: LabelOrigin, kind: Kind) -> Settled:
    """Split each label into tags."""
    read = _reader(labels, spec, origin, kind.separator)
    names = settle_names(labels, spec, origin, read)
    ordered = _ordered(names, labels, spec, origin, read)
    _refuse_names(ordered, names, origin)
    separator = kind.separator
    if any(separator in name or (separator == " " and len(name.split()) > 1) for name in ordered):  # renamed
        separator = free_separator(ordered)
    target = Tags(names=ordered, separator=separator, no_tag=spec.no_tag or "", are_columns=origin.are_columns)
    order = {name: index for index, name in enumerate(ordered)}
    texts = {label: target.join(sorted(found, key=order.__getitem__)) for label, found in names.items()}
    return Settled(target, texts)


def _ordered(
    names: Mapping[str, tuple[str, ...]],
    labels: Mapping[str, int],
    spec: SourceSpec,
    origin: LabelOrigin,
    read: Callable[[str], Sequence[str]],
) -> tuple[str, ...]:
    """Order tags as their columns, else by name."""
    if not origin.are_columns:
        return sorted_names(name for found in names.values() for name in found)
    chosen = renamings(labels, spec, origin, read)
    return tuple(dict.fromkeys(chosen.get(name, name) for name in origin.columns if name != spec.no_tag))


def _refuse_names(ordered: Collection[str], names: Mapping[str, tuple[str, ...]], origin: LabelOrigin) -> None:
    """Refuse labels without any tag, and the name that images without labels are counted by."""
    if not any(names.values()):
        raise SourceError(f"{origin.name}: no image has a tag{origin.in_columns}; correct the labels or their columns")
    if UNLABELLED in ordered:
        renamed = option("classes", {UNLABELLED: "none"}, typed=f"{UNLABELLED}=none")
        raise SourceError(
            f"{origin.name}: a tag called '{UNLABELLED}' would be counted with the images without labels; give it"
            f" another name with {renamed}"
        )


def _reader(
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
