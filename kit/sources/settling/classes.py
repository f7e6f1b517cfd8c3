"""Labels as classes."""

from __future__ import annotations

from collections.abc import Mapping

from kit.sources.classes import settle_names, sorted_names
from kit.sources.label_kinds import Kind
from kit.sources.label_origin import LabelOrigin
from kit.sources.settling.settled import Settled, single
from kit.specs.source import SourceSpec
from kit.targets.classes import Classes


def settle(labels: Mapping[str, int], spec: SourceSpec, origin: LabelOrigin, kind: Kind) -> Settled:
    """Take each label for a class."""
    del kind
    names = settle_names(labels, spec, origin, lambda label: (label,))
    return Settled(Classes(names=sorted_names(name for (name,) in names.values())), single(names))
