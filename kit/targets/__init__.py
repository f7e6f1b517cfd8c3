"""Targets: what a dataset's labels are, and what follows from it.

A target is pure: NumPy arrays and texts, nothing of files, Keras or CSV. Each kind is a module of this package, found
by walking it, and a member of the union that a manifest holds. What differs by kind is asked of the target: `Labels`,
`TargetCells` and `Target` list the questions, with answers that suit most.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, TypeAlias, Union

from kit.targets.decision import NO_DECISION, Decision
from kit.targets.head import Head
from kit.targets.label import Truth
from kit.targets.scoring import judge
from kit.targets.target import Target

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

TARGETS: dict[str, type[Target]] = {kind.kind(): kind for kind in Target.__subclasses__()}
"""Kinds of targets by the name that `--target` takes."""

if TYPE_CHECKING:
    AnyTarget: TypeAlias = Target
else:
    AnyTarget = Union[tuple(TARGETS.values())]  # noqa: UP007 (made at run time); msgspec reads each kind by its tag

__all__ = ["NO_DECISION", "TARGETS", "AnyTarget", "Decision", "Head", "Target", "Truth", "judge"]
