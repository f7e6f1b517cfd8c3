"""Trials, several at a time; the run directories are the only state."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.ablation.grid import Arm, Axis, Design, plan_arms, settled
from kit.engines import Local, core_count
from kit.files import locked, write_whole
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory, RunResult
from kit.shards import Dataset, find_dataset
from kit.specs import Recipe, RunSpec, override, read_recipe, to_json
from kit.specs.recipe import DEFAULT_RECIPE
from kit.specs.settings import require
from kit.training.train import check_spec
from kit.workspace import Workspace


class Ablation(msgspec.Struct, frozen=True, kw_only=True):
    """An ablation's plan, as ablation.json keeps it.

    Attributes:
        dataset: name.
        fingerprint: of the dataset.
        recipe: name or path.
        arms: names in order; the first is the baseline.
        seeds: how many, from 0.
    """

    dataset: str
    fingerprint: str
    recipe: str
    arms: tuple[str, ...]
    seeds: int


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
    axes: Sequence[Axis],
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
    with more seeds, does only what is left.

    Args:
        name: a dataset in tfrecords/.
        axes: settings to vary.
        recipe: what the arms change: a shipped recipe, or the path of a .toml file.
        settings: changes to the recipe that all arms share, by dotted path.
        seeds: of each arm, from 0; arms with equal seeds begin with equal weights and see equal batches.
        design: "grid" or "one-at-a-time".
        jobs: trials at a time, each in its own process; by default one for each core, or one where there is a GPU.
        root: of the workspace; KIT_ROOT or the current folder otherwise.
        progress: sees every epoch.

    Raises:
        KitError: unknown dataset, recipe or setting, a model that does not fit the images, a worker that died, or
            another process at the same ablation.
    """
    require(seeds >= 1, f"seeds must be 1 or more, got {seeds}")
    require(jobs is None or jobs >= 1, f"jobs must be 1 or more, got {jobs}")
    workspace = Workspace.at(root)
    dataset = find_dataset(name, root=root)
    base = _one_thread(override(read_recipe(recipe), settings or {}))
    axes = [settled(axis, base) for axis in axes]
    arms = plan_arms(axes, base, design)
    folder = workspace.runs / ablation_id(dataset, base, axes, design)
    specs = {
        folder / arm.name / f"seed-{seed}": _spec(dataset, base, arm, seed) for arm in arms for seed in range(seeds)
    }
    plan = Ablation(
        dataset=name,
        fingerprint=dataset.manifest.fingerprint,
        recipe=recipe,
        arms=tuple(arm.name for arm in arms),
        seeds=seeds,
    )
    with locked(folder):
        write_whole(folder / "ablation.json", to_json(plan))
        _run(specs, dataset, jobs or default_jobs(), progress)
    return folder


def _one_thread(base: Recipe) -> Recipe:
    """Give trials one thread unless the user chose: then figures do not depend on how many run at a time."""
    return base if base.train.threads else override(base, {"train.threads": 1})


def ablation_id(dataset: Dataset, base: Recipe, axes: Sequence[Axis], design: Design) -> str:
    """Name an ablation by what it asks, whatever the seeds, so that more seeds extend it."""
    question = msgspec.json.encode(
        [dataset.manifest.fingerprint, base, [[axis.path, axis.values] for axis in axes], design]
    )
    varied = "-".join(axis.path.rpartition(".")[2] for axis in axes) or "base"
    return f"{dataset.manifest.name}-{varied}-{hashlib.sha256(question).hexdigest()[:8]}"


def default_jobs() -> int:
    """One trial a core; one at a time where a GPU would have to be shared."""
    has_gpu = any(Path("/dev").glob("nvidia[0-9]*"))
    return 1 if has_gpu else core_count()


def run_trial(trial: Trial) -> RunResult:
    """Train one trial, in a worker."""
    from kit.training.run import train_run  # noqa: PLC0415 (TensorFlow, in the workers only)

    return train_run(trial.dataset, trial.spec, RunDirectory(trial.directory), memory_share=trial.memory_share)


def _spec(dataset: Dataset, base: Recipe, arm: Arm, seed: int) -> RunSpec:
    changed = override(base, dict(arm.settings))
    spec = RunSpec(
        dataset=dataset.manifest.name,
        fingerprint=dataset.manifest.fingerprint,
        arm=arm.name,
        seed=seed,
        model=changed.model,
        train=changed.train,
    )
    check_spec(spec, dataset)
    return spec


def _run(specs: Mapping[Path, RunSpec], dataset: Dataset, jobs: int, progress: Progress) -> None:
    epochs = _Epochs(specs, progress)
    jobs = max(1, min(jobs, len(specs)))
    trials = [
        Trial(spec, path, dataset, memory_share=0.5 / jobs)
        for path, spec in specs.items()
        if not RunDirectory(path).is_finished
    ]
    epochs.look()
    for finished in Local(jobs).run(run_trial, trials, tick=epochs.look):
        trial = trials[finished.index]
        figures = ", ".join(f"{name} {value:.4f}" for name, value in finished.value.final.items() if value is not None)
        epochs.look(f"{trial.spec.arm}, seed {trial.spec.seed}: {figures}")
    progress.finish()


class _Epochs:
    """Progress read off the run directories."""

    def __init__(self, specs: Mapping[Path, RunSpec], progress: Progress) -> None:
        self._specs = specs
        self._progress = progress
        self._seen = 0
        progress.start(f"ablate, {len(specs)} runs", sum(spec.train.epochs for spec in specs.values()))

    def look(self, note: str = "") -> None:
        """Count the epochs that are on the disk."""
        now = sum(min(len(RunDirectory(path).history().rows), spec.train.epochs) for path, spec in self._specs.items())
        self._progress.advance(now - self._seen, note)
        self._seen = now
