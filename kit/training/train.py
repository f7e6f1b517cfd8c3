"""One training by name: everything is checked before TensorFlow is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kit.arguments import checked_arguments
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory
from kit.specs.train import CHECKPOINT_MINUTES, Cache, Precision
from kit.training.check import check_spec
from kit.training.request import TrainRequest, run_id, saying_recipe


@checked_arguments
def train(
    name: str,
    *,
    recipe: str | None = None,
    settings: Mapping[str, object] | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    precision: Precision | None = None,
    cache: Cache | None = None,
    seed: int = 0,
    devices: str = "auto",
    checkpoint_minutes: float = CHECKPOINT_MINUTES,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> RunDirectory:
    """Train one model on dataset `name` into runs/<id>/; a finished run is returned as it is.

    Args:
        name: Name of a dataset in tfrecords/.
        recipe: Shipped recipe, path of a .toml file, or an arm of either as RECIPE/ARM; histopathologic-cancer by
            default, whatever the images show.
        settings: Changes to it by dotted path, such as {"model.bn_momentum": 0.5}.
        epochs: Short form of the setting train.epochs.
        batch_size: Short form of train.batch_size.
        learning_rate: Short form of train.learning_rate.
        precision: Short form of train.precision.
        cache: Short form of train.cache.
        seed: Seed for the initial weights and the order of examples.
        devices: "auto" is all GPUs, or the CPU where there is none; "cpu"; "cpu:4", logical devices that share the
            cores; "gpu", all; "gpu:0,1". Several are mirrored: each takes its part of a batch, and batch norm counts
            over all of it, so the figures are those of one device to within rounding.
        checkpoint_minutes: Minutes between checkpoints within an epoch; each epoch's end has one anyway.
        root: Workspace; KIT_ROOT or the current folder otherwise.
        progress: Listener that sees every step.

    Raises:
        KitError: unknown dataset, recipe or setting, a setting given twice, devices that are not here, a model that
            does not fit the images, or a run that another process is training.
    """
    request = TrainRequest(
        name=name,
        recipe=recipe,
        settings=settings,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        precision=precision,
        cache=cache,
        seed=seed,
        devices=devices,
        checkpoint_minutes=checkpoint_minutes,
        root=root,
    )
    return train_as_asked(request, progress)


def train_as_asked(request: TrainRequest, progress: Progress) -> RunDirectory:
    """Answer a request; see `train`."""
    planned = request.plan()
    spec, dataset = planned.spec, planned.dataset
    check_spec(spec, dataset, planned.devices)
    progress = saying_recipe(request.recipe, progress)
    directory = RunDirectory(planned.workspace.runs / run_id(spec))
    if directory.is_finished:
        progress.start(f"train {spec.arm}", spec.train.epochs)
        progress.advance(spec.train.epochs, "finished before; remove its folder to train it again")
        progress.finish()
        return directory
    from kit.training.fit import train_run  # noqa: PLC0415 (TensorFlow)

    train_run(
        dataset,
        spec,
        directory,
        devices=planned.devices,
        checkpoint_minutes=request.checkpoint_minutes,
        progress=progress,
    )
    return directory
