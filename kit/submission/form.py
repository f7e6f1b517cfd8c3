"""Form of a submission: that of the sample submission, or a plain one, with the contents of its cells settled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import pandas as pd

from kit.datasets import Dataset
from kit.datasets.dataset import SAMPLE_SUBMISSION
from kit.datasets.metric import read_metric
from kit.errors import SpecError, SubmissionError, option, require
from kit.metrics import Metric, find_metric
from kit.sources.image_table import read_table
from kit.sources.sample_form import SampleForm, refuse_unkept, sample_form
from kit.submission.cells import Cells
from kit.targets import Target
from kit.targets.cells.text import separators_of

_ID, _LABEL = "id", "label"  # columns of a file without a sample


@dataclass(frozen=True, slots=True)
class Sample:
    """Sample submission that is to be filled.

    Attributes:
        table: Texts; ids in the first column, values in the others.
        form: Form of the file.
    """

    table: pd.DataFrame
    form: SampleForm

    @property
    def ids(self) -> list[str]:
        """Ids of the rows in order."""
        return list(map(str, self.table.iloc[:, 0]))

    @property
    def cells(self) -> list[str]:
        """Different texts of the value columns."""
        values = self.table.iloc[:, 1:].to_numpy(str).ravel()
        return [str(cell).strip() for cell in pd.unique(values)]

    @property
    def filled(self) -> list[str]:
        """Different texts of the value columns, without an empty one."""
        return [cell for cell in self.cells if cell]

    @property
    def has_blanks(self) -> bool:
        """Whether a cell is empty."""
        return "" in self.cells


def read_sample(dataset: Dataset) -> Sample:
    """Read the sample submission stored with a dataset.

    Raises:
        SubmissionError: The file is missing, or the dataset's target cannot fill it, or not with what is kept of
            predictions.
    """
    path = dataset.folder / SAMPLE_SUBMISSION
    if not path.is_file():
        raise SubmissionError(f"{path} is missing; restore it, or shard again with {option('force', True)}")
    sample = open_sample(dataset.sample_submission or path, dataset)
    refuse_unkept(path, sample.form, dataset.manifest.target)
    return sample


def open_sample(path: Path, dataset: Dataset) -> Sample:
    """Read a sample submission for the predictions of a dataset.

    Raises:
        SourceError: The file is no CSV of ids and values.
        SubmissionError: The dataset's target cannot fill it.
    """
    return sample_of(path, read_table(path), dataset.manifest.target, dataset.manifest.records("test"))


def sample_of(path: Path, table: pd.DataFrame, target: Target, images: int = 0) -> Sample:
    """Find the form of a sample submission.

    Args:
        path: CSV, for messages.
        table: Texts of the CSV.
        target: Target whose predictions are to fill it.
        images: Number of test images: as many as half of the rows or more are no rows of names, whatever ids end with.

    Raises:
        SourceError: No value column.
        SubmissionError: The target cannot fill it.
    """
    return Sample(table, sample_form(path, table, target, lambda _: len(table) < 2 * images))


def named_metric(dataset: Dataset) -> Metric | None:
    """Find the metric that a dataset was given; None where it has its target's default.

    Raises:
        SpecError: It is one of one's own, and its file is missing.
    """
    return find_metric(dataset.metric) if read_metric(dataset.folder) else None


def choose_cells(target: Target, sample: Sample | None, metric: Metric | None, *, is_decided: bool = False) -> Cells:
    """Choose what the cells of a submission hold, and how it is written.

    The sample submission decides. Where it leaves open what is meant, as 0 does for two classes and for columns of
    tags, cells hold what the metric judges. Without a metric they are probabilities then, and grades the likeliest
    grade. Without a sample, classes get a probability each, or above 1,000 the likeliest; tags, grades and values what
    the labels are.

    Args:
        target: Target of the predictions.
        sample: Sample submission; None for a file of kit's own form.
        metric: Metric that the dataset was given; None for its target's default.
        is_decided: Whether a rule for decisions was asked for, so that cells hold decisions; see `refuse_decisions`.

    Raises:
        SubmissionError: More guesses are asked for than there are names.
    """
    form = _settled(sample.form, target, metric, sample) if sample else _plain(target, metric, is_decided=is_decided)
    if is_decided:
        form = msgspec.structs.replace(form, holds="decisions", guesses=0)
    if form.guesses > len(target.names):
        raise SubmissionError(
            f"the sample submission asks for {form.guesses} guesses per image, and the dataset has"
            f" {len(target.names)} {target.kind()}; shard the labels of all, or leave the sample submission out"
        )
    spelled = {} if sample is None or form.has_each else target.spell(sample.filled, form.columns[0])
    return Cells(target=target, form=form, spelled=spelled)


def refuse_decisions(form: SampleForm | None, target: Target, asked: str = "") -> None:
    """Refuse decisions where cells hold something else.

    Args:
        form: Form of the sample submission; None without one.
        target: Target of the predictions.
        asked: Option that asks for decisions, for messages; `decide` by default.

    Raises:
        SpecError: The target has no decisions, or the form has no place for them.
    """
    asked = asked or option("decide")
    rule = f"leave out {asked}"
    require(target.is_named, f"{target.kind()} are numbers, about which nothing is decided; {rule}")
    if form is None:
        return
    require(
        not form.has_each or target.may_have_several,
        f"{asked} needs one value column; the sample submission has one for each {target.noun}",
    )
    if form.holds not in {None, "decisions"}:
        contents = {"ranks": f"{form.guesses} guesses", "numbers": "a number"}.get(str(form.holds), "a probability")
        raise SpecError(f"cells of the sample submission hold {contents}, not decisions; {rule}")


def _settled(form: SampleForm, target: Target, metric: Metric | None, sample: Sample) -> SampleForm:
    """Settle what a sample leaves open by the metric."""
    if form.holds == "decisions" and metric and metric.guesses and not sample.filled:
        return _ranked(form, target, metric)
    judges = metric.judges if metric else None
    holds = form.holds or target.settle(judges, is_each=form.has_each)
    return msgspec.structs.replace(form, holds=holds)


def _ranked(form: SampleForm, target: Target, metric: Metric) -> SampleForm:
    """Fill empty cells with as many guesses as the metric counts."""
    separator = separators_of(target.names)[0]
    guesses = min(metric.guesses, len(target.names))
    return msgspec.structs.replace(form, holds="ranks", guesses=guesses, separator=separator)


def _plain(target: Target, metric: Metric | None, *, is_decided: bool) -> SampleForm:
    """Make the form of a file without a sample."""
    plain = target.plain(metric.judges if metric else None, is_decided=is_decided)
    columns = target.names if plain.is_each else (_LABEL,)
    form = SampleForm(id_column=_ID, columns=columns, holds=plain.holds, separator=plain.separator)
    return _ranked(form, target, metric) if plain.holds == "ranks" and metric else form
