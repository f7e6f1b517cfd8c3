"""Checks of a run's settings against its dataset and devices, before anything is trained or written."""

from __future__ import annotations

import math

from kit.datasets import Dataset
from kit.engines import lacks_gpus
from kit.errors import SpecError, option, require
from kit.files import size_text
from kit.inference.batch_size import measuring_batch
from kit.memory import memory
from kit.models import plan_layers
from kit.specs import ModelSpec, RunSpec
from kit.specs.device_list import AUTO, NO_GPU, Devices
from kit.targets.balancing import refuse_balancing
from kit.training.lane_check import check_lane
from kit.training.progressive_resizing import sides_of
from kit.training.target_settings import check_target


def validating_batch(model: ModelSpec, dataset: Dataset, replicas: int) -> int:
    """Choose the batch size of validation: that of `measuring_batch`, or a smaller one that replicas can share.

    Raises:
        SpecError: The validation split is too small to share.
    """
    images = dataset.manifest.records("validation")
    batch = shared_batch(images, measuring_batch(model, dataset), replicas)
    if batch is None:
        raise SpecError(
            f"{replicas} devices cannot share the {images} validation images of {dataset.manifest.name}; use fewer"
        )
    return batch


def shared_batch(images: int, most: int, replicas: int) -> int | None:
    """Find the largest batch size up to `most` such that replicas can share each batch, and the last one, equally.

    TensorFlow cuts a batch into parts of one size, with the rest as the last part. Keras adds up the parts of the first
    batch, so they must be of equal size; kernels refuse empty parts.
    """

    def is_shared(rest: int) -> bool:
        return rest == 0 or (replicas - 1) * math.ceil(rest / replicas) < rest

    batches = (batch for batch in range(min(most, images), 0, -1) if batch % replicas == 0)
    return next((batch for batch in batches if is_shared(images % batch)), None)


def check_spec(spec: RunSpec, dataset: Dataset, devices: Devices = AUTO) -> None:
    """Refuse a run that cannot be trained on `dataset`.

    Args:
        spec: Settings of the run.
        dataset: Dataset to train on.
        devices: Devices to train on.

    Raises:
        SpecError: GPUs are requested but there are none, the model does not fit the images, or the images do not fit
            into memory.
        ShardError: The images differ in size, or are too few for a batch.
        MissingDependencyError: A name of TensorFlow Addons where it is not installed, or one that needs Keras 3.
    """
    if devices.kind == "gpu" and lacks_gpus():
        raise SpecError(f"devices={devices}: {NO_GPU}; leave {option('devices')} out to train on the CPU")
    check_lane(spec.train)
    target = dataset.manifest.target
    head = target.head(spec.model.head, spec.train.loss)
    refuse_balancing(target, sampling=spec.train.sampling, class_weights=spec.train.class_weights)
    plan_layers(spec.model, dataset.shape, head)
    check_target(spec, target, head)
    _check_sides(spec, dataset)
    if spec.train.optimizer_args or spec.model.backbone.name:
        from kit.training.devices import prepare_devices  # noqa: PLC0415 (TensorFlow, for arguments and backbones only)

        prepare_devices(spec.train.threads, devices)
    if spec.train.optimizer_args:
        from kit.training.optimizers import check_optimizer  # noqa: PLC0415

        check_optimizer(spec.train)
    if backbone := spec.model.backbone.name:
        from kit.models.backbone import check_backbone  # noqa: PLC0415

        check_backbone(backbone, (*dataset.shape[:2], 3), spec.model.backbone.weights)
        for side in spec.train.progressive[:1]:
            check_backbone(backbone, (*sides_of(dataset.shape, side), 3), "none")
    spec.augment.check_shape(dataset.shape)
    dataset.full_batches("train", spec.train.batch_size)
    dataset.shards("validation")
    _check_cache(spec, dataset)


def _check_sides(spec: RunSpec, dataset: Dataset) -> None:
    """Refuse progressive sizes that do not fit the model or the images."""
    sides = spec.train.progressive
    if not sides:
        return
    given = f"train.progressive={','.join(map(str, sides))}"
    require(
        spec.model.top == "average",
        f"{given} needs model.top=average, got {spec.model.top}: images of other sizes would change the number"
        " of inputs of the next layer",
    )
    height, width, _ = dataset.shape
    require(
        sides[-1] < min(height, width),
        f"{given} must be smaller than the images, which are {height}x{width}; the last epochs use the full size",
    )
    smallest = (*sides_of(dataset.shape, sides[0]), dataset.shape[2])
    try:
        plan_layers(spec.model, smallest, dataset.manifest.target.head(spec.model.head))
    except SpecError as error:
        raise SpecError(f"{given}: {error}") from error


def _check_cache(spec: RunSpec, dataset: Dataset) -> None:
    needed = sum(dataset.decoded_bytes(split) for split in ("train", "validation"))
    if spec.train.cache == "memory" and needed > memory():
        raise SpecError(
            f"train.cache=memory: the decoded images of {dataset.manifest.name} fill {size_text(needed)}, the machine"
            f" has {size_text(memory())}; give disk or none"
        )
