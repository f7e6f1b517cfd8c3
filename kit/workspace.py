"""Where datasets, runs and submissions lie."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_DATASETS, _RUNS, _SUBMISSIONS = "tfrecords", "runs", "submissions"
_PLACES = (_RUNS, _SUBMISSIONS)  # folders whose contents say which workspace is meant


@dataclass(frozen=True, slots=True)
class Workspace:
    """A root folder with its tfrecords/, runs/, submissions/ and data/."""

    root: Path

    @classmethod
    def at(cls, root: Path | str | None = None) -> Workspace:
        """Take `root`, else KIT_ROOT from the environment, else the current folder."""
        return cls(Path(root or os.environ.get("KIT_ROOT") or "."))

    @classmethod
    def holding(cls, names: Iterable[Path | str], root: Path | str | None = None) -> Workspace:
        """Take `root` or KIT_ROOT, else the workspace that the first of some paths lies in, else the current folder.

        Args:
            names: Paths of runs, folders of runs or submissions, or names that are no paths.
            root: Root folder, where one is given.
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
        """Folder of what was fetched, one folder each."""
        return self.root / "data"

    def run_name(self, run: Path) -> str:
        """Name a run by its path below runs/; by its whole path where it lies elsewhere."""
        whole, runs = run.resolve(), self.runs.resolve()
        return whole.relative_to(runs).as_posix() if whole.is_relative_to(runs) else whole.as_posix()

    def submission(self, name: str) -> Path:
        """Name a submission's file; in a notebook on Kaggle, the one that the platform looks for."""
        if os.environ.get("KAGGLE_KERNEL_RUN_TYPE"):
            return Path("/kaggle/working/submission.csv")
        return self.submissions / f"{name}.csv"


def with_root(command: str, root: Path | str | None) -> str:
    """Add to a command where the workspace is that it shall find; nothing where it would find it by itself."""
    return command if Workspace.at(root) == Workspace.at() else f"{command} --root {shlex.quote(str(root))}"
