"""Plan of an ablation: its arms, seeds, folds and settings, before anything runs."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from kit.ablation.arms import Arm, Axis, Design, asked, normalized, parse_design, plan_arms, recipe_arms, recipe_axes
from kit.ablation.packing import Packing
from kit.ablation.search import Search
from kit.ablation.status import Watched
from kit.datasets import Dataset, find_dataset
from kit.engines import Part
from kit.errors import ShardError, SpecError, require, unknown
from kit.files import write_whole
from kit.metrics.direction import smaller_is_better
from kit.models import count_operations
from kit.names import below
from kit.runs import RunDirectory
from kit.runs.stored import ABLATION
from kit.seals import read_sealed, seal
from kit.specs import RunSpec, Setting, override, read_recipe
from kit.specs.naming import as_named
from kit.specs.recipe import recipe_name, split_arm
from kit.training.check import check_spec
from kit.training.cross_validation import parse_folds
from kit.training.dataset_defaults import base_with_defaults
from kit.training.recipe_data import refuse_data, refuse_other_data, setting_for
from kit.training.request import spec_of
from kit.workspace import Workspace


class RunKey(NamedTuple):
    """Identity of a run within an ablation: arm, seed and fold.

    Attributes:
        arm: Name of the arm.
        seed: Seed, from 0.
        fold: Validation fold; None without folds.
    """

    arm: str
    seed: int
    fold: int | None = None

    def __str__(self) -> str:
        """Format the key for people."""
        fold = "" if self.fold is None else f", fold {self.fold}"
        return f"{self.arm}, seed {self.seed}{fold}"


class PlanFile(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of an ablation's ablation.json.

    Attributes:
        dataset: Name of the dataset.
        fingerprint: Fingerprint of the dataset.
        recipe: Name or path of the recipe.
        arms: Names of the arms in order; the first is the baseline.
        seeds: Number of seeds, from 0.
        folds: Validation folds of each arm; empty for the dataset's own split.
        refused: Arms that cannot be built, with the reason.
        packing: Packing of its trials on the machine; kept, as figures depend on the number of threads.
    """

    dataset: str
    fingerprint: str
    recipe: str
    arms: tuple[str, ...]
    seeds: int
    folds: tuple[int, ...] = ()
    refused: dict[str, str] = {}
    packing: Packing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Plan of an ablation.

    Attributes:
        dataset: Dataset to train all runs on.
        folder: Folder of the ablation.
        recipe: Name or path of the recipe.
        base: Settings for the arms to change.
        seeds: Number of seeds of each arm, counted from 0.
        folds: Validation folds of each arm; empty for the dataset's own split.
        changes: Changes of each arm, by dotted path, as text.
        specs: Settings of the runs by key, arm by arm.
        refused: Arms that cannot be built, with the reason.
        search: Search that proposes more arms after these have run; None for a fixed set of arms.
        count: Number of arms, including those not proposed yet.
    """

    dataset: Dataset
    folder: Path
    recipe: str
    base: Setting
    seeds: int
    folds: tuple[int, ...]
    changes: Mapping[str, Mapping[str, str]]
    specs: Mapping[RunKey, RunSpec]
    refused: Mapping[str, str]
    search: Search | None = None
    count: int = 0

    @property
    def arms(self) -> dict[str, RunSpec]:
        """Settings of the first run of each arm."""
        first: dict[str, RunSpec] = {}
        for key, spec in self.specs.items():
            first.setdefault(key.arm, spec)
        return first

    @property
    def runs_per_arm(self) -> int:
        """Number of seeds times number of folds."""
        return self.seeds * max(1, len(self.folds))

    @property
    def file(self) -> Path:
        """Path of ablation.json."""
        return self.folder / ABLATION

    def keys(self, arm: str) -> list[RunKey]:
        """List the keys of an arm's runs."""
        return [key for key in self.specs if key.arm == arm]

    def runs(self, arm: str) -> list[RunDirectory]:
        """Return the folder of an arm's runs."""
        return [self.directory(key) for key in self.keys(arm)]

    def directory(self, key: RunKey) -> RunDirectory:
        """Return the directory of a run."""
        fold = "" if key.fold is None else f"-fold-{key.fold}"
        return RunDirectory(below(self.folder, key.arm, f"seed-{key.seed}{fold}"))

    def watched(self, keys: Collection[RunKey] | None = None) -> list[Watched]:
        """List all runs, or some, in the plan's order, to read their status."""
        known = self.specs if keys is None else set(keys)
        return [(*key, self.directory(key), spec) for key, spec in self.specs.items() if key in known]

    def packing(self) -> Packing | None:
        """Packing of the trials so far; None before the first call."""
        return read_sealed(self.file, PlanFile, what="ablation").packing if self.file.is_file() else None

    def write(self, packing: Packing) -> None:
        """Write ablation.json, with the first packing: figures depend on its number of threads."""
        kept = PlanFile(
            dataset=self.dataset.manifest.name,
            fingerprint=self.dataset.manifest.fingerprint,
            recipe=self.recipe,
            arms=tuple(self.arms),
            seeds=self.seeds,
            folds=self.folds,
            refused=dict(self.refused),
            packing=self.packing() or packing,
        )
        write_whole(self.file, seal(kept))

    @property
    def possible(self) -> int:
        """Number of arms that can be trained, including those still to be proposed by a search."""
        return max(len(self.arms), self.count - len(self.refused))

    @property
    def runs_to_come(self) -> int:
        """Number of runs of arms still to be proposed by a search."""
        return max(0, self.count - len(self.changes)) * self.runs_per_arm

    def figure(self, metric: str | None = None) -> str:
        """Name the figure of the histories that arms are judged by.

        Args:
            metric: Recorded figure, by Keras' name, or a metric, which is judged on validation; None for the dataset's.

        Raises:
            SpecError: Not every run will record it, with what they record.
        """
        metric = metric or self.dataset.metric
        known = set.intersection(*(set(spec.train.recorded) for spec in self.specs.values()))
        for figure in (f"val_{metric}", metric):
            if figure in known:
                return figure
        raise SpecError(f"{unknown('metric', metric, known)}; add it to train.metrics, as in accuracy,auc")

    def share(self, part: Part) -> list[RunKey]:
        """List the runs of a part: those of a seed and a fold next to each other, as arms are compared seed by seed."""
        keys = sorted(self.specs, key=lambda key: (key.seed, -1 if key.fold is None else key.fold))
        return part.share(keys, lambda key: self.specs[key].train.epochs * self.operations(self.specs[key]))

    def operations(self, spec: RunSpec) -> int:
        """Count the operations of a run's model on one image."""
        return count_operations(spec.model, self.dataset.shape, self.dataset.manifest.target.head(spec.model.head))

    def with_arms(self, arms: Sequence[Arm]) -> Plan:
        """Add arms; those that cannot be built are refused with their reason.

        Raises:
            SpecError: Two arms have the same name, and so the same folder.
        """
        specs, refused, known = dict(self.specs), dict(self.refused), {*self.changes}
        for arm in arms:
            require(
                arm.name not in known,
                f"two arms would be named {arm.name}, as names keep letters, digits and ._+- only; rename a value",
            )
            known.add(arm.name)
            try:
                specs.update(_runs(self, arm))
            except (SpecError, ShardError) as error:  # the other arms can still be trained
                refused[arm.name] = str(error)
        changes = {**self.changes, **{arm.name: dict(arm.settings) for arm in arms}}
        return dataclasses.replace(self, specs=specs, refused=refused, changes=changes)

    def with_threads(self, threads: int) -> Plan:
        """Set the number of threads of every trial."""
        specs = {key: override(spec, {"train.threads": threads}) for key, spec in self.specs.items()}
        return dataclasses.replace(self, specs=specs, base=override(self.base, {"train.threads": threads}))


def plan_ablation(
    name: str,
    axes: Sequence[Axis],
    *,
    recipe: str,
    settings: Mapping[str, object],
    seeds: int,
    folds: str | Sequence[int] = (),
    design: Design | str,
    root: Path | str | None = None,
) -> Plan:
    """Plan an ablation; see `ablate`.

    Raises:
        KitError: Unknown dataset, recipe or setting, or no arm that fits the images.
    """
    design = parse_design(design) if isinstance(design, str) else design
    require(seeds >= 1, f"seeds must be 1 or more, got {seeds}")
    dataset = find_dataset(name, root=root)
    refuse_data([axis.path for axis in axes], dataset)
    base = base_with_defaults(_one_thread(setting_for(dataset, recipe, settings)), dataset)
    axes = [normalized(axis, base) for axis in axes]
    named = split_arm(recipe)[1]
    if design.draws and not axes and not named:
        axes = recipe_axes(read_recipe(recipe), base, settings)
    search = _search(design, axes, base)
    if search:
        arms = search.next_arms({})
    elif axes or named or design.draws:
        arms = plan_arms(axes, base, design, unchanged=named or "base")
    else:
        arms = recipe_arms(read_recipe(recipe), base, settings, design)
    empty = Plan(
        dataset=dataset,
        folder=Workspace.at(root).runs / ablation_id(dataset, base, asked(arms, axes, design), axes, recipe),
        recipe=recipe,
        base=base,
        seeds=seeds,
        folds=parse_folds(dataset, folds),
        changes={},
        specs={},
        refused={},
        search=search,
        count=max(len(arms), design.count or 0) if search else len(arms),
    )
    plan = empty.with_arms(arms)
    if not plan.specs:
        raise SpecError(next(iter(plan.refused.values())))
    return plan


def ablation_id(dataset: Dataset, base: Setting, question: object, axes: Sequence[Axis], recipe: str) -> str:
    """Name an ablation by its arms, regardless of seeds and folds, so that more of them extend it."""
    asked_all = msgspec.json.encode([dataset.manifest.fingerprint, as_named(base), question], order="deterministic")
    _, arm = split_arm(recipe)
    varied = "-".join(axis.path.rpartition(".")[2] for axis in axes) or arm or recipe_name(recipe)
    return f"{dataset.manifest.name}-{varied}-{hashlib.sha256(asked_all).hexdigest()[:8]}"


def _search(design: Design, axes: Sequence[Axis], base: Setting) -> Search | None:
    if design.kind != "search" or design.count is None:
        return None
    return Search(axes, base, design.count, smaller_is_better=smaller_is_better(base.train.monitor))


def _one_thread(base: Setting) -> Setting:
    """Set one thread per trial unless the user chose, so that figures do not depend on the number of jobs."""
    return base if base.train.threads else override(base, {"train.threads": 1})


def _runs(plan: Plan, arm: Arm) -> dict[RunKey, RunSpec]:
    setting = override(plan.base, dict(arm.settings))
    refuse_other_data(f"{split_arm(plan.recipe)[0]}/{arm.name}", dict(arm.settings), setting.data, plan.dataset)
    folds: Sequence[int | None] = plan.folds or (None,)
    specs: dict[RunKey, RunSpec] = {}
    for seed in range(plan.seeds):
        for fold in folds:
            spec = spec_of(setting, plan.dataset, arm=arm.name, seed=seed, fold=fold)
            specs[RunKey(arm.name, seed, fold)] = spec
            if seed == 0:
                check_spec(spec, plan.dataset.for_fold(fold))
    return specs
