"""One module for each target, of its name: a function `settle` that makes the target of a source's labels."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from kit.sources.label_kinds import Kind
from kit.sources.label_origin import LabelOrigin
from kit.sources.settling.settled import Settled
from kit.specs.source import SourceSpec
from kit.targets import TARGETS

Settle = Callable[[Mapping[str, int], SourceSpec, LabelOrigin, Kind], Settled]
"""Function of images by label, the source as named, the origin of the labels and their kind."""

SETTLE: Mapping[str, Settle] = {name: importlib.import_module(f"{__name__}.{name}").settle for name in TARGETS}
"""Functions by the name of their target."""

__all__ = ["SETTLE", "Settle", "Settled"]
