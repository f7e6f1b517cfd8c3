"""ONNX export; the only module that imports ONNX, tf2onnx and ONNX Runtime."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kit.errors import MissingDependencyError
from kit.exports.metadata import IMAGES

if TYPE_CHECKING:
    from kit.exports.inference_model import ServedModel
    from kit.specs import ImageSpec

OPSET = 17  # from 2022; supported by every ONNX Runtime since 1.12


def require_onnx() -> None:
    """Raise unless the packages are installed.

    Raises:
        MissingDependencyError: A package is not installed.
    """
    if missing := [name for name in ("tf2onnx", "onnxruntime") if find_spec(name) is None]:
        raise MissingDependencyError(f"format 'onnx' needs {' and '.join(missing)}; install 'kit[onnx]'")


def write_onnx(served: ServedModel, image: ImageSpec, path: Path) -> None:
    """Write a model from `images`, uint8 [batch, height, width, channels], to `probabilities`, or `numbers`."""
    del image
    import onnx
    import tf2onnx

    from kit.compat import tf  # noqa: PLC0415 (TensorFlow)

    signature = [tf.TensorSpec((None, *served.whole.input_shape[1:]), tf.uint8, name=IMAGES)]

    @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]
    def on_images(images: object) -> dict[str, object]:
        return {served.output: served.whole(images, training=False)}

    with warnings.catch_warnings(action="ignore"):  # NumPy deprecations inside tf2onnx
        model, _ = tf2onnx.convert.from_function(on_images, input_signature=signature, opset=OPSET)
    captured = on_images.get_concrete_function().graph.captures
    _make_constant(model.graph, {inner.name: outer.numpy() for outer, inner in captured if outer.dtype != tf.resource})
    onnx.save(model, str(path))


def _make_constant(graph: Any, values: Mapping[str, NDArray[np.generic]]) -> None:
    """Embed captured constants in the graph: tf2onnx would turn those that are no variables into inputs."""
    from onnx import numpy_helper

    for given in [one for one in graph.input if one.name in values]:
        graph.input.remove(given)
        graph.initializer.append(numpy_helper.from_array(values[given.name], given.name))


def read_onnx(path: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compute class probabilities with ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {IMAGES: images})[0])
