"""Predictions of several models for the same images, in common columns, so that they can be averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.targets.top_classes import KEPT, are_best, best_among

_NOTHING = np.iinfo(np.int32).max  # class of a spare column: after all others in a tie


@dataclass(frozen=True, slots=True)
class CommonColumns:
    """Predictions of several models for the same n images.

    Attributes:
        values: Float64 [models, n, columns]. Where only the likeliest classes of each image are kept, the columns of an
            image are those that any model kept of it, and a class that a model did not keep has the probability 0.
        classes: Class of each column, image by image, int32 [n, columns]; None where all images have the columns of the
            target.
    """

    values: NDArray[np.float64]
    classes: NDArray[np.int32] | None = None

    def predictions(self, values: NDArray[Any], images: Any = slice(None)) -> NDArray[Any]:
        """Turn values [images, columns] that were made of these back into predictions.

        Args:
            values: Values in the common columns, such as a mean over the models.
            images: Indices of the images; all by default.

        Returns:
            The values, or the likeliest classes of each image; see `kit.targets.top_classes.BEST`.
        """
        return values if self.classes is None else best_among(values, self.classes[images])

    def outputs(self, values: NDArray[Any]) -> NDArray[Any]:
        """Turn values of all images back into predictions as models make them, in float32."""
        return self.predictions(np.asarray(values, np.float32))

    def mean(self) -> NDArray[Any]:
        """Average the models."""
        return self.outputs(self.values.mean(axis=0))


def align(models: Sequence[NDArray[Any]]) -> CommonColumns:
    """Put predictions of the same images into common columns.

    Args:
        models: Predictions of each model, of the same columns or all of type `kit.targets.top_classes.BEST`.
    """
    if not are_best(models[0]):
        return CommonColumns(np.stack(models).astype(np.float64))
    classes = _common_classes(models)
    values = np.zeros((len(models), *classes.shape))
    for given, row in zip(models, values, strict=True):
        np.put_along_axis(row, _places(classes, given["index"]), given["probability"], axis=1)
    return CommonColumns(values, classes)


def _common_classes(models: Sequence[NDArray[Any]]) -> NDArray[np.int32]:
    """List the classes that any model kept of an image, ascending, then spare columns.

    The first KEPT classes are always among them: they are the likeliest of all that have the probability 0.
    """
    first = np.broadcast_to(np.arange(KEPT, dtype=np.int32), models[0].shape)
    classes = np.sort(np.concatenate([first, *(given["index"] for given in models)], axis=1), axis=1)
    classes[:, 1:][classes[:, 1:] == classes[:, :-1]] = _NOTHING
    return np.asarray(np.sort(classes, axis=1))


def _places(classes: NDArray[np.int32], wanted: NDArray[np.int32]) -> NDArray[np.intp]:
    """Find the columns of classes [n, columns] in which the wanted ones [n, KEPT] are."""
    images, columns = classes.shape
    offsets = np.arange(images, dtype=np.int64)[:, None] * (_NOTHING + 2)  # one ascending list of all images
    found = np.searchsorted((classes + offsets).ravel(), (wanted + offsets).ravel())
    return np.asarray(found.reshape(wanted.shape) - np.arange(images)[:, None] * columns)
