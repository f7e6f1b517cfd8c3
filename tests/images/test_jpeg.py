from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from kit.images import ImageError, decode_image, decode_pixels, read_header, store_image
from kit.images.resize import reduction
from kit.specs import ImageSpec

COLOUR, GREY = ImageSpec(channels=3), ImageSpec(channels=1)
KEEP, KEEP_GREY = ImageSpec(encoding="keep"), ImageSpec(encoding="keep", channels=1)


def _ramp(height: int, width: int) -> np.ndarray:
    """A smooth image of which every corner and every channel differs: uint8 RGB."""
    rows, columns = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None]
    red, green, blue = 200 * rows + 0 * columns, 180 * columns + 0 * rows, 120 * (1 - rows) * columns + 60
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


def _jpeg(pixels: np.ndarray, mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "JPEG", **({"quality": 92} | options))
    return buffer.getvalue()


def _turned(pixels: np.ndarray, orientation: int, **options: Any) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _jpeg(pixels, exif=exif, **options)


def _by_pillow(data: bytes, mode: str = "RGB") -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert(mode)).astype(int)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_turned_image_is_upright(orientation: int, mode: str) -> None:
    data = _turned(_ramp(60, 100), orientation, mode=mode)

    assert np.abs(_by_pillow(data) - decode_image(data, COLOUR)).max() <= 2
    assert np.abs(_by_pillow(data, "L")[..., None] - decode_image(data, GREY)).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("channels", [1, 3])
def test_turned_image_is_upright_when_it_is_decoded_at_reduced_size(orientation: int, fit: Any, channels: Any) -> None:
    data = _turned(_ramp(640, 400), orientation, quality=98)
    spec = ImageSpec(size=(48, 60), fit=fit, channels=channels, encoding="raw")
    plain = Image.fromarray(_by_pillow(data).astype(np.uint8))
    reduced = np.frombuffer(store_image(data, spec).encoded, np.uint8).reshape(48, 60, channels)
    buffer = io.BytesIO()
    plain.save(buffer, "PNG")
    full = np.frombuffer(store_image(buffer.getvalue(), spec).encoded, np.uint8).reshape(48, 60, channels)

    assert reduction(spec, read_header(data)) >= 4
    assert np.abs(full.astype(int) - reduced).max() <= (
        60 if fit == "pad" else 6
    )  # the border's edge may lie elsewhere
    assert np.abs(full.astype(int) - reduced).mean() <= 1.5


@given(
    st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
    st.tuples(st.integers(1, 600), st.integers(1, 600)),
    st.sampled_from(["crop", "pad", "stretch"]),
    st.integers(1, 8),
)
def test_reduced_image_is_never_smaller_than_the_wanted_one(
    shape: tuple[int, int], size: tuple[int, int], fit: Any, orientation: int
) -> None:
    header = read_header(_jpeg(_ramp(8, 8)))
    sides = {"height": shape[0], "width": shape[1], "orientation": orientation}
    factor = reduction(
        ImageSpec(size=size, fit=fit), type(header)(**{"kind": "JPEG", "channels": 3, "bits": 8} | sides)
    )
    height, width = shape if orientation < 5 else shape[::-1]
    scales = (size[0] / height, size[1] / width)
    needed = min(scales) if fit == "pad" else max(scales)

    assert factor in {1, 2, 4, 8}
    assert factor == 1 or (height / factor >= height * needed - 1e-6 and width / factor >= width * needed - 1e-6)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize(("mode", "spec"), [("RGB", KEEP), ("L", KEEP), ("L", KEEP_GREY), ("RGB", KEEP_GREY)])
def test_jpeg_that_needs_no_change_is_kept_byte_for_byte(options: dict[str, Any], mode: str, spec: ImageSpec) -> None:
    data = _jpeg(_ramp(50, 70), mode, **options)
    stored = store_image(data, spec)

    assert (data, "jpeg", 50, 70) == (stored.encoded, stored.format, stored.height, stored.width)
    assert stored.source == f"JPEG, {3 if mode == 'RGB' else 1} x uint8"


def test_kept_jpeg_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.images.opencv.imdecode", None)
    data = _jpeg(_ramp(300, 300))

    assert data == store_image(data, COLOUR).encoded == store_image(data, ImageSpec(size=(300, 300))).encoded


@pytest.mark.parametrize("tail", [bytes(100), b"\r\n", b"camera's own data" * 50], ids=["zeros", "newline", "data"])
def test_what_follows_the_end_marker_is_tolerated(tail: bytes) -> None:
    data = _jpeg(_ramp(50, 70)) + tail

    assert data == store_image(data, COLOUR).encoded


@pytest.mark.parametrize("spec", [ImageSpec(size=(25, 35), encoding="keep"), ImageSpec(size=(70, 50), encoding="keep")])
def test_jpeg_of_another_size_is_not_kept(spec: ImageSpec) -> None:
    assert store_image(_jpeg(_ramp(50, 70)), spec).format == "raw"


@pytest.mark.parametrize("orientation", range(2, 9))
def test_turned_jpeg_is_not_kept(orientation: int) -> None:
    stored = store_image(_turned(_ramp(50, 70), orientation), KEEP)

    assert stored.format == "raw"
    assert (stored.height, stored.width) == ((50, 70) if orientation < 5 else (70, 50))


def test_every_jpeg_is_encoded_at_the_wanted_quality() -> None:
    data = _jpeg(_ramp(50, 70), quality=100)
    low, high = (store_image(data, ImageSpec(encoding=f"jpeg:{quality}")) for quality in (20, 90))

    assert low.format == high.format == "jpeg"
    assert len(low.encoded) < len(high.encoded) < len(data)
    assert np.abs(_by_pillow(high.encoded) - _ramp(50, 70)).max() <= 12


@pytest.mark.parametrize("ycck", [False, True], ids=["CMYK", "YCCK"])
def test_cmyk_looks_as_in_pillow_and_is_not_kept(ycck: bool) -> None:
    inks = np.dstack([_ramp(50, 70), np.full((50, 70), 40, np.uint8)])
    if ycck:
        data = imagecodecs.jpeg_encode(255 - inks, level=95, colorspace="CMYK", outcolorspace="YCCK")
    else:
        buffer = io.BytesIO()
        Image.fromarray(inks, "CMYK").save(buffer, "JPEG", quality=95)
        data = buffer.getvalue()

    assert read_header(data).channels == 4
    assert store_image(data, KEEP).format == "raw"
    assert np.abs(_by_pillow(data) - decode_pixels(data, 3)).max() <= 3


def test_rgb_without_a_colour_transform_is_not_kept_as_grey() -> None:
    data = imagecodecs.jpeg_encode(_ramp(50, 70), level=95, colorspace="RGB", outcolorspace="RGB")

    assert np.abs(_ramp(50, 70).astype(int) - decode_pixels(data, 3)).max() <= 3
    assert store_image(data, KEEP).format == "jpeg"
    assert store_image(data, KEEP_GREY).format == "raw"


def test_twelve_bits_use_their_own_full_range() -> None:
    values = _ramp(50, 70)[..., 0].astype(np.uint16) * 16
    data = imagecodecs.jpeg_encode(values, level=98, bitspersample=12)

    assert read_header(data).source == "JPEG, 1 x uint12"
    assert np.abs(values[..., None] * (255 / 4095) - decode_pixels(data, 1)).max() <= 2


def test_lossless_jpeg_is_decoded_exactly() -> None:
    values = np.ascontiguousarray(_ramp(50, 70)[..., 1])
    data = imagecodecs.jpeg_encode(values, lossless=True, predictor=1)

    assert np.array_equal(values[..., None], decode_pixels(data, 1))
    assert store_image(data, KEEP_GREY).format == "raw"


@pytest.mark.parametrize("end", [2, 3, 4, 20, 200, -2, -1, -300])
def test_jpeg_cut_short_is_refused_though_it_is_not_decoded(end: int) -> None:
    with pytest.raises(ImageError, match=r"^truncated or damaged JPEG: "):
        store_image(_jpeg(_ramp(100, 100))[:end], COLOUR)


def test_end_marker_of_a_thumbnail_does_not_count() -> None:
    exif = Image.Exif()
    exif[0x9286] = b"\xff\xd8 a picture within \xff\xd9"
    data = _jpeg(_ramp(100, 100), exif=exif)

    assert b"within \xff\xd9" in data
    with pytest.raises(ImageError, match=r"^truncated or damaged JPEG: it has no end marker$"):
        store_image(data[:-2], COLOUR)


def test_jpeg_of_nothing_but_scans_is_refused() -> None:
    data = _jpeg(_ramp(50, 70), progressive=True)
    scan = data.rindex(b"\xff\xda")
    bomb = data[:scan] + data[scan:-2] * 600 + b"\xff\xd9"

    with pytest.raises(ImageError, match=r"^has more than 500 scans"):
        store_image(bomb, ImageSpec(size=(20, 20)))


@given(st.data(), st.sampled_from([COLOUR, GREY, ImageSpec(size=(9, 9)), ImageSpec(encoding="png")]))
def test_damaged_jpeg_is_stored_or_refused_and_nothing_else(data: st.DataObject, spec: ImageSpec) -> None:
    damaged = bytearray(_turned(_ramp(40, 40), 6))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        stored = store_image(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]), spec)
    except ImageError:
        return

    assert stored.height > 0


def test_large_radiographs_are_reduced_as_area_averages_are(chest_xray_fullsize: Path) -> None:
    files = sorted(chest_xray_fullsize.rglob("*.jpeg"))[:6]
    spec = ImageSpec(size=(224, 224), channels=1)

    assert files
    for path in files:
        data = path.read_bytes()
        reduced = np.frombuffer(store_image(data, spec).encoded, np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(decode_image(data, GREY)[..., 0]).save(buffer, "PNG", compress_level=0)
        full = np.frombuffer(store_image(buffer.getvalue(), spec).encoded, np.uint8)

        assert np.abs(full.astype(int) - reduced).mean() < 3


@pytest.fixture
def chest_xray_fullsize() -> Path:
    folder = Path(__file__).parents[3] / "shared" / "data" / "chest_xray_fullsize"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not on this machine")
    return folder
