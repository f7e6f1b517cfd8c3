"""Histories of trainings: the metrics of each epoch."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xxhash import xxh3_128_hexdigest

from kit.errors import RunError
from kit.files import write_whole

NO_METRICS = {"epoch", "learning_rate", "seconds"}

Row = Mapping[str, float]


@dataclass(slots=True)
class History:
    """history.csv: one line an epoch, appended at its end.

    Attributes:
        path: File of the history.
        rows: Values by name for each epoch, in order.
    """

    path: Path
    rows: list[Row] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> History:
        """Read a history; a missing file is an empty history, and a truncated last line is left out.

        Raises:
            RunError: A value is not a number, or the file is not text.
        """
        if not path.is_file():
            return cls(path)
        try:
            text = path.read_text()
            whole = text[: text.rfind("\n") + 1]
            rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(io.StringIO(whole))]
        except (TypeError, ValueError) as error:
            again = f"remove the folder {path.parent} and run its command again"
            raise RunError(f"{path} is not a history of numbers: {error}; {again}") from error
        return cls(path, list(rows))

    def append(self, row: Row) -> None:
        """Append an epoch, flushed to the disk."""
        header = "" if self.rows else _header([row])
        with self.path.open("a") as file:
            file.write(header + _line(row))
            file.flush()
            os.fsync(file.fileno())
        self.rows.append(row)

    def cut(self, epochs: int) -> None:
        """Drop all epochs after the first `epochs`, and any half-written line."""
        self.rows = self.rows[:epochs]
        write_whole(self.path, _header(self.rows) + "".join(_line(row) for row in self.rows))

    def digest(self, *more: Row) -> str:
        """Hash the header and the rows, with `more` rows appended; equal to `xxhsum -H2` of the file."""
        rows = [*self.rows, *more]
        return xxh3_128_hexdigest((_header(rows) + "".join(map(_line, rows))).encode())

    def metrics(self) -> list[dict[str, float]]:
        """List the metrics of each epoch, without its number, learning rate and time."""
        return [{name: value for name, value in row.items() if name not in NO_METRICS} for row in self.rows]

    def column(self, name: str) -> list[float]:
        """List one metric over the epochs; empty if it was not recorded."""
        return [row[name] for row in self.rows if name in row]


def _header(rows: Sequence[Row]) -> str:
    return ",".join(rows[0]) + "\n" if rows else ""


def _line(row: Row) -> str:
    """Write an epoch with all digits, and its number as a whole number."""
    return ",".join(str(int(value)) if name == "epoch" else repr(float(value)) for name, value in row.items()) + "\n"


def best_epoch(values: Sequence[float], *, smaller_is_better: bool, start: int = 0) -> int | None:
    """Find the first epoch (from 0) with the best value; None if all values are NaN.

    Args:
        values: Values of one metric, one for each epoch.
        smaller_is_better: Whether the metric improves when it falls, like a loss.
        start: Number of first epochs that are ignored; if there are no others, the last epoch is the best, because
            Keras' EarlyStopping with start_from_epoch and restore_best_weights then does not change the weights.
    """
    begin = min(start, len(values) - 1)
    candidates = [(value, epoch) for epoch, value in enumerate(values) if epoch >= begin and not math.isnan(value)]
    if not candidates:
        return None
    if smaller_is_better:
        return min(candidates)[1]
    return max(candidates, key=lambda candidate: (candidate[0], -candidate[1]))[1]
