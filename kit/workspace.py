"""Workspaces: folders of datasets, runs, submissions and downloads, or what an object store has of them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kit.storage import Address, is_address, mirrored, open_mirror

_DATASETS, _RUNS, _SUBMISSIONS = "tfrecords", "runs", "submissions"
_PLACES = (_RUNS, _SUBMISSIONS)  # folders by which the workspace of a path is found


@dataclass(frozen=True, slots=True)
class Workspace:
    """A root folder with tfrecords/, runs/, submissions/ and data/.

    A workspace in an object store has tfrecords/ and runs/ there, and copies of them in its root folder, which is in
    the user's cache; submissions/ and data/ are those of the current folder.
    """

    root: Path

    @classmethod
    def at(cls, root: Path | str | None = None) -> Workspace:
        """Open the workspace at `root`, else at KIT_ROOT from the environment, else in the current folder.

        Args:
            root: Folder, or address of a store such as s3://lab/retina.

        Raises:
            SpecError: The address is none that kit knows.
        """
        named = root or os.environ.get("KIT_ROOT") or "."
        return cls(open_mirror(Address.parse(named)) if is_address(named) else Path(named))

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
        return self._here / _SUBMISSIONS

    @property
    def data(self) -> Path:
        """Folder of downloads, one folder each."""
        return self._here / "data"

    @property
    def _here(self) -> Path:
        """Folder of what stays on this machine."""
        return Path() if mirrored(self.root) else self.root

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
    if Workspace.at(root) == Workspace.at():
        return command
    return f"{command} --root {shlex.quote(root_text(root) or '')}"


def root_text(root: Path | str | None) -> str | None:
    """Write a root as it was typed: an address that became a Path has lost a slash."""
    if root is None:
        return None
    return str(Address.parse(root)) if is_address(root) else str(root)
