"""Classes that train and never validate, counted in a line each for the terminal."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kit.audits import Audit
from kit.datasets.manifest import Manifest
from kit.errors import first_three
from kit.targets import Target

_THEY = "they train and never validate"


def describe_rare(manifest: Manifest) -> list[str]:
    """Count the classes or grades of a dataset that no image validates, and those that some folds lack.

    Args:
        manifest: Manifest of the dataset.
    """
    if not manifest.target.is_partition or "validation" not in manifest.counts:
        return []
    held = [*manifest.folds.values()] or [manifest.counts["validation"]]
    both = [manifest.counts[split] for split in ("train", "validation") if split in manifest.counts]
    images = {name: sum(part.get(name, 0) for part in both) for name in manifest.classes}
    validated = {name for part in held for name, count in part.items() if count}
    lines = _never(manifest.target, images, validated)
    few = [name for name in validated if images[name] < len(manifest.folds)]
    if few:
        has = "has" if len(few) == 1 else "have"
        lines.append(f"{_classes(manifest.target, len(few))} {has} fewer images than there are folds")
    return lines


def describe_rare_images(audit: Audit) -> list[str]:
    """Count the classes or grades of a source that a division by `kit shard` cannot validate.

    Args:
        audit: Audit of the source.
    """
    found = audit.labelled_counts()
    if not audit.target.is_partition or audit.refused or not found:
        return []
    images = {name: sum(count for split, count in splits.items() if split != "test") for name, splits in found.items()}
    own = any(splits.get("validation") for splits in found.values())
    validated = {name for name, splits in found.items() if (splits.get("validation") if own else images[name] > 1)}
    return _never(audit.target, images, validated)


def _never(target: Target, images: Mapping[str, int], validated: Collection[str]) -> list[str]:
    rare = [name for name, count in images.items() if count and name not in validated]
    single = [name for name in rare if images[name] == 1]
    others = [name for name in rare if images[name] > 1]
    lines = []
    if single:
        has, they = ("has", "it trains and never validates") if len(single) == 1 else ("have", _THEY)
        lines.append(f"{_classes(target, len(single))} {has} one image: {they}")
    if others:
        named = first_three(others, len(others))
        lines.append(f"{target.kind()} without a validation image: {named}; {_THEY}")
    return lines


def _classes(target: Target, count: int) -> str:
    return f"{count:,} {target.noun if count == 1 else target.kind()}"
