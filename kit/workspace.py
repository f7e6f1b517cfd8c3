"""Workspaces: folders of datasets, runs, submissions and downloads."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_DATASETS, _RUNS, _SUBMISSIONS = "tfrecords", "runs", "submissions"
_PLACES = (_RUNS, _SUBMISSIONS)  # folders by which the workspace of a path is found


@dataclass(frozen=True, slots=True)
class Workspace:
    """A root folder with tfrecords/, runs/, submissions/ and data/."""

    root: Path

    @classmethod
    def at(cls, root: Path | str | None = None) -> Workspace:
        """Open the workspace at `root`, else at KIT_ROOT from the environment, else in the current folder."""
        return cls(Path(root or os.environ.get("KIT_ROOT") or "."))

    @classmethod
    def holding(cls, names: Iterable[Path | str], root: Path | str | None = None) -> Workspace:
        """Open the workspace at `root` or KIT_ROOT, else that of the first of some paths, else in the current folder.

        Args:
            names: Paths of runs, folders of runs or submissions, or names that are not paths.
            root: Root folder, if given.
        """
        if root is None and not os.environ.get("KIT_ROOT"):
            here = Path.cwd()
            above = [folder for name in names if Path(name).exists() for folder in Path(name).resolve().parents]
            roots = [
                folder.parent for folder in above if folder.name in _PLACES and (folder.parent / _DATASETS).is_dir()
            ]
            if roots and roots[0] != here:
                return cls(roots[0])
        return cls.at(root)

    @property
    def datasets(self) -> Path:
        """Folder of datasets, one folder each."""
        return self.root / _DATASETS

    @property
    def runs(self) -> Path:
        """Folder of runs and ablations."""
        return self.root / _RUNS

    @property
    def submissions(self) -> Path:
        """Folder of submission files."""
        return self.root / _SUBMISSIONS

    @property
    def data(self) -> Path:
        """Folder of downloads, one folder each."""
        return self.root / "data"

    def run_name(self, run: Path) -> str:
        """Return a run's path relative to runs/; the whole path of a run elsewhere."""
        whole, runs = run.resolve(), self.runs.resolve()
        return whole.relative_to(runs).as_posix() if whole.is_relative_to(runs) else whole.as_posix()

    def submission(self, name: str) -> Path:
        """Return a submission's path; in a notebook on Kaggle, the one that the platform expects."""
        if os.environ.get("KAGGLE_KERNEL_RUN_TYPE"):
            return Path("/kaggle/working/submission.csv")
        return self.submissions / f"{name}.csv"


def with_root(command: str, root: Path | str | None) -> str:
    """Append --root to a command, unless it would find the workspace by default."""
    return command if Workspace.at(root) == Workspace.at() else f"{command} --root {shlex.quote(str(root))}"
