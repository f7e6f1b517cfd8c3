from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from kit.images import ImageError, StoredImage, decode_pixels, read_header, store_image, store_pixels
from kit.specs import ImageSpec

RAW = {"encoding": "raw"}
GREY = ImageSpec(channels=1, encoding="raw")


def _pixels(stored: StoredImage) -> np.ndarray:
    if stored.format != "raw":
        return decode_pixels(stored.encoded, stored.channels)
    return np.frombuffer(stored.encoded, np.uint8).reshape(stored.height, stored.width, stored.channels)


def _scaled(values: np.ndarray, scale: str) -> np.ndarray:
    return _pixels(store_pixels(values, ImageSpec(channels=1, scale=scale, encoding="raw")))[..., 0]


def _png(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"])
def test_none_divides_integers_by_their_full_range(dtype: str) -> None:
    limits = np.iinfo(dtype)
    values = np.array([[limits.min, limits.min // 2 + limits.max // 2, limits.max]], dtype)

    assert np.abs(np.array([[0, 127.5, 255]]) - _scaled(values, "none")).max() <= 0.5


@given(hnp.arrays(np.uint16, (5, 7)))
def test_none_rounds_sixteen_bits_to_the_nearest(values: np.ndarray) -> None:
    assert np.array_equal((values.astype(int) * 2 + 257) // 514, _scaled(values, "none"))


@given(hnp.arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=32)))
def test_none_takes_floats_from_0_to_1(values: np.ndarray) -> None:
    assert np.array_equal(np.rint(values.astype(np.float64) * 255), _scaled(values, "none"))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([[0.0, 255.0]], r"^holds floats from 0 to 255, not from 0 to 1; divide by .* or set scale to minmax$"),
        ([[-0.5, 1.0]], r"^holds floats from -0.5 to 1, not from 0 to 1; divide by .* or set scale to minmax$"),
        ([[np.nan, 0.5]], r"^holds floats that are no numbers \(NaN or infinite: 50.0%\); set scale to minmax$"),
        ([[np.inf, 0.5, 0.1, 0.2]], r"^holds floats that are no numbers \(NaN or infinite: 25.0%\)"),
    ],
)
def test_none_refuses_other_floats_and_names_the_way_out(values: Any, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        _scaled(np.array(values), "none")


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "int16", "float32", "float64"])
def test_minmax_takes_the_range_of_the_image(dtype: str) -> None:
    values = np.array([[100, 200, 300, 350, 600]], dtype)

    assert [[0, 51, 102, 128, 255]] == _scaled(values, "minmax").tolist()


@given(hnp.arrays(np.uint16, (9, 9)), st.integers(0, 40), st.integers(60, 100))
def test_percentiles_are_the_range_and_the_rest_is_clipped(values: np.ndarray, low: int, high: int) -> None:
    bottom, top = np.percentile(values, [low, high])
    expected = np.zeros((9, 9)) if bottom == top else np.clip((values - bottom) / (top - bottom), 0, 1) * 255

    assert np.abs(expected - _scaled(values, f"percentile:{low},{high}")).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("scale", ["minmax", "percentile:0,100"])
def test_what_is_no_number_becomes_black(scale: str) -> None:
    values = np.array([[np.nan, 1.0, 2.0, 3.0, np.inf, -np.inf]])

    assert [[0, 0, 128, 255, 0, 0]] == _scaled(values, scale).tolist()


@pytest.mark.parametrize("values", [np.full((3, 3), 7.5), np.full((3, 3), 900, np.uint16)])
def test_image_of_one_value_becomes_black(values: np.ndarray) -> None:
    assert not _scaled(values, "minmax").any()


def test_image_without_a_number_is_refused() -> None:
    with pytest.raises(ImageError, match=r"^holds no number, only NaN or infinite$"):
        _scaled(np.full((3, 3), np.nan), "minmax")


@given(hnp.arrays(st.sampled_from([np.float16, np.float32, np.float64]), (4, 4)))
def test_any_floats_are_scaled_or_refused(values: np.ndarray) -> None:
    for scale in ("none", "minmax", "percentile:1,99"):
        try:
            assert _scaled(values, scale).shape == (4, 4)
        except ImageError:
            continue


def test_scale_leaves_eight_bits_alone() -> None:
    values = np.array([[50, 60, 70]], np.uint8)

    assert np.array_equal(values, _scaled(values, "minmax"))


def test_range_is_that_of_all_channels_so_that_colours_stay() -> None:
    values = np.array([[[0, 500, 1000], [250, 250, 250]]], np.uint16)
    stored = store_pixels(values, ImageSpec(scale="minmax", encoding="raw"))

    assert [[[0, 128, 255], [64, 64, 64]]] == _pixels(stored).tolist()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((4, 5), (4, 5, 3)),
        ((4, 5, 1), (4, 5, 3)),
        ((4, 5, 2), (4, 5, 3)),
        ((4, 5, 3), (4, 5, 3)),
        ((4, 5, 4), (4, 5, 3)),
    ],
)
def test_arrays_of_every_shape_are_stored(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    stored = store_pixels(values, ImageSpec(encoding="raw"))
    colours = values.reshape(4, 5, -1)

    assert expected == _pixels(stored).shape
    assert np.array_equal(
        colours[..., :1] if colours.shape[2] < 3 else colours[..., :3],
        _pixels(stored)[..., : 1 if colours.shape[2] < 3 else 3],
    )
    assert stored.source == f"array, {colours.shape[2]} x uint8"


def test_booleans_are_black_and_white() -> None:
    assert [[0, 255]] == _scaled(np.array([[False, True]]), "none").tolist()


@pytest.mark.parametrize("values", [np.zeros(4), np.zeros((2, 3, 4, 3)), np.zeros((4, 4), complex), np.array([["a"]])])
def test_arrays_that_are_no_images_are_refused(values: np.ndarray) -> None:
    with pytest.raises(ImageError, match=r"^an array of .*; kit takes numbers \[h, w\] or \[h, w, channels\]$"):
        store_pixels(values, ImageSpec())


def test_arrays_of_many_channels_need_a_choice() -> None:
    values = np.random.default_rng(0).integers(0, 256, (4, 5, 7), np.uint8)

    with pytest.raises(ImageError, match=r"^an array of 7 channels; choose some, as with bands 0,1,2$"):
        store_pixels(values, ImageSpec())
    assert np.array_equal(
        values[..., [6, 0, 1]], _pixels(store_pixels(values, ImageSpec(bands=(6, 0, 1), encoding="raw")))
    )


def test_empty_array_is_refused() -> None:
    with pytest.raises(ImageError, match=r"^claims 0x5 pixels$"):
        store_pixels(np.zeros((0, 5)), ImageSpec())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("mode", ["grey", "RGB"])
def test_png_of_eight_and_sixteen_bits_is_exact(dtype: Any, mode: str) -> None:
    import cv2

    shape = (20, 30) if mode == "grey" else (20, 30, 3)
    values = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    data = cv2.imencode(".png", values if mode == "grey" else values[..., ::-1])[1].tobytes()
    stored = store_image(data, ImageSpec(channels=1 if mode == "grey" else 3))

    assert np.array_equal(np.rint(values / np.iinfo(dtype).max * 255).reshape(20, 30, -1), _pixels(stored))
    assert stored.source == f"PNG, {1 if mode == 'grey' else 3} x {np.dtype(dtype)}"


def test_png_of_sixteen_bits_is_scaled_and_never_kept() -> None:
    data = _png(np.linspace(100, 300, 400 * 400).reshape(400, 400).astype(np.uint16))
    stored = store_image(data, ImageSpec(scale="minmax", encoding="keep"))

    assert (stored.format, data == stored.encoded) == ("png", False)
    assert (0, 255) == (_pixels(stored).min(), _pixels(stored).max())


@pytest.mark.parametrize("mode", ["P", "L", "RGB", "RGBA", "LA", "1"])
@pytest.mark.parametrize("transparent", [False, True])
def test_png_of_every_mode_shows_its_colours_without_alpha(mode: str, transparent: bool) -> None:
    values = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)
    image = Image.fromarray(values).convert("RGB" if mode == "P" else "RGBA").convert(mode)
    buffer = io.BytesIO()
    image.save(
        buffer,
        "PNG",
        **({"transparency": {"RGB": (1, 2, 3)}.get(mode, 3)} if transparent and mode in {"P", "L", "RGB"} else {}),
    )
    with Image.open(buffer) as written:
        expected = np.asarray(written.convert("RGBA"))[..., :3]

    assert np.array_equal(expected, decode_pixels(buffer.getvalue(), 3))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_exif_of_every_kind_is_obeyed(orientation: int, kind: str) -> None:
    values = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    turned = {1: values, 2: values[:, ::-1], 3: values[::-1, ::-1], 4: values[::-1], 5: values.transpose(1, 0, 2)}
    turned |= {6: np.rot90(values, -1), 7: values[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(values)}

    assert read_header(buffer.getvalue()).orientation == orientation
    assert np.array_equal(turned[orientation], decode_pixels(buffer.getvalue(), 3))


@pytest.mark.parametrize("shape", [(40, 20), (20, 40), (10, 10), (7, 61)])
@pytest.mark.parametrize("size", [(16, 16), (30, 12), (12, 30), (50, 50)])
def test_pad_shows_the_whole_image_centred_on_black(shape: tuple[int, int], size: tuple[int, int]) -> None:
    pixels = _pixels(store_pixels(np.full(shape, 200, np.uint8), ImageSpec(size=size, fit="pad", channels=1, **RAW)))
    rows, columns = np.nonzero(pixels[..., 0])
    height, width = rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
    scale = min(size[0] / shape[0], size[1] / shape[1])

    assert {0, 200} >= set(np.unique(pixels))
    assert (height, width) == (max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale)))
    assert abs((size[0] - height) // 2 - rows.min()) == abs((size[1] - width) // 2 - columns.min()) == 0


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 50), st.integers(1, 50)),
    st.sampled_from(["crop", "pad", "stretch"]),
    st.sampled_from([1, 3]),
)
def test_every_size_is_reached_every_way(shape: Any, size: Any, fit: Any, channels: Any) -> None:
    values = np.random.default_rng(0).integers(50, 90, (*shape, channels), np.uint8)
    stored = store_pixels(values, ImageSpec(size=size, fit=fit, channels=channels, encoding="raw"))

    assert (*size, channels) == _pixels(stored).shape
    assert fit == "pad" or (values.min() <= _pixels(stored).min() and _pixels(stored).max() <= values.max())


def test_stretch_averages_along_a_side_that_shrinks_while_the_other_grows() -> None:
    values = np.tile(np.array([[0, 200]], np.uint8), (1, 32))
    stored = store_pixels(values, ImageSpec(size=(4, 4), fit="stretch", channels=1, encoding="raw"))

    assert (_pixels(stored) == 100).all()


@pytest.mark.parametrize(
    ("encoding", "side", "expected"),
    [
        ("auto", 20, "raw"), ("auto", 520, "png"), ("keep", 20, "raw"), ("keep", 520, "png"),
        ("raw", 300, "raw"), ("png", 20, "png"), ("jpeg", 20, "jpeg"), ("jpeg:50", 300, "jpeg"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("channels", [1, 3])
def test_encoding_is_the_one_that_was_asked_for(encoding: str, side: int, expected: str, channels: Any) -> None:
    ramp = np.add.outer(np.arange(side), np.arange(side)).astype(np.uint16) * 100
    stored = store_pixels(ramp, ImageSpec(encoding=encoding, channels=channels))

    assert (stored.format, stored.channels) == (expected, channels)
    assert np.abs(np.rint(ramp / 257)[..., None] - _pixels(stored)).max() <= (12 if expected == "jpeg" else 0)


@pytest.mark.parametrize("encoding", ["keep", "png"])
def test_small_png_is_kept_where_png_is_wanted(encoding: str) -> None:
    data = _png(np.zeros((9, 9, 3), np.uint8))

    assert data == store_image(data, ImageSpec(encoding=encoding)).encoded
    assert store_image(data, ImageSpec(encoding="auto")).format == "raw"


def test_equal_pixels_have_equal_digests_whatever_they_came_from() -> None:
    values = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    digests = {store_pixels(values, ImageSpec(encoding=encoding)).digest for encoding in ("raw", "png", "jpeg:30")}
    digests.add(store_image(_png(values), ImageSpec()).digest)

    assert len(digests) == 1
    assert all(len(digest) == 32 and int(digest, 16) >= 0 for digest in digests)


def test_digest_tells_shapes_and_pixels_apart() -> None:
    values = np.zeros((20, 30), np.uint8)
    changed = values.copy()
    changed[0, 0] = 1
    arrays = [values, values.reshape(30, 20), values.reshape(10, 60), changed]
    digests = [store_pixels(array, GREY).digest for array in arrays]
    digests.append(store_pixels(np.zeros((10, 20, 3), np.uint8), ImageSpec(**RAW)).digest)

    assert len(set(digests)) == 5


def test_same_bytes_in_same_bytes_out() -> None:
    data = _png(np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8))
    for encoding in ("auto", "raw", "png", "jpeg:80"):
        spec = ImageSpec(size=(100, 100), encoding=encoding)

        assert store_image(data, spec) == store_image(data, spec)


def test_too_long_a_side_for_jpeg_is_refused() -> None:
    with pytest.raises(ImageError, match=r"^cannot be written as JPG at 1x70000 pixels$"):
        store_pixels(np.zeros((1, 70000), np.uint8), ImageSpec(encoding="jpeg"))
