"""Nodes of a cluster as an engine sees them: their room, and whether they have the same software."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.engines.node import Node
from kit.errors import EngineError

_OURS = "kit's code"
_PACKAGES = (  # what the bytes of shards and the figures of trainings depend on
    "kit",
    "imagecodecs",
    "keras",
    "numpy",
    "opencv-python-headless",
    "tensorflow",
    "tifffile",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Share of a machine that a task takes.

    Attributes:
        cpus: Number of cores.
        gpus: Number of GPUs.
    """

    cpus: float = 1
    gpus: float = 0

    def __str__(self) -> str:
        """Write the share for people."""
        cores = f"{self.cpus:g} {'core' if self.cpus == 1 else 'cores'}"
        return f"{cores} and {self.gpus:g} {'GPU' if self.gpus == 1 else 'GPUs'}" if self.gpus else cores


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A machine of the cluster and what it offers.

    Attributes:
        node: Name and address.
        cpus: Number of cores.
        gpus: Number of GPUs.
    """

    node: Node
    cpus: float
    gpus: float

    def room(self, share: Share) -> int:
        """Count the tasks of a share that run at a time."""
        rooms = [offered // wanted for offered, wanted in self._needs(share) if wanted]
        return int(min(rooms, default=0))

    def divided(self, tasks: float) -> Share:
        """Return the share of one of several tasks at a time, which takes one GPU at most."""
        return Share(cpus=max(1, self.cpus // tasks), gpus=min(1, self.gpus / tasks))

    def _needs(self, share: Share) -> tuple[tuple[float, float], ...]:
        return (self.cpus, share.cpus), (self.gpus, share.gpus)


def smallest(nodes: Sequence[ClusterNode]) -> ClusterNode:
    """Return the machine whose share for a task every other one has, too.

    If machines have GPUs, it is among these only: the one with the fewest cores for each GPU; else that with the fewest
    cores.

    Raises:
        EngineError: There is no machine.
    """
    if not nodes:
        raise no_machine_left()
    with_gpus = [node for node in nodes if node.gpus >= 1]
    return min(with_gpus or nodes, key=lambda node: (node.cpus // max(1, node.gpus), node.gpus))


def no_machine_left() -> EngineError:
    """Make the error of a cluster whose machines have left, or have no room for a task."""
    return EngineError("no machine that can take a task is left in the cluster; see 'ray status'")


def new_probe() -> Callable[[], dict[str, str]]:
    """Make a function that collects versions, and runs where kit is not installed: it travels by its code."""

    def probe() -> dict[str, str]:
        found = {"Python": platform.python_version()}
        for name in _PACKAGES:
            try:
                found[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                found[name] = ""
        digest = hashlib.sha256()
        spec = importlib.util.find_spec("kit")
        for path in sorted(Path(str(spec.origin)).parent.rglob("*.py")) if spec and spec.origin else ():
            digest.update(path.read_bytes())
        found[_OURS] = digest.hexdigest()[:8]
        return found

    return probe


def differences(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Write what differs between two machines' versions; empty for nothing."""
    pairs = ((name, there.get(name, ""), version) for name, version in here.items())
    return ", ".join(
        f"{name} {other} (here {version})" if other else f"no {name}"
        for name, other, version in pairs
        if other != version
    )
