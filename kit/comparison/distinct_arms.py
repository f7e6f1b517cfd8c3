"""Merges runs into distinct arms: equal settings are one arm, in any ablation and under any name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from kit.comparison.trajectory import Trajectory
from kit.errors import RunError, option


def identify(
    trajectories: Sequence[Trajectory],
) -> tuple[list[Trajectory], list[Trajectory], list[tuple[str, ...]]]:
    """Name every set of settings once, and count each of its runs once.

    Arms with equal names and different settings are prefixed with their ablation's name. Among runs on folds, a run on
    the dataset's own validation split counts as fold 0, which is that split.

    Returns:
        Runs under their arms' names, in order; the runs found twice; and the names of each arm with several names.
    """
    trajectories = _on_folds(trajectories)
    arms: dict[Hashable, list[Trajectory]] = {}
    for run in trajectories:
        arms.setdefault(_setting(run), []).append(run)
    groups = [list({(run.seed, run.fold): run for run in reversed(runs)}.values())[::-1] for runs in arms.values()]
    renamed = [replace(run, arm=name) for name, runs in zip(_names(groups), groups, strict=True) for run in runs]
    return renamed, _counted_twice(trajectories, groups), _several_names(arms.values())


def refuse_mixed(trajectories: Sequence[Trajectory], *, across_datasets: bool) -> tuple[tuple[str, str], ...]:
    """Refuse runs of different datasets unless allowed: their figures compare data, not arms.

    Returns:
        Names and fingerprints of the datasets if there are several; empty for one.

    Raises:
        RunError: Different datasets without permission to compare across them.
    """
    datasets = sorted({run.dataset[1]: run.dataset for run in trajectories if run.dataset[1]}.values())
    if len(datasets) < 2:  # noqa: PLR2004 (a second one)
        return ()
    named = ", ".join(f"{name} ({fingerprint})" for name, fingerprint in datasets)
    if not across_datasets:
        raise RunError(
            f"runs of different datasets do not compare: {named}; name runs of one of them, or add"
            f" {option('across_datasets', True)}"
        )
    return tuple(datasets)


def _on_folds(trajectories: Sequence[Trajectory]) -> list[Trajectory]:
    divided = {run.dataset for run in trajectories if run.fold is not None}
    return [replace(run, fold=0) if run.fold is None and run.dataset in divided else run for run in trajectories]


def _setting(run: Trajectory) -> Hashable:
    """Everything that determines a run's figures except seed and fold; for external histories their path."""
    if run.spec is None:
        return run.whence
    return run.spec.fingerprint, run.spec.model, run.spec.augment, run.spec.train


def _names(groups: Sequence[Sequence[Trajectory]]) -> list[str]:
    """Name each arm after its first run; add the origin, and if needed a number, to equal names."""
    own = Counter(runs[0].arm for runs in groups)
    names = [runs[0].arm if own[runs[0].arm] == 1 else runs[0].whence for runs in groups]
    seen: Counter[str] = Counter()
    for index, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[index] = f"{name} ({seen[name]})"
    return names


def _counted_twice(found: Sequence[Trajectory], counted: Sequence[Sequence[Trajectory]]) -> list[Trajectory]:
    counted_once = {id(run) for runs in counted for run in runs}
    return [run for run in found if id(run) not in counted_once]


def _several_names(arms: Iterable[Sequence[Trajectory]]) -> list[tuple[str, ...]]:
    named = [tuple(dict.fromkeys(run.arm for run in runs)) for runs in arms]
    return [names for names in named if len(names) > 1]
