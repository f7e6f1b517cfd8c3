"""Compares runs, arm by arm."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kit.arguments import checked_arguments
from kit.comparison.arm_summary import ArmSummary, by_arm, summarize
from kit.comparison.base_rate import with_base_rates
from kit.comparison.caveats import Caveats
from kit.comparison.chosen_metric import choose_metric, with_metric
from kit.comparison.collect import Found, LeftOut, find_runs, is_by_product
from kit.comparison.contrasts import Against, plan_steps
from kit.comparison.distinct_arms import identify, refuse_mixed
from kit.comparison.factors import Factors, find_factors
from kit.comparison.per_image import MOST_ARMS, ImageDifference, compare_images
from kit.comparison.published import is_ladder, read_published
from kit.comparison.trajectory import Trajectory
from kit.datasets import Dataset, find_dataset
from kit.errors import KitError, RunError, unknown
from kit.evaluation.split_metrics import measure_runs
from kit.metrics.direction import smaller_is_better
from kit.progress import NO_PROGRESS, Progress
from kit.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A comparison of arms, the baseline first.

    Attributes:
        metric: Metric to compare the arms by.
        arms: Summaries of the arms.
        trajectories: Runs of the arms.
        pruned: Runs pruned by successive halving, up to their last epoch; left out of all figures.
        left_out: Runs without figures and arms that could not be built, with the reason.
        unfinished: Folders of all other runs without a result.
        images: Differences on the validation images of one seed of each arm.
        factors: Effects of each setting; None unless the arms form a grid.
        split: Split measured besides train; empty for none.
        weights: Epochs of the weights that a computed metric is of; empty for a recorded metric.
        caveats: Caveats to mention besides the figures.
    """

    metric: str
    arms: tuple[ArmSummary, ...]
    trajectories: tuple[Trajectory, ...]
    pruned: tuple[Trajectory, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    unfinished: tuple[Path, ...] = ()
    images: tuple[ImageDifference, ...] = ()
    factors: Factors | None = None
    split: str = ""
    weights: str = ""
    caveats: Caveats = field(default_factory=Caveats)

    @property
    def baseline(self) -> str:
        """Name of the baseline arm."""
        return self.arms[0].name

    def ranked(self) -> list[str]:
        """Names of the arms from the best mean of the metric to the worst, after the baseline."""
        return _ranked(self.arms, self.metric)


@checked_arguments
def compare(
    *names: str | Path,
    metric: str | None = None,
    baseline: str = "",
    against: Against | None = None,
    split: str = "",
    across_datasets: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Comparison:
    """Compare runs, ablations and files of Keras histories.

    Args:
        *names: Paths, or names below runs/.
        metric: Recorded metric such as val_auc, or any metric such as qwk or `file.py:function`; a metric without a
            record is computed from the validation predictions stored with the runs. The dataset's own by default.
        baseline: Arm to compare the others with; the first planned one by default.
        against: "first" compares arms with the first one alone, "previous" with the previous one too; None means
            "previous" for the ladder of a recipe, and "first" otherwise.
        split: Labelled split to measure every run on, besides train, with its own weights; earlier results are loaded.
        across_datasets: Whether to compare runs of different datasets.
        root: Root of the workspace; by default KIT_ROOT, the workspace of the runs, or the current folder.
        progress: Receiver of every measured run.

    Raises:
        RunError: Unknown names, metric or baseline, no finished run, or runs of different datasets.
        ShardError: No such split, or it has no labels.
    """
    workspace = Workspace.holding(names, root)
    found = Found()
    for name in names if len(names) == 1 else (name for name in names if not is_by_product(Path(name))):
        found.add(find_runs(name, workspace))
    if not found.finished:
        raise RunError(_nothing_finished(found))
    mixed = refuse_mixed(found.finished, across_datasets=across_datasets)
    trajectories, repeated, merged = identify(found.finished)
    datasets = _datasets(trajectories, workspace)
    targets = {key: dataset.manifest.target for key, dataset in datasets.items()}
    chosen = choose_metric(metric, trajectories, datasets)
    metric = chosen.name
    steps = _steps(trajectories, against)
    trajectories = _baseline_first(trajectories, baseline)
    trajectories = with_base_rates(with_metric(trajectories, chosen, targets), chosen, datasets)
    if split:
        trajectories = _measured(trajectories, split, workspace.root, progress)
    published, unreadable, others = read_published(trajectories, root)
    pruned = {run.whence for run in found.pruned} - {run.whence for run in found.finished}
    folds = _folds(trajectories, datasets)
    arms = summarize(trajectories, metric, folds=folds, pruned=len(pruned), steps=steps)
    arms = [replace(arm, published=published.get(arm.name, {})) for arm in arms]
    runs = by_arm(trajectories)
    ranked = [(arm, runs[arm]) for arm in _ranked(arms, metric)]
    images, not_by_image, comparable = compare_images(ranked, metric, targets)
    caveats = Caveats(
        datasets=mixed,
        repeated=tuple(repeated),
        merged=tuple(merged),
        unreadable_recipes=tuple(unreadable),
        published_settings=others,
        missing_baseline="" if baseline else _missing_baseline(found),
        not_by_image=tuple(not_by_image),
        by_image=MOST_ARMS if comparable > MOST_ARMS else 0,
        comparable_by_image=comparable,
    )
    return Comparison(
        metric=metric,
        arms=tuple(arms),
        trajectories=tuple(trajectories),
        pruned=tuple(found.pruned),
        left_out=_left_out(found, runs),
        unfinished=tuple(dict.fromkeys(found.unfinished)),
        images=tuple(images),
        factors=find_factors(runs, metric),
        split=split,
        weights=_weights(trajectories) if chosen.computed else "",
        caveats=caveats,
    )


def _nothing_finished(found: Found) -> str:
    failed = next((one for one in found.left_out if one.seed is not None), None)
    why = f"; {failed.arm}, seed {failed.seed}, {failed.reason}" if failed else ""
    runs = len(found.unfinished) + sum(one.seed is not None for one in found.left_out)
    return f"none of the {runs} runs is finished{why}; run their command again"


def _left_out(found: Found, arms: Container[str]) -> tuple[LeftOut, ...]:
    """List runs and arms without figures, except arms left out by one ablation and trained by another."""
    return tuple(one for one in dict.fromkeys(found.left_out) if one.seed is not None or one.arm not in arms)


def _weights(trajectories: Sequence[Trajectory]) -> str:
    return " and ".join(sorted({run.spec.train.evaluate for run in trajectories if run.spec}))


def _baseline_first(trajectories: list[Trajectory], baseline: str) -> list[Trajectory]:
    """Put the baseline's runs before all others.

    Raises:
        RunError: No arm of that name.
    """
    arms = by_arm(trajectories)
    if baseline and baseline not in arms:
        raise RunError(unknown("arm", baseline, arms))
    return sorted(trajectories, key=lambda run: run.arm != baseline) if baseline else trajectories


def _missing_baseline(found: Found) -> str:
    """Name the planned baseline if it has no finished run; empty otherwise."""
    return "" if any(run.whence == found.baseline for run in found.finished) else found.baseline


def _steps(trajectories: Sequence[Trajectory], against: Against | None) -> dict[str, str]:
    arms = list(by_arm(trajectories))
    against = against or ("previous" if is_ladder(trajectories) else "first")
    return plan_steps(arms) if against == "previous" else {}


def _datasets(trajectories: Sequence[Trajectory], workspace: Workspace) -> dict[tuple[str, str], Dataset]:
    """Open the datasets of runs, by name and fingerprint, except those that are gone or have changed."""
    found = {}
    for name, fingerprint in dict.fromkeys(run.dataset for run in trajectories if run.dataset[1]):
        with contextlib.suppress(KitError):
            dataset = find_dataset(name, root=workspace.root)
            if dataset.manifest.fingerprint == fingerprint:
                found[name, fingerprint] = dataset
    return found


def _folds(trajectories: Sequence[Trajectory], datasets: Mapping[tuple[str, str], Dataset]) -> int:
    """Count the folds of the runs' dataset, from its manifest, or from the runs if the dataset is gone."""
    on_folds = [(run.fold, run.dataset) for run in trajectories if run.fold is not None]
    if not on_folds:
        return 0
    dataset = datasets.get(on_folds[0][1])
    return len(dataset.manifest.folds) if dataset else max(fold for fold, _ in on_folds) + 1


def _measured(
    trajectories: Sequence[Trajectory], split: str, root: Path | str | None, progress: Progress
) -> list[Trajectory]:
    runs = [trajectory.run for trajectory in trajectories if trajectory.run is not None]
    measured = iter(measure_runs(runs, split, root=root, progress=progress))
    return [run if run.run is None else replace(run, measured=next(measured)) for run in trajectories]


def _ranked(arms: Sequence[ArmSummary], metric: str) -> list[str]:
    """Sort arms: the baseline, then the others by descending quality of the mean; those without one last."""
    sign = 1 if smaller_is_better(metric) else -1

    def rank(arm: ArmSummary) -> tuple[bool, float]:
        has_mean = arm.last is not None and not math.isnan(arm.last.mean)
        return not has_mean, sign * arm.last.mean if arm.last and has_mean else 0.0

    return [arms[0].name, *(arm.name for arm in sorted(arms[1:], key=rank))]
