"""Retrains the best arms of an ablation, possibly on images of another size, to measure them on the test split."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.ablation.ablate import run_plan
from kit.ablation.plan import Plan
from kit.conversion.conversion import Conversion
from kit.conversion.reshard import plan_again, shard_again
from kit.datasets import Dataset
from kit.errors import ShardError, SpecError, option, require, worded
from kit.inference.predict_split import refuse_unlabelled
from kit.metrics.direction import smaller_is_better
from kit.models import plan_layers
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory
from kit.training.check import check_spec


@dataclass(frozen=True, slots=True)
class Retrained:
    """Retrained arms.

    Attributes:
        folder: Folder of the new runs.
        dataset: Dataset of the new runs.
        arms: Names of the arms, the best of the ablation first.
        figure: Figure that the arms were ranked by, such as "val_accuracy".
        before: Mean of that figure of each arm in the ablation, in the best epochs.
        runs: Runs of each arm.
    """

    folder: Path
    dataset: Dataset
    arms: tuple[str, ...]
    figure: str
    before: tuple[float, ...]
    runs: Mapping[str, list[RunDirectory]]


def check_retrain(plan: Plan, count: int, settings: Mapping[str, object]) -> Conversion | None:
    """Check, before an ablation begins, that `retrain_best` can run after it.

    Returns:
        Dataset to shard first; None if the ablation's own dataset is used.

    Raises:
        SpecError: Invalid settings, or an arm that does not fit the new images.
        ShardError: The dataset has no labelled test split, or its source is gone or has changed.
    """
    require(
        1 <= count <= len(plan.arms),
        f"{worded('--then-retrain', 'count')} must be 1 to {len(plan.arms)}, the arms, got {count}",
    )
    if "test" not in plan.dataset.manifest.splits:
        raise ShardError(
            f"{plan.dataset.manifest.name} has no test split to measure the best arms on;"
            f" shard it with {option('split', (0.7, 0.2, 0.1), typed='70/20/10')}"
        )
    refuse_unlabelled(plan.dataset, "test")
    if not settings:
        return None
    conversion = plan_again(plan.dataset, settings)
    image = conversion.spec.image
    shape = (*(image.size or plan.dataset.shape[:2]), image.channels)
    for spec in plan.arms.values():
        plan_layers(spec.model, shape, plan.dataset.manifest.target.head(spec.model.head))
    return conversion


def retrain_best(
    plan: Plan,
    count: int,
    settings: Mapping[str, object],
    *,
    jobs: int | None = None,
    engine: str = "local",
    address: str | None = None,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Retrained:
    """Retrain the best arms of a finished ablation, each on all its seeds; another call does the remaining work.

    Args:
        plan: Plan of the ablation.
        count: Number of arms, by the mean validation figure of their best epochs, in the dataset's metric.
        settings: Settings data.size, data.fit and data.channels of the images; empty for the ablation's own dataset.
        jobs: Trials at a time; see `ablate`.
        engine: "local", or "ray" for a cluster; see `ablate`.
        address: HOST:PORT of the Ray cluster's head; see `ablate`.
        root: Workspace; KIT_ROOT or the current folder by default.
        progress: Receiver of every epoch.

    Raises:
        KitError: An arm does not fit the new images; see also `plan_again` and `ablate`.
    """
    conversion = check_retrain(plan, count, settings)
    ranked = rank_arms(plan)[:count]
    again = shard_again(plan.dataset, conversion, root=root, progress=progress) if conversion else plan.dataset
    new = msgspec.structs.replace
    specs = {
        key: new(plan.specs[key], dataset=again.manifest.name, fingerprint=again.manifest.fingerprint)
        for arm, _ in ranked
        for key in plan.keys(arm)
    }
    for spec in specs.values():
        check_spec(spec, again.for_fold(spec.fold))
    name = f"{plan.folder.name}-retrained-{again.manifest.name}" if conversion else plan.folder.name
    new_plan = dataclasses.replace(
        plan, dataset=again, folder=plan.folder.with_name(name), specs=specs, refused={}, count=count
    )
    if conversion:
        run_plan(new_plan, jobs=jobs, engine=engine, address=address, progress=progress)
    return Retrained(
        folder=new_plan.folder,
        dataset=again,
        arms=tuple(arm for arm, _ in ranked),
        figure=ranking_figure(plan),
        before=tuple(mean for _, mean in ranked),
        runs={arm: new_plan.runs(arm) for arm, _ in ranked},
    )


def rank_arms(plan: Plan) -> list[tuple[str, float]]:
    """Sort a finished ablation's arms, best first, by the mean validation figure of their best epochs.

    Raises:
        SpecError: No arm has such a figure.
    """
    figure = ranking_figure(plan)
    means = {arm: _mean(plan, arm, figure) for arm in plan.arms}
    known = [(arm, mean) for arm, mean in means.items() if not math.isnan(mean)]
    if not known:
        raise SpecError(f"no arm of {plan.folder} has a {figure}; nothing can be called best")
    sign = 1 if smaller_is_better(figure) else -1
    return sorted(known, key=lambda pair: sign * pair[1])


def ranking_figure(plan: Plan) -> str:
    """Name the figure of a history that tells which arms are best: the dataset's metric on validation."""
    return f"val_{plan.dataset.metric}"


def _mean(plan: Plan, arm: str, figure: str) -> float:
    values = [run.result().best.get(figure) for run in plan.runs(arm)]
    return statistics.fmean(math.nan if value is None else value for value in values)
