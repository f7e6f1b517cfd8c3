"""The table of a measurement of input and model."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from kit.benchmark import Speeds
from kit.reports.table import Table

_CACHES = {"memory": "decoded in memory", "disk": "decoded on the disk", "none": "streamed from the shards"}


def speeds_table(speeds: Speeds) -> Table:
    """Show images a second of each part, the median of its rounds and how far they lie apart."""
    parts = {
        f"input alone, {_CACHES[speeds.cache]}": speeds.input,
        "input alone, without augmentation": speeds.plain,
        "model alone, one batch again and again": speeds.model,
        "training: both": speeds.together,
    }
    batch = speeds.spec.train.batch_size
    rows = tuple(_row(part, rates, batch) for part, rates in parts.items() if rates)
    title = f"{speeds.spec.dataset}, {speeds.spec.arm}: batches of {batch}, median of {len(speeds.input)} rounds"
    return Table(title, ("part", "images/s", "slowest", "fastest", "ms a batch"), rows)


def _row(part: str, rates: Sequence[float], batch: int) -> tuple[str, ...]:
    median = statistics.median(rates)
    return (part, *(f"{rate:,.0f}" for rate in (median, min(rates), max(rates))), f"{1000 * batch / median:,.2f}")
