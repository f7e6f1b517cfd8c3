"""Columns of predictions in files: one for each name, or the guesses and probabilities of the likeliest classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.errors import RunError
from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.top_classes import BEST, KEPT, MOST, are_best

BEST_COLUMNS = tuple(f"{word}_{rank}" for rank in range(1, KEPT + 1) for word in ("guess", "probability"))


def column_names(target: Target, outputs: NDArray[Any]) -> tuple[str, ...]:
    """Name the columns of predictions."""
    return BEST_COLUMNS if are_best(outputs) else target.columns(outputs.shape[1])


def expected_names(target: Target, found: Sequence[str]) -> tuple[str, ...]:
    """Name the columns that a file with those found should have.

    Raises:
        SpecError: There are not as many.
    """
    return BEST_COLUMNS if target.keeps_best and hold_best(found) else target.columns(len(found))


def hold_best(columns: Sequence[str]) -> bool:
    """Whether columns are those of the likeliest classes."""
    return tuple(columns) == BEST_COLUMNS


def classes_of(path: Path, columns: Sequence[str]) -> Classes:
    """Take the columns of a file for classes.

    Raises:
        RunError: They are those of the likeliest classes, which do not tell what classes there are.
    """
    if hold_best(columns):
        raise RunError(
            f"{path} holds the {KEPT} likeliest of more than {MOST:,} classes, and only its dataset tells which there"
            " are: bring the dataset back into tfrecords/"
        )
    return Classes(names=tuple(columns))


def column_values(target: Target, outputs: NDArray[Any]) -> list[NDArray[Any]]:
    """List the values of each column: float32 [n], or texts; None where an output was not a number."""
    if not are_best(outputs):
        return [np.ascontiguousarray(column) for column in outputs.T]
    names = np.asarray([*target.names, None], object)  # index -1 is the last
    return [
        values for guess in outputs.T for values in (names[guess["index"]], np.ascontiguousarray(guess["probability"]))
    ]


def row_texts(target: Target, outputs: NDArray[Any]) -> Iterator[list[str]]:
    """Write the cells of each image; nine digits tell float32 numbers apart."""
    if not are_best(outputs):
        for row in outputs:
            yield [f"{value:.9g}" for value in row]
        return
    names = (*target.names, "")
    for row in outputs.tolist():
        yield [cell for index, value in row for cell in (names[index], f"{value:.9g}")]


def outputs_of(target: Target, columns: Sequence[str], values: Sequence[Sequence[Any]], images: int) -> NDArray[Any]:
    """Read predictions from the values of columns; all probabilities of very many classes are reduced.

    Args:
        target: Target of the predictions.
        columns: Names of the columns, as `expected_names` gives them.
        values: Values or texts of each column.
        images: Number of images.

    Raises:
        ValueError: A value is no number, or no class.
    """
    if not (target.keeps_best and hold_best(columns)):
        numbers = np.asarray(values, np.float64).reshape(len(columns), images)
        return target.kept(np.ascontiguousarray(numbers.T.astype(np.float32)))
    outputs = np.empty((images, KEPT), BEST)
    for rank, (names, chances) in enumerate(zip(values[::2], values[1::2], strict=True)):
        outputs["index"][:, rank] = target.encode([name or None for name in names])
        outputs["probability"][:, rank] = np.asarray(chances, np.float64)
    return outputs
