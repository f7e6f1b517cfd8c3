"""Ensembles: runs of one dataset, such as folds, seeds or arms, whose predictions are averaged."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kit.datasets import Dataset, find_dataset
from kit.errors import RunError, first_three, option
from kit.inference.out_of_fold import OutOfFold, hold_out, is_held_out
from kit.inference.predict_split import head_of, predict_split, refuse_unscorable, weights_file
from kit.inference.predictions import Predictions, average
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunSnapshot, find_folder, open_runs
from kit.runs.provenance import Maker, name_maker
from kit.specs import RunSpec
from kit.specs.train import Weights
from kit.specs.views import ONE_VIEW, Views
from kit.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Runs of one dataset, with the weights and views for their predictions.

    Attributes:
        runs: One or more, each read and checked once.
        dataset: Dataset that all of them were trained on.
        weights: Epoch of the weights, "best" or "last".
        views: Views of each image.
        folder: Common folder, the run's own for a single run; None for runs that were named one by one.
        workspace: Workspace of the runs.
    """

    runs: tuple[RunSnapshot, ...]
    dataset: Dataset
    weights: Weights = "best"
    views: Views = ONE_VIEW
    folder: Path | None = None
    workspace: Workspace = field(default_factory=Workspace.at)

    @property
    def folds(self) -> list[int]:
        """Validation folds of the runs."""
        return sorted({fold for run in self.runs if (fold := run.spec().fold) is not None})

    @property
    def knows_held_out(self) -> bool:
        """Whether each image of the validation split, or of the folds, has runs that were not trained on it."""
        return is_held_out(self.runs)

    @property
    def predicts_probabilities(self) -> bool:
        """Whether the runs predict probabilities of the target's names, not numbers."""
        return all(not head_of(run, self.dataset).shift for run in self.runs)

    def makers(self) -> tuple[Maker, ...]:
        """Return the runs with the hashes of their settings and weights.

        Raises:
            RunError: A run lacks these weights.
        """
        return tuple(
            name_maker(run, weights_file(run, self.dataset, self.weights), self.workspace.run_name(run.path))
            for run in self.runs
        )

    @contextlib.contextmanager
    def steady(self) -> Iterator[tuple[Maker, ...]]:
        """Yield the makers, and check afterwards that their weights are the same.

        Raises:
            RunError: A training changed the weights meanwhile, so that predictions may come from different ones.
        """
        before = self.makers()
        yield before
        for maker, now in zip(before, self.makers(), strict=True):
            if now != maker:
                raise RunError(
                    f"{maker.run} was trained further meanwhile, so its weights changed; wait until it is finished"
                )

    def refuse(self, split: str) -> None:
        """Check that a split can be predicted, before TensorFlow is loaded.

        Raises:
            RunError: A run has no weights, or the split differs from run to run.
            ShardError: There is no such split.
            SpecError: The views do not fit the images.
        """
        for run in self.runs:
            refuse_unscorable(run, self.dataset, split, weights=self.weights, views=self.views)
        if split != "test" and len({run.spec().fold for run in self.runs}) > 1:
            raise RunError(f"split {split} differs from fold to fold; name test, or a run of one fold")

    def score(self, split: str, progress: Progress = NO_PROGRESS) -> Predictions:
        """Average the runs' predictions on a split.

        Raises:
            KitError: The split cannot be predicted; see `refuse`.
        """
        self.refuse(split)
        scores = []
        for number, run in enumerate(self.runs, start=1):
            task = f"predict {split}" + (f", run {number} of {len(self.runs)}" if len(self.runs) > 1 else "")
            scores.append(
                predict_split(
                    run, self.dataset, split, weights=self.weights, views=self.views, task=task, progress=progress
                )
            )
        return average(scores)

    def hold_out(self, progress: Progress = NO_PROGRESS) -> OutOfFold | None:
        """Predict every image by the runs that were not trained on it; see `kit.inference.out_of_fold.hold_out`."""
        for run in self.runs:
            refuse_unscorable(run, self.dataset, "validation", weights=self.weights, views=self.views)
        return hold_out(self.runs, self.dataset, weights=self.weights, views=self.views, progress=progress)


def open_ensemble(
    names: Sequence[str | Path],
    *,
    weights: Weights | None = None,
    views: Views = ONE_VIEW,
    root: Path | str | None = None,
) -> Ensemble:
    """Open runs by their paths or their names below runs/; a folder stands for all runs in it.

    Raises:
        RunError: A run is missing or not finished, the runs are of different datasets, or no weights are given and the
            runs' settings differ in them.
    """
    workspace = Workspace.holding(names, root)
    found = {run.path.resolve(): RunSnapshot.of(run) for name in names for run in open_runs(name, workspace)}
    if not found:
        raise RunError("name a run, or a folder of runs")
    runs = tuple(found.values())
    specs = [run.spec() for run in runs]
    datasets = list(dict.fromkeys(f"{spec.dataset} ({spec.fingerprint})" for spec in specs))
    if len(datasets) > 1:
        raise RunError(
            f"runs of different datasets are not averaged: {first_three(datasets, len(datasets))};"
            " predict each dataset separately, and join the CSVs with kit blend"
        )
    folder = runs[0].path if len(runs) == 1 else find_folder(names[0], workspace) if len(names) == 1 else None
    return Ensemble(
        runs=runs,
        dataset=find_dataset(specs[0].dataset, root=workspace.root),
        weights=weights or _agreed(specs),
        views=views,
        folder=folder,
        workspace=workspace,
    )


def _agreed(specs: Sequence[RunSpec]) -> Weights:
    """Return the weights in the settings of all runs."""
    first, *others = dict.fromkeys(spec.train.evaluate for spec in specs)
    if others:
        raise RunError(
            "some runs are evaluated by their best weights, others by their last; give"
            f" {option('weights', 'best')} or last"
        )
    return first
