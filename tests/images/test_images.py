from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from kit.images import ImageError, decode_pixels, store_image
from kit.images.resize import fit
from kit.images.signature import image_kind
from kit.images.stored_image import RAW_BYTES
from kit.specs import ImageSpec

LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {"format": "PNG"},
    "TIFF": {"format": "TIFF"},
    "TIFF-LZW": {"format": "TIFF", "compression": "tiff_lzw"},
    "TIFF-deflate": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    "BMP": {"format": "BMP"},
    "WebP": {"format": "WEBP", "lossless": True},
}
LOSSY: dict[str, dict[str, Any]] = {
    "JPEG": {"format": "JPEG", "quality": 90},
    "JPEG-progressive": {"format": "JPEG", "progressive": True},
    "WebP-lossy": {"format": "WEBP"},
}
EVERY = LOSSLESS | LOSSY
GREY, COLOUR = ImageSpec(channels=1), ImageSpec(channels=3)


def _pixels(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Smooth ramps and some noise: neither a format's best case nor its worst."""
    rng = np.random.default_rng(seed)
    ramp = np.add.outer(np.linspace(0, 120, height), np.linspace(0, 100, width))[..., None]
    return (ramp + rng.integers(0, 36, (height, width, channels))).astype(np.uint8)


def _file(pixels: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, **options)
    return buffer.getvalue()


def _by_pillow(data: bytes, mode: str = "RGB") -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        decoded = np.asarray(image.convert(mode))
    return decoded.reshape(*decoded.shape[:2], -1)


def _raw(data: bytes, spec: ImageSpec) -> np.ndarray:
    stored = store_image(data, spec)

    assert stored.format == "raw"
    return np.frombuffer(stored.encoded, np.uint8).reshape(stored.height, stored.width, stored.channels)


@pytest.mark.parametrize("options", LOSSLESS.values(), ids=LOSSLESS)
def test_colour_of_lossless_files_is_stored_exactly(options: dict[str, Any]) -> None:
    pixels = _pixels(30, 41)

    assert np.array_equal(pixels, _raw(_file(pixels, **options), COLOUR))


@pytest.mark.parametrize("options", LOSSLESS.values(), ids=LOSSLESS)
def test_grey_of_lossless_files_is_stored_exactly(options: dict[str, Any]) -> None:
    pixels = _pixels(30, 41, channels=1)
    data = _file(pixels, **options) if options["format"] != "WEBP" else _file(pixels.repeat(3, axis=2), **options)

    assert np.array_equal(pixels.repeat(3, axis=2), _raw(data, COLOUR))
    assert np.abs(pixels.astype(int) - _raw(data, GREY)).max() <= (options["format"] == "WEBP")  # it has colours only


@pytest.mark.parametrize("options", LOSSLESS.values(), ids=LOSSLESS)
def test_large_lossless_files_become_png_of_the_same_pixels(options: dict[str, Any]) -> None:
    pixels = _pixels(400, 380)
    stored = store_image(_file(pixels, **options), COLOUR)

    assert (stored.format, stored.height, stored.width, stored.channels) == ("png", 400, 380, 3)
    assert np.array_equal(pixels, _by_pillow(stored.encoded))


@pytest.mark.parametrize("options", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_those_that_pillow_decodes(options: dict[str, Any], channels: int) -> None:
    data = _file(_pixels(37, 50, channels), **options)

    assert np.abs(_by_pillow(data).astype(int) - decode_pixels(data, 3)).max() <= (
        3 if options in LOSSY.values() else 0
    )


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]), st.integers(0, 99))
def test_images_of_every_shape_are_stored_exactly(height: int, width: int, channels: int, seed: int) -> None:
    pixels = _pixels(height, width, channels, seed)

    assert np.array_equal(pixels, _raw(_file(pixels, format="PNG"), ImageSpec(channels=channels)))


def test_colour_becomes_grey_by_luma() -> None:
    data = _file(_pixels(30, 40), format="PNG")

    assert np.abs(_by_pillow(data, "L").astype(int) - _raw(data, GREY)).max() <= 1


@pytest.mark.parametrize("spec", [COLOUR, GREY])
def test_small_images_become_raw_pixels_up_to_a_limit(spec: ImageSpec) -> None:
    width = RAW_BYTES // spec.channels // 128
    kept = store_image(_file(_pixels(128, width), format="TIFF"), spec)
    beyond = store_image(_file(_pixels(129, width + 1), format="TIFF"), spec)

    assert (kept.format, beyond.format) == ("raw", "png")
    assert len(kept.encoded) == 128 * width * spec.channels


@pytest.mark.parametrize("shape", [(20, 30), (300, 200)])
@pytest.mark.parametrize("spec", [COLOUR, GREY])
def test_jpeg_without_size_keeps_its_bytes(shape: tuple[int, int], spec: ImageSpec) -> None:
    data = _file(_pixels(*shape), format="JPEG")
    stored = store_image(data, spec)

    assert data == stored.encoded
    assert (stored.format, stored.height, stored.width) == ("jpeg", *shape)


def test_large_jpeg_of_the_wanted_size_keeps_its_bytes_and_a_small_one_becomes_raw() -> None:
    large, small = (_file(_pixels(side, side), format="JPEG") for side in (300, 30))

    assert large == store_image(large, ImageSpec(size=(300, 300))).encoded
    assert store_image(small, ImageSpec(size=(30, 30))).format == "raw"


@pytest.mark.parametrize(
    ("mode", "spec"), [("RGB", COLOUR), ("P", COLOUR), ("L", COLOUR), ("L", GREY), ("RGBA", COLOUR), ("1", COLOUR)]
)
def test_large_png_that_needs_no_change_keeps_its_bytes(mode: str, spec: ImageSpec) -> None:
    buffer = io.BytesIO()
    Image.fromarray(_pixels(600, 600)).convert(mode).save(buffer, "PNG")
    stored = store_image(buffer.getvalue(), spec)

    assert stored.format == "png"
    assert buffer.getvalue() == stored.encoded


def test_large_png_of_colours_stored_as_grey_is_encoded_anew() -> None:
    data = _file(_pixels(600, 600), format="PNG")
    stored = store_image(data, GREY)

    with Image.open(io.BytesIO(stored.encoded)) as image:
        assert image.mode == "L"
    assert np.array_equal(decode_pixels(data, 1), _by_pillow(stored.encoded, "L"))


def test_alpha_is_dropped() -> None:
    pixels = _pixels(30, 30, channels=4)

    assert np.array_equal(pixels[..., :3], _raw(_file(pixels, format="PNG"), COLOUR))


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("side", [24, 256])
def test_turned_jpeg_is_stored_upright_and_not_kept(orientation: int, side: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = _file(_pixels(side, 2 * side), format="JPEG", exif=exif)
    stored = store_image(data, COLOUR)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))

    assert (stored.height, stored.width) == upright.shape[:2]
    assert stored.format == ("raw" if side == 24 else "png")
    pixels = (
        np.frombuffer(stored.encoded, np.uint8).reshape(upright.shape)
        if stored.format == "raw"
        else _by_pillow(stored.encoded)
    )

    assert np.abs(upright.astype(int) - pixels).max() <= 3


def test_jpeg_whose_exif_asks_for_no_turn_keeps_its_bytes() -> None:
    exif = Image.Exif()
    exif[0x0112] = 1
    data = _file(_pixels(40, 80), format="JPEG", exif=exif)

    assert data == store_image(data, COLOUR).encoded


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_png_with_exif_is_stored_as_it_is_decoded(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = _file(_pixels(300, 400), format="PNG", exif=exif)

    assert np.array_equal(decode_pixels(data, 3), _by_pillow(store_image(data, COLOUR).encoded))


@pytest.mark.parametrize("options", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_file_cut_short_is_refused(options: dict[str, Any], share: float) -> None:
    data = _file(_pixels(60, 80), **options)
    kind = options["format"].replace("WEBP", "WebP")

    with pytest.raises(ImageError, match=f"^truncated or damaged {kind}(:|, or a kind of {kind} that)"):
        store_image(data[: int(share * len(data))], COLOUR)


@pytest.mark.parametrize("place", [-4, -1])
@pytest.mark.parametrize("encoding", ["auto", "keep", "png"])
def test_png_with_a_wrong_checksum_at_its_end_is_refused_and_not_kept(place: int, encoding: str) -> None:
    data = bytearray(_file(_pixels(300, 400), format="PNG"))
    data[place] ^= 1

    with pytest.raises(ImageError, match=r"^truncated or damaged PNG: the checksum of its end is wrong$"):
        store_image(bytes(data), ImageSpec(encoding=encoding))


@given(st.sampled_from(list(EVERY)), st.data())
def test_file_cut_anywhere_is_refused(name: str, data: st.DataObject) -> None:
    whole = _file(_pixels(20, 24), **EVERY[name])
    end = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(ImageError):
        decode_pixels(whole[:end], 3)


@given(st.sampled_from(list(EVERY)), st.data())
def test_damaged_file_is_decoded_or_refused_and_nothing_else(name: str, data: st.DataObject) -> None:
    damaged = bytearray(_file(_pixels(20, 24), **EVERY[name]))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))

    assert _is_stored_or_refused(bytes(damaged))


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"BM", b"RIFF"]))
def test_garbage_is_refused(data: bytes, signature: bytes) -> None:
    with pytest.raises(ImageError):
        store_image(signature + data, COLOUR)


def _is_stored_or_refused(data: bytes) -> bool:
    try:
        stored = store_image(data, COLOUR)
    except ImageError as error:
        return bool(str(error))
    return stored.height > 0 and stored.width > 0 and bool(stored.encoded)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"empty file \(0 bytes\)"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 27790\n",
            "a Git LFS pointer, .*git lfs pull",
        ),
        (b"patient,stage\n1,2\n", r"not an image \(begins with b'patient,', text\)"),
        (b"<html><body>404</body></html>", "a web page; kit reads JPEG, PNG"),
    ],
)
def test_what_is_no_image_is_named_by_what_it_is(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=f"^{reason}"):
        store_image(data, COLOUR)


def test_image_too_large_to_allocate_is_refused() -> None:
    data = bytearray(_file(_pixels(8, 8), format="PNG"))
    data[16:24] = struct.pack(">II", 1 << 20, 1 << 20)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))

    with pytest.raises(ImageError, match=r"^claims 1048576x1048576 pixels; kit takes up to 268,435,456"):
        store_image(bytes(data), COLOUR)


def test_kind_is_told_by_the_first_bytes() -> None:
    kinds = [image_kind(_file(_pixels(4, 4), **options)) for options in EVERY.values()]

    assert kinds == ["PNG", "TIFF", "TIFF", "TIFF", "BMP", "WebP", "JPEG", "JPEG", "WebP"]
    assert image_kind(b"GIF89a") is None


@given(
    st.integers(1, 5),
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3])),
    st.integers(0, 30),
    st.booleans(),
)
def test_reduction_by_a_whole_factor_averages_blocks_of_the_centre(
    factor: int, shape: tuple[int, int, int], surplus: int, wide: bool
) -> None:
    height, width, channels = shape
    extra = (0, surplus) if wide else (surplus, 0)
    pixels = _pixels(factor * height + extra[0], factor * width + extra[1], channels)
    centre = pixels[extra[0] // 2 :, extra[1] // 2 :][: factor * height, : factor * width]
    blocks = centre.reshape(height, factor, width, factor, channels).mean(axis=(1, 3))
    resized = fit(pixels, ImageSpec(size=(height, width)))

    assert (height, width, channels) == resized.shape
    assert np.abs(blocks - resized).max() <= 1


@given(st.tuples(st.integers(1, 50), st.integers(1, 50)), st.tuples(st.integers(1, 60), st.integers(1, 60)))
def test_every_size_is_reached_within_the_range_of_the_pixels(old: tuple[int, int], new: tuple[int, int]) -> None:
    pixels = _pixels(*old)
    resized = fit(pixels, ImageSpec(size=new))

    assert (*new, 3) == resized.shape
    assert resized.dtype == np.uint8
    assert pixels.min() <= resized.min() <= resized.max() <= pixels.max()


@pytest.mark.parametrize("size", [(7, 5), (64, 64), (90, 40)])
@pytest.mark.parametrize("channels", [1, 3])
def test_sized_image_is_stored_raw_in_the_wanted_shape(size: tuple[int, int], channels: int) -> None:
    stored = store_image(_file(_pixels(64, 48), format="JPEG"), ImageSpec(size=size, channels=channels))

    assert (stored.format, stored.height, stored.width, stored.channels) == ("raw", *size, channels)
    assert len(stored.encoded) == size[0] * size[1] * channels


def test_wanted_size_that_is_there_changes_no_pixel() -> None:
    pixels = _pixels(32, 48)

    assert fit(pixels, ImageSpec(size=(32, 48))) is pixels


def test_real_patches_are_stored_without_a_changed_bit(pcam: Path) -> None:
    stored = {path.stem: store_image(path.read_bytes(), COLOUR) for path in (pcam / "train").glob("*.tif")}

    assert len(stored) == 1823
    assert list(stored) == [hashlib.sha1(image.encoded, usedforsecurity=False).hexdigest() for image in stored.values()]


def test_real_radiographs_keep_their_bytes(chest_xray: Path) -> None:
    files = [path.read_bytes() for path in sorted((chest_xray / "test").rglob("*.jpeg"))]

    assert files
    assert files == [store_image(data, COLOUR).encoded for data in files]
