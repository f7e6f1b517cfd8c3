"""Cross-validation: a run for each fold, and its predictions of the images that it was not trained on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Unpack

import msgspec

from kit.arguments import checked_arguments
from kit.datasets import Dataset
from kit.engines import LOCAL, Part, Ray, check_engine
from kit.errors import BusyError, SpecError, option, require
from kit.inference.dataset_metric import dataset_metric
from kit.inference.out_of_fold import hold_out
from kit.locks import locked
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory
from kit.runs.fold_set import FoldSet
from kit.runs.stored import fetch_folds, fetch_run, upload_folds
from kit.specs import RunSpec
from kit.specs.options import spelled_out
from kit.training.check import check_spec
from kit.training.folds_on_cluster import FoldTask, train_folds_on
from kit.training.request import PlannedTraining, TrainOptions, TrainRequest, fold_set_id, saying_recipe

ALL_FOLDS = "all"


@checked_arguments
@spelled_out(TrainRequest)
def train_folds(
    name: str,
    folds: str | Sequence[int] = ALL_FOLDS,
    *,
    part: str | None = None,
    engine: str = "local",
    address: str | None = None,
    progress: Progress = NO_PROGRESS,
    **options: Unpack[TrainOptions],
) -> FoldSet:
    """Train one model a fold of dataset `name` into runs/<id>/fold-K, and join what they predict of their folds.

    Finished runs are kept, and more folds extend the same fold set; what the folds have in common is made anew from
    all that are finished.

    Args:
        name: Name of a dataset in tfrecords/ that was sharded with folds.
        folds: Validation folds: "all", or numbers, as a list or "0,2".
        part: Part of the folds to train, as one of several commands at once: "2/4" is the second of four; "auto" or
            "auto/4" ask the array job, see `kit.engines.part.Part`. Nothing is joined, and a fold that another command
            is training is left to it. The same call without it trains what the parts left, and joins all.
        engine: "local" trains one fold after the other on this machine; "ray" trains them on the machines of a Ray
            cluster, which must share the workspace's folder, one on each, or on each GPU.
        address: HOST:PORT of the Ray cluster's head; the environment's RAY_ADDRESS otherwise.
        progress: Receiver of every step.
        **options: Options of each training, the same in every fold.

    Raises:
        KitError: See `train`; or the dataset has no such folds.
    """
    own = None if part is None else Part.parse(part)
    request = TrainRequest(name=name, **options)
    return train_folds_as_asked(request, folds, progress, part=own, engine=engine, address=address)


def train_folds_as_asked(
    request: TrainRequest,
    folds: str | Sequence[int],
    progress: Progress,
    *,
    part: Part | None = None,
    engine: str = "local",
    address: str | None = None,
) -> FoldSet:
    """Answer a request for several folds; see `train_folds`."""
    check_engine(engine, address, part)
    require(
        request.distribute is None,
        f"{option('distribute', request.distribute)} trains one run; leave out {option('folds')}",
    )
    planned = request.plan()
    dataset, whole = planned.dataset, planned.spec
    specs = {fold: msgspec.structs.replace(whole, fold=fold) for fold in parse_folds(dataset, folds)}
    require(bool(specs), f"{option('folds')} names no fold; give all, or numbers such as 0,1")
    for fold, spec in specs.items():
        check_spec(spec, dataset.for_fold(fold), planned.devices)
    specs = {fold: specs[fold] for fold in part.share(list(specs))} if part else specs
    progress = saying_recipe(request.recipe, progress)
    fold_set = FoldSet(planned.workspace.runs / fold_set_id(whole))
    for fold in specs:
        fetch_run(fold_set.run(fold))
    kept = [fold for fold in specs if fold_set.run(fold).is_finished]
    if kept:
        progress.start("train folds", len(specs))
        progress.advance(len(kept), f"finished before: {', '.join(f'fold {fold}' for fold in kept)}")
        progress.finish()
    left = {fold: spec for fold, spec in specs.items() if fold not in kept}
    if engine != LOCAL and left:
        tasks = [
            FoldTask(
                dataset=dataset,
                spec=spec,
                directory=fold_set.run(fold).path,
                devices=planned.devices,
                checkpoint_minutes=request.checkpoint_minutes,
            )
            for fold, spec in left.items()
        ]
        train_folds_on(Ray(address), tasks, planned.workspace.runs, progress)
        left = {}
    for fold, spec in left.items():
        with _left_to_others(fold_set.run(fold), progress) if part else contextlib.nullcontext():
            _train_fold(planned, spec, fold_set.run(fold), request.checkpoint_minutes, progress)
    if not part:
        join_folds(fold_set, dataset)
    return fold_set


def _train_fold(
    planned: PlannedTraining, spec: RunSpec, run: RunDirectory, checkpoint_minutes: float, progress: Progress
) -> None:
    from kit.training.fit import train_run  # noqa: PLC0415 (TensorFlow)

    train_run(
        planned.dataset,
        spec,
        run,
        devices=planned.devices,
        checkpoint_minutes=checkpoint_minutes,
        progress=progress,
    )


@contextlib.contextmanager
def _left_to_others(run: RunDirectory, progress: Progress) -> Iterator[None]:
    """Leave a run to the command that is training it, and say so."""
    try:
        yield
    except BusyError as error:
        if error.path != run.path:
            raise
        progress.start("train folds", 1)
        progress.advance(1, f"{run.path.name}: left to another command, which is training it")
        progress.finish()


def join_folds(fold_set: FoldSet, dataset: Dataset) -> None:
    """Write the out-of-fold predictions and figures of all finished runs, those of other machines included."""
    is_joined = False
    while not is_joined:  # once more if another machine joined them meanwhile
        before = fetch_folds(fold_set)
        with locked(fold_set.path):
            held_out = hold_out(list(fold_set.finished().values()), dataset)
            if held_out is not None:
                fold_set.finish(held_out.parquet(), held_out.result(dataset_metric(dataset)))
            is_joined = held_out is None or upload_folds(fold_set, before)


def parse_folds(dataset: Dataset, wanted: str | Sequence[int]) -> tuple[int, ...]:
    """Read "all" or "0,2"; that the dataset has them is checked with each run.

    Raises:
        SpecError: No numbers, or all folds of a dataset without any.
    """
    if wanted == ALL_FOLDS:
        found = tuple(sorted(dataset.manifest.folds))
        require(bool(found), f"{dataset.manifest.name} has no folds; shard it with {option('folds', 5)}")
        return found
    parts = [part.strip() for part in wanted.split(",") if part.strip()] if isinstance(wanted, str) else list(wanted)
    try:
        return tuple(dict.fromkeys(int(part) for part in parts))
    except ValueError as error:
        raise SpecError(f"folds must be all, or numbers such as 0,1, got '{wanted}'") from error
