"""Trials, several at a time; the run directories are the only state."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.ablation.grid import Arm, Axis, Design, plan_arms, recipe_arms, settled
from kit.engines import Local, core_count
from kit.errors import SpecError
from kit.files import locked, write_whole
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory, RunResult
from kit.shards import Dataset, find_dataset
from kit.specs import RunSpec, Setting, override, read_recipe, read_setting, to_json
from kit.specs.recipe import DEFAULT_RECIPE, recipe_name, split_arm
from kit.specs.settings import require
from kit.training.check import check_spec, refuse_data
from kit.training.train import spec_of
from kit.workspace import Workspace


class Ablation(msgspec.Struct, frozen=True, kw_only=True):
    """An ablation's plan, as ablation.json keeps it.

    Attributes:
        dataset: name.
        fingerprint: of the dataset.
        recipe: name or path.
        arms: names in order; the first is the baseline.
        seeds: how many, from 0.
        refused: arms that cannot be built, and why.
    """

    dataset: str
    fingerprint: str
    recipe: str
    arms: tuple[str, ...]
    seeds: int
    refused: dict[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An ablation before anything of it has run.

    Attributes:
        dataset: that all runs learn from.
        folder: of the ablation.
        recipe: name or path.
        changes: of each arm, by dotted path, as text.
        specs: of the runs, by arm and seed, in order.
        refused: arms that cannot be built, and why.
    """

    dataset: Dataset
    folder: Path
    recipe: str
    changes: Mapping[str, Mapping[str, str]]
    specs: Mapping[tuple[str, int], RunSpec]
    refused: Mapping[str, str]

    @property
    def arms(self) -> dict[str, RunSpec]:
        """The first run of each arm."""
        return {arm: spec for (arm, seed), spec in self.specs.items() if seed == 0}

    @property
    def seeds(self) -> int:
        """Runs of each arm."""
        return len(self.specs) // len(self.arms)

    def runs(self, arm: str) -> list[RunDirectory]:
        """Where an arm's runs lie, by seed."""
        return [self.directory(*place) for place in self.specs if place[0] == arm]

    def directory(self, arm: str, seed: int) -> RunDirectory:
        """Where a run lies."""
        return RunDirectory(self.folder / arm / f"seed-{seed}")


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of an ablation, as a worker receives it.

    Attributes:
        spec: of the run.
        directory: the run's.
        dataset: its manifest and folder.
        memory_share: of the machine's memory that its decoded images may fill.
    """

    spec: RunSpec
    directory: Path
    dataset: Dataset
    memory_share: float


def ablate(
    name: str,
    axes: Sequence[Axis] = (),
    *,
    recipe: str = DEFAULT_RECIPE,
    settings: Mapping[str, object] | None = None,
    seeds: int = 3,
    design: Design = "grid",
    jobs: int | None = None,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Path:
    """Train every arm on every seed, and return the ablation's folder.

    Finished runs are kept and unfinished ones go on from their last epoch, so calling this again after a crash, or
    with more seeds, does only what is left. Arms that cannot be built are left out, and ablation.json says why.

    Args:
        name: a dataset in tfrecords/.
        axes: settings to vary; none runs the recipe's own arms, as they were published.
        recipe: what the arms change: a shipped recipe, the path of a .toml file, or an arm of either as RECIPE/ARM.
        settings: changes to the recipe that all arms share, by dotted path.
        seeds: of each arm, from 0; arms with equal seeds begin with equal weights and see equal batches.
        design: "grid" or "one-at-a-time".
        jobs: trials at a time, each in its own process; by default one for each core, or one where there is a GPU.
        root: of the workspace; KIT_ROOT or the current folder otherwise.
        progress: sees every epoch.

    Raises:
        KitError: unknown dataset, recipe or setting, no arm that fits the images, a worker that died, or another
            process at the same ablation.
    """
    plan = plan_ablation(
        name, axes, recipe=recipe, settings=settings or {}, seeds=seeds, design=design, jobs=jobs, root=root
    )
    run_plan(plan, jobs=jobs, progress=progress)
    return plan.folder


def plan_ablation(
    name: str,
    axes: Sequence[Axis],
    *,
    recipe: str,
    settings: Mapping[str, object],
    seeds: int,
    design: Design,
    jobs: int | None = None,
    root: Path | str | None = None,
) -> Plan:
    """Lay an ablation out; see `ablate`.

    Raises:
        KitError: unknown dataset, recipe or setting, or no arm that fits the images.
    """
    require(seeds >= 1, f"seeds must be 1 or more, got {seeds}")
    require(jobs is None or jobs >= 1, f"jobs must be 1 or more, got {jobs}")
    dataset = find_dataset(name, root=root)
    refuse_data([*settings, *(axis.path for axis in axes)], dataset)
    base = _one_thread(read_setting(recipe, settings))
    axes = [settled(axis, base) for axis in axes]
    named = split_arm(recipe)[1]
    if axes or named:
        arms = plan_arms(axes, base, design, unchanged=named or "base")
    else:
        arms = recipe_arms(read_recipe(recipe), base, settings)
    specs: dict[tuple[str, int], RunSpec] = {}
    refused: dict[str, str] = {}
    for arm in arms:
        try:
            specs.update({(arm.name, seed): _spec(dataset, base, arm, seed) for seed in range(seeds)})
        except SpecError as error:
            refused[arm.name] = str(error)
    if not specs:
        raise SpecError(next(iter(refused.values())))
    return Plan(
        dataset=dataset,
        folder=Workspace.at(root).runs / ablation_id(dataset, base, arms, axes, recipe),
        recipe=recipe,
        changes={arm.name: dict(arm.settings) for arm in arms},
        specs=specs,
        refused=refused,
    )


def run_plan(plan: Plan, *, jobs: int | None = None, progress: Progress = NO_PROGRESS) -> None:
    """Do what is left of a plan; see `ablate`."""
    ablation = Ablation(
        dataset=plan.dataset.manifest.name,
        fingerprint=plan.dataset.manifest.fingerprint,
        recipe=plan.recipe,
        arms=tuple(plan.arms),
        seeds=plan.seeds,
        refused=dict(plan.refused),
    )
    with locked(plan.folder):
        write_whole(plan.folder / "ablation.json", to_json(ablation))
        _run(plan, jobs or default_jobs(), progress)


def _one_thread(base: Setting) -> Setting:
    """Give trials one thread unless the user chose: then figures do not depend on how many run at a time."""
    return base if base.train.threads else override(base, {"train.threads": 1})


def ablation_id(dataset: Dataset, base: Setting, arms: Sequence[Arm], axes: Sequence[Axis], recipe: str) -> str:
    """Name an ablation by what it asks, whatever the seeds, so that more seeds extend it."""
    question = msgspec.json.encode(
        [dataset.manifest.fingerprint, base, [[arm.name, dict(arm.settings)] for arm in arms]], order="deterministic"
    )
    _, arm = split_arm(recipe)
    varied = "-".join(axis.path.rpartition(".")[2] for axis in axes) or arm or recipe_name(recipe)
    return f"{dataset.manifest.name}-{varied}-{hashlib.sha256(question).hexdigest()[:8]}"


def default_jobs() -> int:
    """One trial a core; one at a time where a GPU would have to be shared."""
    has_gpu = any(Path("/dev").glob("nvidia[0-9]*"))
    return 1 if has_gpu else core_count()


def run_trial(trial: Trial) -> RunResult:
    """Train one trial, in a worker."""
    from kit.training.run import train_run  # noqa: PLC0415 (TensorFlow, in the workers only)

    return train_run(trial.dataset, trial.spec, RunDirectory(trial.directory), memory_share=trial.memory_share)


def _spec(dataset: Dataset, base: Setting, arm: Arm, seed: int) -> RunSpec:
    spec = spec_of(override(base, dict(arm.settings)), dataset, arm=arm.name, seed=seed)
    check_spec(spec, dataset)
    return spec


def _run(plan: Plan, jobs: int, progress: Progress) -> None:
    epochs = _Epochs(plan, progress)
    for arm, reason in plan.refused.items():
        progress.advance(0, f"{arm} is left out: {reason}")
    jobs = max(1, min(jobs, len(plan.specs)))
    directories = {plan.directory(*place): spec for place, spec in plan.specs.items()}
    trials = [
        Trial(spec, directory.path, plan.dataset, memory_share=0.5 / jobs)
        for directory, spec in directories.items()
        if not directory.is_finished
    ]
    if len(trials) < len(directories):
        progress.advance(0, f"{len(directories) - len(trials)} of {len(directories)} runs were finished before")
    epochs.look()
    for finished in Local(jobs).run(run_trial, trials, tick=epochs.look):
        trial = trials[finished.index]
        figures = ", ".join(f"{name} {value:.4f}" for name, value in finished.value.final.items() if value is not None)
        epochs.look(f"{trial.spec.arm}, seed {trial.spec.seed}: {figures}")
    progress.finish()


class _Epochs:
    """Progress read off the run directories."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self._plan = plan
        self._progress = progress
        self._seen = 0
        progress.start(f"ablate, {len(plan.specs)} runs", sum(spec.train.epochs for spec in plan.specs.values()))

    def look(self, note: str = "") -> None:
        """Count the epochs that are on the disk; those that an early stop has saved too."""
        now = sum(self._done(self._plan.directory(*place), spec) for place, spec in self._plan.specs.items())
        self._progress.advance(now - self._seen, note)
        self._seen = now

    @staticmethod
    def _done(run: RunDirectory, spec: RunSpec) -> int:
        return spec.train.epochs if run.is_finished else min(len(run.history().rows), spec.train.epochs)
