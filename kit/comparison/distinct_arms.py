"""Which runs are of one arm: those of equal settings, whatever ablation they come from and whatever it is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from kit.comparison.trajectory import Trajectory
from kit.errors import RunError, first_three


def identify(trajectories: Sequence[Trajectory]) -> tuple[list[Trajectory], list[str]]:
    """Give every setting one name, and count every run of it once.

    Arms of equal names and different settings get their ablation's name in front. Beside runs on folds, a run on the
    dataset's own validation split is one on fold 0, which that split is.

    Returns:
        The runs under their arms' names, in order, and what a reader should know, a line each.
    """
    trajectories = _on_folds(trajectories)
    arms: dict[Hashable, list[Trajectory]] = {}
    for run in trajectories:
        arms.setdefault(_setting(run), []).append(run)
    groups = [list({(run.seed, run.fold): run for run in reversed(runs)}.values())[::-1] for runs in arms.values()]
    renamed = [replace(run, arm=name) for name, runs in zip(_names(groups), groups, strict=True) for run in runs]
    return renamed, [*_said_of_twice(trajectories, groups), *_said_of_names(arms.values())]


def refuse_mixed(trajectories: Sequence[Trajectory], *, across_datasets: bool) -> list[str]:
    """Refuse runs of different datasets unless asked for: their figures compare data, not arms.

    Returns:
        What a reader should know, a line each.

    Raises:
        RunError: different datasets, and nobody asked for them.
    """
    datasets = sorted({run.dataset[1]: run.dataset for run in trajectories if run.dataset[1]}.values())
    if len(datasets) < 2:  # noqa: PLR2004 (a second one)
        return []
    named = ", ".join(f"{name} ({fingerprint})" for name, fingerprint in datasets)
    if not across_datasets:
        raise RunError(
            f"runs of different datasets do not compare: {named}; name runs of one of them, or add --across-datasets"
        )
    return [f"warning: runs of different datasets, {named}: differences may be the data's and not the arms'"]


def _on_folds(trajectories: Sequence[Trajectory]) -> list[Trajectory]:
    divided = {run.dataset for run in trajectories if run.fold is not None}
    return [replace(run, fold=0) if run.fold is None and run.dataset in divided else run for run in trajectories]


def _setting(run: Trajectory) -> Hashable:
    """All that decides a run's figures but its seed and fold; of histories from elsewhere only where they lie."""
    if run.spec is None:
        return run.whence
    return run.spec.fingerprint, run.spec.model, run.spec.augment, run.spec.train


def _names(groups: Sequence[Sequence[Trajectory]]) -> list[str]:
    """Name each arm by its first run; several of one name by where they come from, and by a number if need be."""
    own = Counter(runs[0].arm for runs in groups)
    names = [runs[0].arm if own[runs[0].arm] == 1 else runs[0].whence for runs in groups]
    seen: Counter[str] = Counter()
    for index, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[index] = f"{name} ({seen[name]})"
    return names


def _said_of_twice(found: Sequence[Trajectory], counted: Sequence[Sequence[Trajectory]]) -> list[str]:
    counted_once = {id(run) for runs in counted for run in runs}
    twice = [run for run in found if id(run) not in counted_once]
    named = (run.arm + _numbered("seed", run.seed) + _numbered("fold", run.fold) for run in twice)
    return (
        [f"found twice, equal in settings and seed, and counted once: {first_three(named, len(twice))}"]
        if twice
        else []
    )


def _numbered(name: str, number: int | None) -> str:
    return "" if number is None else f", {name} {number}"


def _said_of_names(arms: Iterable[Sequence[Trajectory]]) -> list[str]:
    return [
        f"equal settings, so one arm: {', '.join(names)}"
        for runs in arms
        if len(names := list(dict.fromkeys(run.arm for run in runs))) > 1
    ]
