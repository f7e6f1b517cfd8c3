"""Finds the sample submission to check a file against, and the target whose predictions it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kit.datasets import Dataset
from kit.datasets.find import dataset_if_there
from kit.errors import SubmissionError, option, worded
from kit.kaggle.member_names import walk
from kit.metrics import Metric
from kit.submission.form import named_metric
from kit.submission.origin import Origin
from kit.targets import Target
from kit.workspace import Workspace

SAMPLE_NAME = re.compile(r"(.*[^a-z])?sample.?sub.*\.csv", re.IGNORECASE)  # also kaggle_sample_submission.csv


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Kind of answer that a file gives.

    Attributes:
        target: Target of the predicted dataset.
        images: Number of its test images.
        metric: Metric that the dataset was given; None for its target's default.
    """

    target: Target
    images: int = 0
    metric: Metric | None = None

    @classmethod
    def of(cls, dataset: Dataset) -> Answer:
        """Read the target and the metric of a dataset."""
        manifest = dataset.manifest
        images = manifest.records("test") if "test" in manifest.splits else 0
        return cls(target=manifest.target, images=images, metric=named_metric(dataset))


@dataclass(frozen=True, slots=True)
class FoundSample:
    """Expected form of a submission.

    Attributes:
        path: File of the sample submission.
        answer: Kind of answer of the predicted dataset; None if unknown.
    """

    path: Path
    answer: Answer | None


def find_sample(slug: str, origin: Origin | None, given: Path | None, workspace: Workspace) -> FoundSample:
    """Find the sample submission: the given one, else the predicted dataset's, else a fetched one.

    Raises:
        SubmissionError: No sample submission was found.
    """
    dataset = dataset_if_there(origin.dataset, workspace) if origin and origin.dataset else None
    answer = Answer.of(dataset) if dataset else None
    if given:
        if not given.is_file():
            raise SubmissionError(
                f"{option('sample', str(given))} does not exist; give the competition's sample submission"
            )
        return FoundSample(given, answer)
    if dataset and dataset.sample_submission:
        return FoundSample(dataset.sample_submission, answer)
    if found := sample_in(workspace.data / slug):
        return FoundSample(found, answer)
    name = "sample_submission.csv"
    fetch = worded(f"kit fetch {slug} --files {name}", f"kit.fetch({slug!r}, files=[{name!r}])")
    raise SubmissionError(
        f"no sample submission to check against; fetch it: {fetch}, or name it: {option('sample', typed='PATH')}"
    )


def sample_in(folder: Path) -> Path | None:
    """Find the sample submission nearest to the top of a folder of competition data."""
    found = [parent / name for parent, _, files in walk(folder) for name in files if SAMPLE_NAME.fullmatch(name)]
    return min(found, key=lambda path: (len(path.parts), path.name), default=None)
