"""The class probabilities that a run wrote for its validation split."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.errors import RunError

_FEWEST = 2  # classes


@dataclass(frozen=True, slots=True)
class Predictions:
    """A run's validation_predictions.csv.

    Attributes:
        ids: of the n images.
        truth: int [n], places of the true classes.
        probabilities: float64 [n, classes]; NaN where the training diverged.
    """

    ids: list[str]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Bool [n]: where the likeliest class is the true one; never where the output is not a number."""
        is_number = np.isfinite(self.probabilities).all(axis=1)
        return np.asarray(is_number & (self.probabilities.argmax(axis=1) == self.truth))

    def ordered(self, ids: Sequence[str]) -> Predictions:
        """Bring the images into the order of `ids`, which are the same."""
        place = {key: number for number, key in enumerate(self.ids)}
        order = [place[key] for key in ids]
        return Predictions(list(ids), self.truth[order], self.probabilities[order])


def read_predictions(path: Path) -> Predictions:
    """Read the class probabilities that a run wrote for its validation split.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            (_, _, *classes), *rows = csv.reader(file)
        places = {name: place for place, name in enumerate(classes)}
        truth = np.asarray([places[row[1]] for row in rows], np.int64)
        probabilities = np.asarray([row[2:] for row in rows], np.float64).reshape(len(rows), len(classes))
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing") from error
    except (ValueError, KeyError, IndexError, csv.Error) as error:
        raise RunError(f"{path} is damaged; remove the run's folder and run its command again") from error
    if not rows or len(classes) < _FEWEST:
        raise RunError(f"{path} is empty")
    return Predictions([row[0] for row in rows], truth, probabilities)
