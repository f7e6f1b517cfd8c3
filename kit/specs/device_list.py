"""Which devices a training is asked to use: a matter of the machine, so no part of what decides its numbers."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from kit.errors import SpecError, require

_ASKED = re.compile(r"(?P<kind>auto|cpu|gpu)(?::(?P<numbers>\d+(?:,\d+)*))?")


class Devices(msgspec.Struct, frozen=True, kw_only=True):
    """Devices to compute on.

    Attributes:
        kind: "auto" is all GPUs, or the CPU where there is none.
        count: Logical devices that share the CPU's cores; of "cpu".
        numbers: GPUs, as nvidia-smi counts those that the process may see; empty for all; of "gpu".
    """

    kind: Literal["auto", "cpu", "gpu"] = "auto"
    count: int = 1
    numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse no device, and one device twice."""
        require(self.count >= 1, f"devices=cpu:{self.count}: there must be 1 or more")
        require(len(set(self.numbers)) == len(self.numbers), f"devices={self}: a GPU is named twice")

    def __str__(self) -> str:
        """Write them as they are asked for."""
        if self.kind == "gpu" and self.numbers:
            return f"gpu:{','.join(map(str, self.numbers))}"
        return f"cpu:{self.count}" if self.kind == "cpu" and self.count > 1 else self.kind


AUTO = Devices()
NO_GPU = "there is no GPU that this process may use"


def parse_devices(text: str) -> Devices:
    """Read auto, cpu, cpu:4, gpu or gpu:0,1.

    Raises:
        SpecError: it is none of them.
    """
    found = _ASKED.fullmatch(text)
    numbers = tuple(map(int, found["numbers"].split(","))) if found and found["numbers"] else ()
    if found and found["kind"] == "gpu":
        return Devices(kind="gpu", numbers=numbers)
    if found and found["kind"] == "cpu" and len(numbers) <= 1:
        return Devices(kind="cpu", count=numbers[0] if numbers else 1)
    if found and not numbers:
        return AUTO
    raise SpecError(f"devices must be auto, cpu, cpu:N, gpu or gpu:0,1, got '{text}'")
