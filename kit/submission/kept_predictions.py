"""Predictions kept beside a submission: probabilities or numbers of every image, whatever its cells hold."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.errors import RunError, SpecError, SubmissionError
from kit.inference.columns import column_names, expected_names, hold_best, outputs_of, row_texts
from kit.inference.predictions import Predictions
from kit.sources.image_table import line_of
from kit.submission.origin import KEPT, Origin, kept_file, read_origin
from kit.targets import Target

_ID = "id"
_AGAIN = "predict it again, or give files of probabilities"


@dataclass(frozen=True, slots=True)
class KeptPredictions:
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
        if columns != (names := self._names(target, columns)):
            raise SubmissionError(f"{self.path} has the columns {', '.join(columns)}, not {', '.join(names)}")
        self._refuse_cells(columns, rows, target)
        keys, *values = zip(*rows, strict=True)
        outputs = outputs_of(target, columns, values, len(keys))
        return Predictions(list(keys), target.encode([None] * len(keys)), outputs, target)

    def _refuse_cells(self, columns: Sequence[str], rows: Sequence[Sequence[str]], target: Target) -> None:
        """Refuse the first cell that is no number, or no class where columns are guesses."""
        number, name = (_is_number, "number"), (set(target.names).__contains__, target.noun)
        fitting = [name, number] * (len(columns) // 2) if hold_best(columns) else [number] * len(columns)
        for row, (_, *cells) in enumerate(rows):
            for column, cell, (fits, noun) in zip(columns, cells, fitting, strict=True):
                if not fits(cell):
                    where = f"{self.path}, line {line_of(row)}: '{cell}' in {column}"
                    raise SubmissionError(f"{where} is not a {noun}")

    def _rows(self) -> tuple[tuple[str, ...], list[list[str]]]:
        """Read columns and rows; by index, as a class may be called id."""
        header, *rows = list(csv.reader(io.StringIO(self.path.read_text(), newline=""))) or [[]]
        if not rows or any(len(row) != len(header) for row in rows):
            raise SubmissionError(f"{self.path} is no file of predictions; {_AGAIN}")
        return tuple(header[1:]), rows

    def _names(self, target: Target, columns: Sequence[str]) -> tuple[str, ...]:
        """Name the columns that the file should have.

        Raises:
            SubmissionError: There are not as many.
        """
        try:
            return expected_names(target, columns)
        except SpecError as error:
            raise SubmissionError(f"{self.path} is of dataset {self.origin.dataset}: {error}; {_AGAIN}") from error


def kept_text(scores: Predictions) -> str:
    """Write predictions as CSV: id, and each column of the outputs, see `Predictions.csv`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_ID, *column_names(scores.target, scores.outputs)])
    for key, row in zip(scores.keys, row_texts(scores.target, scores.outputs), strict=True):
        writer.writerow([key, *row])
    return text.getvalue()


def find_kept(path: Path) -> KeptPredictions | None:
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
    if not is_kept and not origin.is_of(hashlib.sha256(path.read_bytes()).hexdigest()):
        raise RunError(f"{path} was changed after kit wrote it, so {kept_file(path)} is not of it; {_AGAIN}")
    kept = kept_file(submission)
    if not kept.is_file():
        raise RunError(f"{kept} is missing, which kit predict wrote beside {submission.name}; {_AGAIN}")
    if hashlib.sha256(kept.read_bytes()).hexdigest() != origin.predictions:
        raise RunError(f"{kept} was changed after kit wrote it; {_AGAIN}")
    return KeptPredictions(kept, submission, origin)


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False
