"""Where datasets, runs and submissions lie."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Workspace:
    """A root folder with its tfrecords/, runs/, submissions/ and data/."""

    root: Path

    @classmethod
    def at(cls, root: Path | str | None = None) -> Workspace:
        """Take `root`, else KIT_ROOT from the environment, else the current folder."""
        return cls(Path(root or os.environ.get("KIT_ROOT") or "."))

    @property
    def datasets(self) -> Path:
        """Folder of datasets, one folder each."""
        return self.root / "tfrecords"

    @property
    def runs(self) -> Path:
        """Folder of runs and ablations."""
        return self.root / "runs"

    @property
    def submissions(self) -> Path:
        """Folder of submission files."""
        return self.root / "submissions"

    @property
    def data(self) -> Path:
        """Folder of what was fetched, one folder each."""
        return self.root / "data"

    def submission(self, name: str) -> Path:
        """Name a submission's file; in a notebook on Kaggle, the one that the platform looks for."""
        if os.environ.get("KAGGLE_KERNEL_RUN_TYPE"):
            return Path("/kaggle/working/submission.csv")
        return self.submissions / f"{name}.csv"


def with_root(command: str, root: Path | str | None) -> str:
    """Add to a command where the workspace is that it shall find; nothing where it would find it by itself."""
    return command if Workspace.at(root) == Workspace.at() else f"{command} --root {shlex.quote(str(root))}"
