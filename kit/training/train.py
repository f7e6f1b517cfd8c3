"""One training by name: everything is checked before TensorFlow is loaded."""

from __future__ import annotations

from typing import Unpack

from kit.arguments import checked_arguments
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory
from kit.runs.stored import fetch_run
from kit.specs.options import spelled_out
from kit.training.check import check_spec
from kit.training.request import TrainOptions, TrainRequest, run_id, saying_recipe
from kit.training.tf_config import meeting_timeout, read_cluster


@checked_arguments
@spelled_out(TrainRequest)
def train(name: str, *, progress: Progress = NO_PROGRESS, **options: Unpack[TrainOptions]) -> RunDirectory:
    """Train one model on dataset `name` into runs/<id>/; a finished run is returned as it is.

    Args:
        name: Name of a dataset in tfrecords/.
        progress: Receiver of every step.
        **options: Options of the training.

    Raises:
        KitError: Unknown dataset, recipe or setting, a setting given twice, devices that are not here, a model that
            does not fit the images, or a run that another process is training.
    """
    return train_as_asked(TrainRequest(name=name, **options), progress)


def train_as_asked(request: TrainRequest, progress: Progress) -> RunDirectory:
    """Answer a request; see `train`."""
    planned = request.plan()
    spec, dataset = planned.spec, planned.dataset
    cluster = read_cluster() if request.distribute else None
    if not cluster:
        check_spec(spec, dataset, planned.devices)
    progress = saying_recipe(request.recipe, progress)
    directory = RunDirectory(planned.workspace.runs / run_id(spec))
    fetch_run(directory)
    if directory.is_finished:
        progress.start(f"train {spec.arm}", spec.train.epochs)
        progress.advance(spec.train.epochs, "finished before; remove its folder to train it again")
        progress.finish()
        return directory
    if cluster:
        from kit.training.multiworker import train_with_workers  # noqa: PLC0415 (TensorFlow)

        train_with_workers(
            dataset,
            spec,
            directory,
            cluster=cluster,
            devices=planned.devices,
            timeout=meeting_timeout(),
            checkpoint_minutes=request.checkpoint_minutes,
            progress=progress,
        )
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
