"""Cells of a submission: predictions in the form of a sample submission, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.errors import SubmissionError, first_three
from kit.inference.predictions import Predictions
from kit.sources.long_form import split_id
from kit.sources.sample_form import SampleForm
from kit.targets import NO_DECISION, Decision, Target
from kit.targets.cells.spelling import Spelling

Column = Sequence[str] | NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Cells of a submission.

    Attributes:
        target: Target of the predictions.
        form: Form of the file, with the contents of its cells settled.
        decision: Rule for cells that hold decisions.
        spelled: Spelling of names in cells where it differs from that of the labels, such as 2 for 2.0.
    """

    target: Target
    form: SampleForm
    decision: Decision = NO_DECISION
    spelled: Mapping[str, str] = field(default_factory=dict)

    @property
    def are_joined(self) -> bool:
        """Whether a cell holds all tags of an image."""
        return self.target.may_have_several and self.form.holds == "decisions" and not self.has_each

    @property
    def has_each(self) -> bool:
        """Whether each name of the target has a column, or a row, of its own."""
        return self.form.has_each

    @property
    def positive(self) -> str:
        """Name of the one of two classes that the only column is about; empty for other targets and forms."""
        return "" if self.has_each else self.target.positive(self.form.columns)

    @property
    def spelling(self) -> Spelling:
        """Spelling of the names."""
        return Spelling(self.form.separator, self.spelled)

    def table(self, scores: Predictions, ids: Sequence[str] | None = None) -> pd.DataFrame:
        """Write predictions into cells.

        Args:
            scores: Predictions of n images.
            ids: Ids of the rows in order; None for the images as they are predicted.

        Raises:
            SubmissionError: Predictions that are not numbers, or ids without a prediction.
            SpecError: Cells hold what was not predicted, such as probabilities where grades are numbers.
        """
        _refuse_nan(scores)
        form, names = self.form, self.target.names
        rows = list(scores.keys if ids is None else ids)
        known = set(names)
        parts = [split_id(one, known) for one in rows] if form.is_long else [(one, "") for one in rows]
        outputs = _ordered(scores, [image for image, _ in parts])
        columns: dict[str, Column]
        if form.is_long:
            indices = {name: index for index, name in enumerate(names)}
            each = self._each(outputs)
            columns = {form.columns[0]: each[np.arange(len(rows)), [indices[name] for _, name in parts]]}
        elif form.is_wide:
            each = self._each(outputs).T
            columns = {**dict.fromkeys(form.columns, np.zeros_like(each[0])), **dict(zip(names, each, strict=True))}
        else:
            columns = {form.columns[0]: self._one(outputs)}
        return pd.DataFrame({form.id_column: rows, **{name: columns[name] for name in form.columns}})

    def _each(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Compute the cell of each name: [n, names]."""
        match self.form.holds:
            case "decisions":
                return np.asarray(self.target.decide(outputs, self.decision), np.int8)
            case "numbers":
                return outputs
            case _:
                return self.target.probabilities(outputs)

    def _one(self, outputs: NDArray[Any]) -> Column:
        """Compute the cells of the only column."""
        target, form, spelling = self.target, self.form, self.spelling
        match form.holds:
            case "decisions":
                return target.cell_texts(target.decide(outputs, self.decision), spelling)
            case "ranks":
                named = [spelling.write(name) for name in target.names]
                return [form.separator.join(named[one] for one in row) for row in target.ranks(outputs, form.guesses)]
            case "numbers":
                numbers = target.cell_numbers(target.numbers(outputs))
                return np.asarray(numbers, np.float32).reshape(len(outputs))
            case _:
                return target.probabilities(outputs)[:, target.told(form.columns[0])]

    def read(self, table: pd.DataFrame) -> NDArray[Any]:
        """Read cells back.

        Args:
            table: Texts, as `kit.sources.image_table.read_table` gives them; ids first.

        Returns:
            Decisions as the target encodes labels, int [n, guesses], or float64 [n, columns]; one row for each image.

        Raises:
            ValueError: A cell holds none of the target's names, or no number.
        """
        values = table.iloc[:, 1:].apply(lambda column: column.str.strip())
        if self.form.is_long:
            values = self._widened(table.iloc[:, 0].tolist(), values.iloc[:, 0].tolist())
        if self.has_each or self.form.holds in {"numbers", "probabilities"}:
            order = list(self.target.names) if self.has_each else list(values.columns)
            return np.asarray(values[order].astype(np.float64))
        cells, spelling = values.iloc[:, 0].tolist(), self.spelling
        if self.form.holds == "ranks":
            guesses = np.asarray([spelling.parts(cell, self.target.names) for cell in cells])
            return self.target.encode(guesses.ravel().tolist()).reshape(guesses.shape)
        return self.target.read_cells(cells, spelling)

    def _widened(self, ids: Sequence[str], cells: Sequence[str]) -> pd.DataFrame:
        rows: dict[str, dict[str, str]] = {}
        known = set(self.target.names)
        for one, cell in zip(ids, cells, strict=True):
            image, name = split_id(one, known)
            rows.setdefault(image, {})[name] = cell
        return pd.DataFrame(list(rows.values()), columns=list(self.target.names))


def _ordered(scores: Predictions, images: Sequence[str]) -> NDArray[np.float32]:
    indices = {key: index for index, key in enumerate(scores.keys)}
    if missing := [one for one in dict.fromkeys(images) if one not in indices]:
        raise SubmissionError(
            f"no prediction for ids of the sample submission: {first_three(missing, len(missing))};"
            " their images were rejected when sharding (see rejects.csv): repair them and shard again"
        )
    return scores.outputs[[indices[one] for one in images]]


def _refuse_nan(scores: Predictions) -> None:
    bad = np.flatnonzero(~scores.are_numbers)
    if len(bad):
        named = first_three((scores.keys[index] for index in bad), len(bad))
        raise SubmissionError(
            f"predictions are not numbers for {named}; the training diverged: lower train.learning_rate"
        )
