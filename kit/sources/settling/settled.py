"""A target, and the labels as it reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kit.targets import Target


@dataclass(frozen=True, slots=True)
class Settled:
    """Target of a source's labels.

    Attributes:
        target: Target that was found or asked for.
        texts: Text of each label that the target reads; labels without one stay as they are.
        notes: Remarks on the labels for people, each a line.
    """

    target: Target
    texts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def single(names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Take the one name of each label."""
    return {label: name for label, (name,) in names.items()}
