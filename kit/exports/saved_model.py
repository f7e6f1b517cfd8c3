"""SavedModel with the two signatures that TensorFlow Serving offers: on pixels, and on the bytes of image files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kit.compat import tf
from kit.exports.inference_model import ServedModel
from kit.exports.metadata import IMAGE_BYTES, IMAGES, ON_BYTES, ON_IMAGES
from kit.specs import ImageSpec

Tensor: TypeAlias = Any

_FACTORS = (1, 2, 4, 8)  # factors by which libjpeg reduces while decoding
_LUMA = (9798, 19235, 3735)  # red, green, blue in 2**-15: OpenCV's fixed point of ITU-R 601
_LUMA_BITS = 15
_SHORT = 257.0  # 65535 / 255


def write_saved_model(served: ServedModel, image: ImageSpec, folder: Path) -> None:
    """Write a SavedModel.

    Its signature "serving_default" takes `images`, uint8 [batch, height, width, channels]; "serving_bytes" takes
    `image_bytes`, string [batch]: JPEG or PNG files of any sizes. Both return `probabilities`, float32 [batch,
    classes].
    """
    channels = served.preprocessing.input_shape[-1]
    shape = served.preprocessing.output_shape[1:]

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, channels), tf.uint8, name=IMAGES)])  # type: ignore[untyped-decorator]
    def on_images(images: Tensor) -> dict[str, Tensor]:
        return {served.output: served.whole(images, training=False)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name=IMAGE_BYTES)])  # type: ignore[untyped-decorator]
    def on_bytes(image_bytes: Tensor) -> dict[str, Tensor]:
        pixels = tf.map_fn(
            lambda data: served.preprocessing(decode_file(data, image, shape)[None])[0],
            image_bytes,
            fn_output_signature=tf.TensorSpec(shape, tf.float32),
        )
        return {served.output: served.probabilities(pixels, training=False)}

    module = tf.Module()
    module.parts = [served.whole, served.preprocessing, served.probabilities]  # owns the variables to save
    tf.saved_model.save(module, str(folder), signatures={ON_IMAGES: on_images, ON_BYTES: on_bytes})


def read_saved_model(folder: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compute class probabilities with a SavedModel's own signature."""
    loaded = tf.saved_model.load(str(folder))
    return np.asarray(loaded.signatures[ON_IMAGES](**{IMAGES: tf.constant(images)}).popitem()[1])


def decode_file(data: Tensor, image: ImageSpec, shape: tuple[int, int, int]) -> Tensor:
    """Decode a JPEG or PNG as `kit shard` does, except for rotations in a JPEG's EXIF data.

    Args:
        data: String [], bytes of an image file.
        image: Image settings of the dataset; for more than 8 bits only `scale` "none" is supported.
        shape: Height, width and channels of the network's input.

    Returns:
        Uint8 [height, width, channels]; a JPEG at least twice as large as `image` asks is decoded at a half, quarter or
        eighth of its size.
    """
    return tf.cond(
        tf.io.is_jpeg(data),
        lambda: _decode_jpeg(data, image, shape),
        lambda: _decode_png(data, shape[2]),
    )


def _decode_jpeg(data: Tensor, image: ImageSpec, shape: tuple[int, int, int]) -> Tensor:
    def at(factor: int) -> Tensor:
        return tf.io.decode_jpeg(data, shape[2], ratio=factor, dct_method="INTEGER_ACCURATE")

    if image.size is None:
        return at(1)
    sides = tf.io.extract_jpeg_shape(data)[:2] / tf.constant(image.size)
    spare = tf.reduce_max(sides) if image.fit == "pad" else tf.reduce_min(sides)
    index = sum(tf.cast(spare >= factor, tf.int32) for factor in _FACTORS[1:])
    return tf.switch_case(index, [lambda factor=factor: at(factor) for factor in _FACTORS])


def _decode_png(data: Tensor, channels: int) -> Tensor:
    rgb = tf.round(tf.cast(tf.io.decode_png(data, 3, tf.uint16), tf.float32) / _SHORT)  # 8 bits: multiples of 257
    if channels == 1:
        weighted = tf.reduce_sum(tf.cast(rgb, tf.int32) * tf.constant(_LUMA), axis=-1, keepdims=True)
        rgb = tf.bitwise.right_shift(weighted + (1 << _LUMA_BITS - 1), _LUMA_BITS)
    return tf.cast(rgb, tf.uint8)
