"""Finds the sample submission to check a file against, and the classes it may contain."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kit.datasets.dataset import MANIFEST, read_dataset
from kit.errors import SubmissionError, option, worded
from kit.kaggle.member_names import walk
from kit.submission.origin import Origin
from kit.workspace import Workspace

SAMPLE_NAME = re.compile(r"sample.?sub.*\.csv", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sample:
    """Expected form of a submission.

    Attributes:
        path: File of the sample submission.
        classes: Classes of the predicted dataset; empty if unknown.
    """

    path: Path
    classes: tuple[str, ...]


def find_sample(slug: str, origin: Origin | None, given: Path | None, workspace: Workspace) -> Sample:
    """Find the sample submission: the given one, else the predicted dataset's, else a fetched one.

    Raises:
        SubmissionError: No sample submission was found.
    """
    folder = workspace.datasets / origin.dataset if origin and origin.dataset else None
    dataset = read_dataset(folder) if folder and (folder / MANIFEST).is_file() else None
    classes = dataset.manifest.classes if dataset else ()
    if given:
        if not given.is_file():
            raise SubmissionError(
                f"{option('sample', str(given))} does not exist; give the competition's sample submission"
            )
        return Sample(given, classes)
    if dataset and dataset.sample_submission:
        return Sample(dataset.sample_submission, classes)
    if found := sample_in(workspace.data / slug):
        return Sample(found, classes)
    name = "sample_submission.csv"
    fetch = worded(f"kit fetch {slug} --files {name}", f"kit.fetch({slug!r}, files=[{name!r}])")
    raise SubmissionError(
        f"no sample submission to check against; fetch it: {fetch}, or name it: {option('sample', typed='PATH')}"
    )


def sample_in(folder: Path) -> Path | None:
    """Find the sample submission nearest to the top of a folder of competition data."""
    found = [parent / name for parent, _, files in walk(folder) for name in files if SAMPLE_NAME.fullmatch(name)]
    return min(found, key=lambda path: (len(path.parts), path.name), default=None)
