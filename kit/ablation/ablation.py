"""A trained ablation: its plan, its runs and their outcomes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kit.ablation.plan import Plan, RunKey
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory

if TYPE_CHECKING:
    from kit.comparison import Comparison
    from kit.comparison.contrasts import Against


@dataclass(frozen=True, slots=True)
class Ablation(os.PathLike[str]):
    """Ablation trained by `kit.ablate`, in whole or up to its time limit; usable as the path of its folder.

    Attributes:
        plan: Plan with all arms tried.
        left: Number of runs left for another call; of a part, among its own.
        failed: Reasons of failed runs, by arm, seed and fold.
        pruned: Number of runs whose arms lost a rung of successive halving.
        elsewhere: Number of runs of a part that another command was training, and that were left to it.
    """

    plan: Plan
    left: int
    failed: Mapping[RunKey, str]
    pruned: int
    elsewhere: int = 0

    @property
    def path(self) -> Path:
        """Folder of the ablation."""
        return self.plan.folder

    @property
    def runs(self) -> list[RunDirectory]:
        """Directories of all runs, arm by arm, whether finished or not."""
        return [self.plan.directory(key) for key in self.plan.specs]

    def compare(
        self,
        *,
        metric: str | None = None,
        baseline: str = "",
        against: Against | None = None,
        split: str = "",
        progress: Progress = NO_PROGRESS,
    ) -> Comparison:
        """Compare the arms; see `kit.compare`.

        Args:
            metric: Metric to compare the arms by, in Keras' name; that of `kit.compare` by default.
            baseline: Arm to compare the others with; the first planned one by default.
            against: "first" compares arms with the first one alone, "previous" with the previous one too.
            split: Labelled split to measure every run on, besides train; none by default.
            progress: Receiver of every measured run.

        Raises:
            RunError: No run is finished, or the metric or the baseline is unknown.
        """
        from kit.comparison.compare import compare  # noqa: PLC0415 (SciPy and pandas, for this only)

        return compare(
            self.path,
            metric=metric or None,
            baseline=baseline,
            against=against,
            split=split,
            progress=progress,
        )

    def __fspath__(self) -> str:
        """Return the path of the folder, so that `Path(ablation)` and `kit.compare(ablation)` work."""
        return str(self.path)

    def __str__(self) -> str:
        """Return the path of the folder."""
        return str(self.path)
