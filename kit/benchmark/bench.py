"""Benchmarks a dataset by name; everything is checked before TensorFlow is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kit.arguments import checked_arguments
from kit.benchmark.speeds import Speeds
from kit.datasets import find_dataset
from kit.errors import require
from kit.progress import NO_PROGRESS, Progress
from kit.specs.recipe import DEFAULT_RECIPE
from kit.training.check import check_spec
from kit.training.request import run_spec
from kit.workspace import Workspace

SECONDS = 12.0  # of measuring, without start-up


@checked_arguments
def bench(
    name: str,
    *,
    recipe: str = DEFAULT_RECIPE,
    settings: Mapping[str, object] | None = None,
    seconds: float = SECONDS,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Speeds:
    """Measure the input pipeline, the model, and both together on this machine; no files are left behind.

    Args:
        name: Name of a dataset in tfrecords/.
        recipe: Shipped recipe, path of a .toml file, or an arm of either as RECIPE/ARM.
        settings: Changes to the recipe by dotted path, such as {"train.cache": "none"}.
        seconds: Total seconds of measuring; a step that has begun is finished.
        root: Workspace; KIT_ROOT or the current folder by default.
        progress: Receiver of every part of every round.

    Raises:
        KitError: Unknown dataset, recipe or setting, or a model that does not fit the images.
    """
    require(seconds > 0, f"seconds must be above 0, got {seconds:g}")
    dataset = find_dataset(name, root=root)
    spec = run_spec(dataset, recipe, settings or {}, seed=0)
    check_spec(spec, dataset)
    from kit.benchmark.throughput import measure  # noqa: PLC0415 (TensorFlow)

    return measure(spec, dataset, seconds=seconds, scratch=Workspace.at(root).root, progress=progress)
