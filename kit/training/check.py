"""What can be refused before anything is trained or written."""

from __future__ import annotations

from collections.abc import Iterable

from kit.models import count_values, plan_layers
from kit.shards import Dataset
from kit.specs import ModelSpec, RunSpec
from kit.specs.settings import require

_BATCH = 256  # images to measure at a time; large enough that a step's overhead vanishes
_BYTES = 1 << 29  # 512 MiB that their values may fill between two layers: large images come in smaller batches


def measuring_batch(model: ModelSpec, dataset: Dataset) -> int:
    """Choose how many images a model measures or predicts at a time; the same on every machine."""
    values = count_values(model, dataset.shape, len(dataset.manifest.classes))
    return max(1, min(_BATCH, _BYTES // (4 * values)))


def refuse_data(settings: Iterable[str], dataset: Dataset) -> None:
    """Refuse changes of data, given as dotted paths, to a dataset that stands.

    Raises:
        SpecError: there are some.
    """
    paths = [path for path in settings if path.startswith("data.")]
    require(
        not paths,
        f"{', '.join(paths)}: the data are settled when they are sharded; shard the source of"
        f" {dataset.manifest.name} again, under another --name",
    )


def check_spec(spec: RunSpec, dataset: Dataset) -> None:
    """Refuse a run that could not take a step on `dataset`.

    Raises:
        SpecError: the model does not fit the images.
        ShardError: images of different sizes, or too few for a batch.
    """
    plan_layers(spec.model, dataset.shape, len(dataset.manifest.classes))
    if backbone := spec.model.backbone.name:
        from kit.models.backbone import check_backbone  # noqa: PLC0415 (TensorFlow, which alone knows backbones)
        from kit.training.devices import prepare_devices  # noqa: PLC0415

        prepare_devices(spec.train.threads)
        check_backbone(backbone, (*dataset.shape[:2], 3), spec.model.backbone.weights)
    spec.augment.check_shape(dataset.shape)
    dataset.full_batches("train", spec.train.batch_size)
    dataset.shards("validation")
