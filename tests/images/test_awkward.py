"""Odd, rare and corrupt files of other libraries' test suites: each is shown as others show it, or refused by name."""

from __future__ import annotations

import csv
import io
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from kit.images import ImageError, Pixels, decode_image, read_header, store_image
from kit.specs import ImageSpec

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "awkward"
SECONDS = 5  # for the slowest file; most take milliseconds
SPEC = ImageSpec()

# Files of which kit, Pillow and tifffile show different pixels.
DIFFERENT = {
    "a33.tif": "Pillow does not turn it, though its Orientation tag asks for it; OpenCV does",
    "flower-separated-planar-16.tif": "Pillow takes the high bytes of 16-bit planes for 8-bit ones",
    "old-style-jpeg-compression-no-samplesperpixel.tif": "libjpeg smooths colours that it enlarges, libtiff does not",
}

# Why a file may be refused, in words that a person understands; every other reason fails the test.
REASONS = (
    "a Git LFS pointer, not the image; fetch it with 'git lfs pull'",
    "kit reads JPEG, PNG, TIFF, BMP and WebP: convert it",
    "not an image (",
    "truncated or damaged ",
    "holds CIELab colours",
    "holds YCbCr colours without JPEG compression; save it as RGB",
    "holds floats from ",
    "channels, of which those after the first 3 are not marked as alpha; choose some, as with bands 0,1,2",
)


def _names() -> list[str]:
    if not FOLDER.is_dir():
        return []
    with (FOLDER / "MANIFEST.csv").open(newline="") as file:
        return [row["path"] for row in csv.DictReader(file)]


NAMES = _names()
pytestmark = [
    pytest.mark.skipif(not NAMES, reason=f"{FOLDER} is not on this machine"),
    pytest.mark.filterwarnings("ignore:::PIL"),  # the files are odd, and Pillow says so
]


@contextmanager
def _limited(name: str) -> Iterator[None]:
    def stop(*_: object) -> None:
        pytest.fail(f"{name} takes more than {SECONDS} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


def _by_pillow(data: bytes) -> Pixels | None:
    """Decode to RGB without alpha; None where Pillow cannot, or has a range of its own."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            turned = ImageOps.exif_transpose(image)
            if turned.mode in {"RGBA", "LA", "PA"}:
                return np.asarray(turned.convert("RGBA"))[..., :3]
            return None if turned.mode[0] in "IF" else np.asarray(turned.convert("RGB"))
    except Exception:  # noqa: BLE001 (corrupt files make Pillow raise almost anything)
        return None


def _by_tifffile(data: bytes) -> Pixels | None:
    """Decode grey or RGB with black as zero, for which a division is enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with tifffile.TiffFile(io.BytesIO(data)) as file:
                page = file.pages.first
                values = page.asarray()
        except Exception:  # noqa: BLE001 (corrupt files make tifffile raise almost anything)
            return None
    orientation = page.tags.valueof("Orientation", 1)
    if page.photometric not in {1, 2} or page.dtype is None or page.dtype.kind not in "uif" or orientation != 1:
        return None
    if page.bitspersample == 24:  # in an order that depends on imagecodecs' version
        return None
    if page.planarconfig == 2 and values.ndim == 3:
        values = values.transpose(1, 2, 0)
    least = -(2 ** (page.bitspersample - 1)) if page.dtype.kind == "i" else 0
    full = 1.0 if page.dtype.kind == "f" else float(2**page.bitspersample - 1)
    share = (values.astype(np.float64) - least) / full
    pixels = np.rint(share.reshape(*share.shape[:2], -1)[..., :3] * 255).astype(np.uint8)
    return pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels


@pytest.mark.parametrize("name", NAMES)
def test_file_is_shown_as_others_show_it_or_refused_with_a_reason(name: str) -> None:
    data = (FOLDER / name).read_bytes()
    try:
        with _limited(name):
            pixels = decode_image(data, SPEC)
    except ImageError as refusal:
        reason = str(refusal)
        if not any(known in reason for known in REASONS):
            pytest.fail(f"refused for a new reason: {reason}")
        return
    header = read_header(data)
    others = [shown for shown in (_by_tifffile(data), _by_pillow(data)) if shown is not None]
    lossy = header.kind in {"JPEG", "WebP"} or header.bits > 8 or b"JFIF" in data or "jpeg" in name

    assert pixels.shape[2] == 3
    assert others or header.kind in {"TIFF", "BMP"} or header.bits > 8
    assert (
        not others or Path(name).name in DIFFERENT or min(_difference(pixels, shown) for shown in others) <= 2 * lossy
    )


def _difference(pixels: Pixels, shown: Pixels) -> int:
    return 256 if shown.shape != pixels.shape else int(np.abs(shown.astype(int) - pixels).max())


def test_fax_that_asks_to_be_turned_is_turned() -> None:
    (path,) = FOLDER.rglob("a33.tif")
    shown = _by_pillow(path.read_bytes())

    assert shown is not None
    assert np.array_equal(np.rot90(shown), decode_image(path.read_bytes(), SPEC))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "spec",
    [
        ImageSpec(size=(32, 32), channels=1, scale="minmax"),
        ImageSpec(size=(40, 24), fit="pad", scale="percentile:1,99", encoding="keep", page=1),
        ImageSpec(fit="stretch", encoding="jpeg:80"),
    ],
    ids=["small", "second page", "JPEG"],
)
def test_file_is_stored_or_refused_and_nothing_else(name: str, spec: ImageSpec) -> None:
    data = (FOLDER / name).read_bytes()
    with _limited(name):
        try:
            stored = store_image(data, spec)
        except ImageError as refusal:
            reason = str(refusal)
        else:
            reason = stored.source

    assert reason
    assert "\n" not in reason


def test_most_files_of_the_kinds_that_kit_reads_are_shown() -> None:
    shown = 0
    for name in NAMES:
        try:
            decode_image((FOLDER / name).read_bytes(), SPEC)
        except ImageError:
            continue
        shown += 1

    assert shown >= 120
