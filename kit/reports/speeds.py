"""Table of the throughput of input and model, and its interpretation."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from kit.benchmark import Speeds
from kit.reports.table import Table

_HALF = 0.5  # share of the images/s without augmentation: below it, augmentation is most of the work
_ENOUGH = 256  # images: larger batches hardly raise GPU utilization
_CACHES = {"memory": "decoded in memory", "disk": "decoded on the disk", "none": "streamed from the shards"}


def speeds_table(speeds: Speeds) -> Table:
    """Tabulate images per second of each part: the median and range of its rounds."""
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


def describe_bottleneck(speeds: Speeds) -> str:
    """Describe the bottleneck in a sentence."""
    times = f"training takes {speeds.slowdown:.2f} times as long as on one batch"
    fed = f"the input alone is {speeds.headroom:.1f} times as fast as the model"
    if speeds.bottleneck == "model":
        return f"bottleneck: the model; {fed}, and {times}"
    if speeds.bottleneck == "input":
        return f"bottleneck: the input; {times}"
    return f"bottleneck: the {speeds.cores} cores, which input and model share; {fed}, and {times}"


def advise(speeds: Speeds) -> str:
    """Suggest the setting that would move the bottleneck, in a sentence."""
    return f"what would move it: {_for_the_model(speeds) if speeds.bottleneck == 'model' else _for_the_input(speeds)}"


def _for_the_model(speeds: Speeds) -> str:
    if not speeds.gpus:
        return "a GPU; or smaller images (kit shard --size), or fewer model.filters"
    size = speeds.spec.train.batch_size
    larger = f"--set train.batch_size={2 * size}, " if size < _ENOUGH else ""
    return f"{larger}--precision mixed_float16, or more GPUs"


def _for_the_input(speeds: Speeds) -> str:
    if speeds.plain and statistics.median(speeds.input) < _HALF * statistics.median(speeds.plain):
        share = 1 - statistics.median(fed / plain for fed, plain in zip(speeds.input, speeds.plain, strict=True))
        return f"augmentation is {share:.0%} of the input's work: less of it, smaller images, or more cores"
    if speeds.cache == "none":
        raw = "" if speeds.formats == ("raw",) else ", or kit shard --encoding raw, which needs no decoding"
        return f"--cache memory, or --cache disk where they do not fit{raw}"
    return "smaller images (kit shard --size), or more cores"


def _row(part: str, rates: Sequence[float], batch: int) -> tuple[str, ...]:
    median = statistics.median(rates)
    return (part, *(f"{rate:,.0f}" for rate in (median, min(rates), max(rates))), f"{1000 * batch / median:,.2f}")
