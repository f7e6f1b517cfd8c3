"""Export formats: writing each, and reading it back to compare its predictions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.compat import keras
from kit.exports.inference_model import ServedModel
from kit.exports.onnx import read_onnx, write_onnx
from kit.exports.saved_model import read_saved_model, write_saved_model
from kit.specs import ImageSpec


class Format(NamedTuple):
    """An export format.

    Attributes:
        write: Function that writes a model, with the image settings of its dataset, to an unused path.
        read: Function that reads it back and returns the probabilities [batch, classes] of images, uint8 [batch,
            height, width, channels].
    """

    write: Callable[[ServedModel, ImageSpec, Path], None]
    read: Callable[[Path, NDArray[np.uint8]], NDArray[np.float32]]


def _write_keras(served: ServedModel, image: ImageSpec, path: Path) -> None:
    del image
    served.whole.save(path)


def _read_keras(path: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    model = keras.models.load_model(path, safe_mode=True)  # never run code from a file, even from one just written
    return np.asarray(model.predict_on_batch(images))


FORMATS = {
    "keras": Format(_write_keras, _read_keras),
    "saved_model": Format(write_saved_model, read_saved_model),
    "onnx": Format(write_onnx, read_onnx),
}
