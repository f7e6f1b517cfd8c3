"""Pretrained networks of keras.applications."""

from __future__ import annotations

import contextlib
import functools
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from kit.compat import keras
from kit.errors import SpecError, unknown
from kit.models.weights_file import refuse_foreign_links
from kit.specs.model import IMAGENET, BackboneSpec


def load_backbone(spec: BackboneSpec, x: Any, seed: int) -> Any:
    """Apply a backbone, with its weights, to a batch of images [batch, height, width, 3].

    Raises:
        SpecError: There is no such network, the images are too small for it, or its weights cannot be loaded.
    """
    keras.utils.set_random_seed(seed)  # weights "none": its initializers take no seeds
    model = _build(spec.name, tuple(x.shape[1:]))
    _load_weights(model, spec)
    frozen = len(model.layers) if spec.frozen_layers is None else spec.frozen_layers
    for inner in model.layers[:frozen]:
        inner.trainable = False
    return model(x)


@functools.lru_cache(maxsize=32)
def check_backbone(network: str, shape: tuple[int, ...], weights: str) -> None:
    """Refuse a backbone that cannot be loaded; missing ImageNet weights are downloaded.

    Raises:
        SpecError: The backbone cannot be loaded; see `load_backbone`.
    """
    _load_weights(_build(network, shape), BackboneSpec(name=network, weights=weights))


def scale_for(network: str, x: Any) -> Any:
    """Scale pixels in 0 to 1 as in a network's pretraining."""
    function = _network(network)
    return sys.modules[function.__module__].preprocess_input(x * 255.0)


@functools.lru_cache(maxsize=32)
def backbone_output(network: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Compute a network's output shape: height, width, channels."""
    return tuple(_build(network, shape).output.shape[1:])


@functools.lru_cache(maxsize=32)
def backbone_parameters(network: str, shape: tuple[int, ...], frozen_layers: int | None) -> tuple[int, int]:
    """Count the parameters of a network, and those of its layers that are not frozen."""
    model = _build(network, shape)
    total = model.count_params()
    frozen = len(model.layers) if frozen_layers is None else frozen_layers
    for inner in model.layers[:frozen]:
        inner.trainable = False
    return total, sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def _build(network: str, shape: tuple[int, ...]) -> Any:
    function = _network(network)
    try:
        return function(include_top=False, weights=None, input_shape=shape)
    except ValueError as error:
        raise SpecError(
            f"model.backbone.name={network} cannot take images of {shape[0]}x{shape[1]} pixels and {shape[2]} channels:"
            f" {str(error).splitlines()[0]}"
        ) from error


def _network(name: str) -> Any:
    known = [known for known in dir(keras.applications) if known[0].isupper()]
    if name not in known:
        raise SpecError(unknown("model.backbone.name", name, known))
    return getattr(keras.applications, name)


def _load_weights(model: Any, spec: BackboneSpec) -> None:
    if spec.weights == "none":
        return
    try:
        if spec.weights == IMAGENET:
            with contextlib.redirect_stdout(sys.stderr):  # Keras reports its download on stdout
                downloaded = _network(spec.name)(include_top=False, weights=IMAGENET, input_shape=model.input_shape[1:])
            model.set_weights(downloaded.get_weights())
        else:
            with warnings.catch_warnings(action="ignore"):  # Keras warns of each layer that does not fit
                file = _file(spec.weights)
                refuse_foreign_links(file)
                model.load_weights(file)
    except Exception as error:  # any error of Keras from the network, its cache or a damaged file
        if isinstance(error, SpecError):
            raise
        raise SpecError(_advice(spec, str(error).splitlines()[0])) from error


def _file(path: str) -> Path:
    file = Path(path)
    if not file.is_file():
        raise SpecError(f"model.backbone.weights={path} is not a file; name a weights file, imagenet, or none")
    return file


def _advice(spec: BackboneSpec, why: str) -> str:
    if spec.weights != IMAGENET:
        return (
            f"model.backbone.weights={spec.weights} holds no weights of {spec.name} without its top"
            f" ({why.rstrip(':')}); name the file of the same network"
        )
    return (
        f"the ImageNet weights of {spec.name} cannot be downloaded: {why}. Where there is no network, copy the file"
        f" that keras.applications.{spec.name}(include_top=False) leaves in ~/.keras/models elsewhere, and name it"
        " as model.backbone.weights=FILE; or train from random weights with model.backbone.weights=none"
    )
