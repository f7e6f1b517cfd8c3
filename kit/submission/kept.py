"""Predictions kept beside a submission: probabilities or numbers of every image, whatever its cells hold."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kit.errors import RunError, SpecError, SubmissionError
from kit.inference.predictions import Predictions
from kit.sources.image_table import line_of
from kit.submission.origin import KEPT, Origin, kept_file, read_origin
from kit.targets import Target

_ID = "id"
_AGAIN = "predict it again, or give files of probabilities"


@dataclass(frozen=True, slots=True)
class Kept:
    """File of predictions beside a submission.

    Attributes:
        path: File of predictions.
        submission: Submission that it belongs to.
        origin: Origin of both.
    """

    path: Path
    submission: Path
    origin: Origin

    def read(self, target: Target) -> Predictions:
        """Read the predictions.

        Raises:
            SubmissionError: The file has other columns than the target's predictions, or holds what is no number.
        """
        columns, rows = self._rows()
        if columns != (names := self._names(target, len(columns))):
            raise SubmissionError(f"{self.path} has the columns {', '.join(columns)}, not {', '.join(names)}")
        outputs = np.asarray([[_number(cell) for cell in row[1:]] for row in rows], np.float64)
        bad = np.argwhere(~np.isfinite(outputs))
        if len(bad):
            row, column = (int(index) for index in bad[0])
            cell = rows[row][column + 1]
            raise SubmissionError(f"{self.path}, line {line_of(row)}: '{cell}' in {columns[column]} is not a number")
        keys = [row[0] for row in rows]
        return Predictions(keys, target.encode([None] * len(keys)), outputs.astype(np.float32), target)

    def _rows(self) -> tuple[tuple[str, ...], list[list[str]]]:
        """Read columns and rows; by index, as a class may be called id."""
        header, *rows = list(csv.reader(io.StringIO(self.path.read_text(), newline=""))) or [[]]
        if not rows or any(len(row) != len(header) for row in rows):
            raise SubmissionError(f"{self.path} is no file of predictions; {_AGAIN}")
        return tuple(header[1:]), rows

    def _names(self, target: Target, width: int) -> tuple[str, ...]:
        """Name the columns that the file should have.

        Raises:
            SubmissionError: There are not as many.
        """
        try:
            return target.columns(width)
        except SpecError as error:
            raise SubmissionError(f"{self.path}: {error}; {_AGAIN}") from error


def kept_text(scores: Predictions) -> str:
    """Write predictions as CSV: id, and each column of the outputs; nine digits tell float32 numbers apart."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_ID, *scores.target.columns(scores.outputs.shape[1])])
    for key, row in zip(scores.keys, scores.outputs, strict=True):
        writer.writerow([key, *(f"{value:.9g}" for value in row)])
    return text.getvalue()


def find_kept(path: Path) -> Kept | None:
    """Find the predictions kept beside a submission, or the submission that kept predictions belong to.

    Returns:
        The file; None where the submission was not written by kit, or without predictions.

    Raises:
        RunError: The file of predictions is missing, or was changed since.
        SpecError: The side file is damaged.
    """
    is_kept = path.name.endswith(KEPT) and read_origin(path) is None
    submission = path.with_name(f"{path.name.removesuffix(KEPT)}.csv") if is_kept else path
    origin = read_origin(submission)
    if origin is None or not origin.predictions:
        return None
    kept = kept_file(submission)
    if not kept.is_file():
        raise RunError(f"{kept} is missing, which kit predict wrote beside {submission.name}; {_AGAIN}")
    if hashlib.sha256(kept.read_bytes()).hexdigest() != origin.predictions:
        raise RunError(f"{kept} was changed after kit wrote it; {_AGAIN}")
    return Kept(kept, submission, origin)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan
