"""The step from images and labels to a dataset, in one call."""

from __future__ import annotations

from pathlib import Path

from kit.engines import Engine, Local, Serial, core_count
from kit.progress import NO_PROGRESS, Progress
from kit.shards.build import Conversion, build_dataset, describe_source
from kit.shards.dataset import Dataset
from kit.sources import read_source
from kit.specs import ImageSpec, ShardSpec
from kit.specs.settings import require
from kit.workspace import Workspace


def shard(
    source: Path | str,
    *,
    name: str,
    labels: Path | str | None = None,
    id_column: str = "id",
    label_column: str = "label",
    test: Path | str | None = None,
    sample_submission: Path | str | None = None,
    size: tuple[int, int] | None = None,
    channels: int = 3,
    split: tuple[float, ...] = (0.7, 0.3),
    seed: int = 0,
    max_bad: int = 0,
    workers: int | None = None,
    force: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Dataset:
    """Write class folders, or a label file and its images, as dataset `name`.

    A dataset that already holds the same inputs and settings is returned as it is.

    Args:
        source: class folders, also below train, val and test folders; or the images that `labels` names.
        name: of the dataset, a folder in tfrecords/.
        labels: CSV of ids and labels.
        id_column: its column of ids, with or without the files' endings.
        label_column: its column of labels.
        test: folder of unlabelled images.
        sample_submission: CSV whose first column orders the test images.
        size: height and width in pixels; None keeps each image's own.
        channels: 3 for RGB, 1 for grey.
        split: shares of train and validation, or train, validation and test.
        seed: of the split and the order.
        max_bad: inputs that may be listed in rejects.csv instead of stored.
        workers: processes; one for each core otherwise. The bytes do not depend on it.
        force: replace a dataset of other inputs or settings.
        root: of the workspace; KIT_ROOT or the current folder otherwise.
        progress: sees every shard.

    Raises:
        KitError: labels or images that cannot become this dataset; nothing is left half-written.
    """
    require(channels in {1, 3}, f"channels must be 1 or 3, got {channels}")
    require(max_bad >= 0, f"max_bad must be 0 or more, got {max_bad}")
    image = ImageSpec(size=size, channels=1 if channels == 1 else 3)
    spec = ShardSpec(image=image, split=split, seed=seed)
    folder, label_file = Path(source), Path(labels) if labels else None
    found = read_source(
        folder,
        labels=label_file,
        id_column=id_column,
        label_column=label_column,
        test=Path(test) if test else None,
        sample_submission=Path(sample_submission) if sample_submission else None,
    )
    return build_dataset(
        Conversion(name=name, source=found, info=describe_source(found, folder, label_file), spec=spec),
        workspace=Workspace.at(root),
        engine=_engine(core_count() if workers is None else workers),
        max_bad=max_bad,
        force=force,
        progress=progress,
    )


def _engine(workers: int) -> Engine:
    require(workers >= 1, f"workers must be 1 or more, got {workers}")
    return Local(workers) if workers > 1 else Serial()
