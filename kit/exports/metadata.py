"""Metadata of an exported model: export.json, and the names of folders and signatures for serving."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kit.specs import ImageSpec, RunSpec

INFO = "export.json"
FILES = {
    "keras": "model.keras",
    "saved_model": "saved_model/1",  # TensorFlow Serving looks for numbered versions in the model's folder
    "onnx": "model.onnx",
}
IMAGES, IMAGE_BYTES, PROBABILITIES, NUMBERS = "images", "image_bytes", "probabilities", "numbers"
ON_IMAGES, ON_BYTES = "serving_default", "serving_bytes"  # signatures of a SavedModel


class ExportInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An export's export.json.

    Attributes:
        classes: Names of the classes, tags, grades or values, in the order of the columns; of grades with the head
            "value" the one column is the number of the grade, 0 for the first name.
        shape: Height, width and channels after preprocessing; the model takes any height and width.
        image: Image settings of the dataset, repeated by the model.
        weights: "best" or "last".
        run: Settings of the run, with the dataset's name and fingerprint.
        files: Files by format.
        compared: Number of validation images on which every format was compared with `kit predict`.
        largest_difference: Largest difference between probabilities, or between numbers by their unit, by format.
        versions: Package versions at the time of export.
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
