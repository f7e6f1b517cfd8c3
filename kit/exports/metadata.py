"""What stands beside an exported model: export.json, and the names that whoever serves it asks for."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kit.specs import ImageSpec, RunSpec

INFO = "export.json"
FILES = {
    "keras": "model.keras",
    "saved_model": "saved_model/1",  # TensorFlow Serving looks for versions in the folder that it is given
    "onnx": "model.onnx",
}
IMAGES, IMAGE_BYTES, PROBABILITIES = "images", "image_bytes", "probabilities"
ON_IMAGES, ON_BYTES = "serving_default", "serving_bytes"  # signatures of a SavedModel


class ExportInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An export's export.json.

    Attributes:
        classes: Names of the classes, tags, grades or values, in the order of the columns; of grades with the head
            "value" the one column is the number of the grade, 0 for the first name.
        shape: Height, width and channels that images are brought to; the model takes any height and width.
        image: Settings by which the dataset's images were stored, which the model repeats.
        weights: "best" or "last".
        run: Settings of the run, with the dataset's name and fingerprint.
        files: Files by format.
        compared: Validation images whose predictions by every format were compared with those of `kit predict`.
        largest_difference: Largest difference of any probability, or of any number by its unit, by format.
        versions: Versions of the packages that wrote the files.
    """

    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    image: ImageSpec
    weights: str
    run: RunSpec
    files: Mapping[str, str]
    compared: int
    largest_difference: Mapping[str, float]
    versions: Mapping[str, str]
