"""Devices of a training, as requested: they belong to the machine, so a run's settings do not include them."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from kit.errors import SpecError, require

_ASKED = re.compile(r"(?P<kind>auto|cpu|gpu)(?::(?P<numbers>\d+(?:,\d+)*))?")


class Devices(msgspec.Struct, frozen=True, kw_only=True):
    """Devices to compute on.

    Attributes:
        kind: "cpu", "gpu" or "auto", all GPUs, or the CPU where there is none.
        count: Number of logical devices that share the CPU's cores; "cpu" only.
        numbers: Numbers of the GPUs among those visible to the process, as in nvidia-smi; empty for all; "gpu" only.
    """

    kind: Literal["auto", "cpu", "gpu"] = "auto"
    count: int = 1
    numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse fewer than one device, and a repeated one."""
        require(self.count >= 1, f"devices=cpu:{self.count}: there must be 1 or more")
        require(len(set(self.numbers)) == len(self.numbers), f"devices={self}: a GPU is named twice")

    def __str__(self) -> str:
        """Write them as `parse_devices` reads them."""
        if self.kind == "gpu" and self.numbers:
            return f"gpu:{','.join(map(str, self.numbers))}"
        return f"cpu:{self.count}" if self.kind == "cpu" and self.count > 1 else self.kind


AUTO = Devices()
NO_GPU = "there is no GPU that this process may use"


def parse_devices(text: str) -> Devices:
    """Read auto, cpu, cpu:4, gpu or gpu:0,1.

    Raises:
        SpecError: The text is none of these.
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
