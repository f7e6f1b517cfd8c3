from __future__ import annotations

import contextlib
import io
import struct
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kit.images import ImageError, decode_image, read_header, store_image
from kit.specs import ImageSpec

COLOUR, GREY = ImageSpec(channels=3), ImageSpec(channels=1)
CODECS = [None, "lzw", "zlib", "packbits"]
INTEGERS = ["uint8", "uint16", "uint32"]


def _values(*shape: int, dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def _tiff(values: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    rgb = values.ndim == 3 or options.get("planarconfig") == "separate"
    tifffile.imwrite(buffer, values, **({"photometric": "rgb" if rgb else "minisblack"} | options))
    return buffer.getvalue()


def _eight(values: np.ndarray) -> np.ndarray:
    """The full range of a type, mapped to 0 to 255."""
    if values.dtype.kind == "f":
        return np.rint(values.astype(np.float64) * 255).astype(np.uint8)
    limits = np.iinfo(values.dtype)
    share = (values.astype(np.float64) - limits.min) / (float(limits.max) - limits.min)
    return np.rint(share * 255).astype(np.uint8)


def _shown(data: bytes, spec: ImageSpec = COLOUR) -> np.ndarray:
    return decode_image(data, spec)


def _patched(data: bytes, tag: int, value: int) -> bytes:
    """Replace an inline LONG or SHORT in the first directory."""
    changed = bytearray(data)
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (entries,) = struct.unpack_from(f"{order}H", data, start)
    for place in range(start + 2, start + 2 + 12 * entries, 12):
        found, kind = struct.unpack_from(f"{order}HH", data, place)
        if found == tag:
            struct.pack_into(f"{order}H" if kind == 3 else f"{order}I", changed, place + 8, value)
    return bytes(changed)


def _packed(values: np.ndarray, bits: int, **options: Any) -> bytes:
    """A TIFF of integers of so many bits, the most significant first; every row begins with a whole byte."""
    each = values.astype(np.uint32)[..., None] >> np.arange(bits)[::-1] & 1
    rows = np.packbits(each.reshape(len(values), -1).astype(np.uint8), axis=1)
    return _patched(_patched(_tiff(rows, **options), 256, values.shape[1]), 258, bits)


def _claiming(tag: int, value: int) -> bytes:
    data = _tiff(np.zeros((9, 9), np.uint8), compression="zlib")
    return _patched(_patched(_patched(data, 256, 10000), 257, 20000), tag, value)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True], ids=["TIFF", "BigTIFF"])
@pytest.mark.parametrize("rows", [1, 7, 40])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_uncompressed_bytes_are_viewed_in_place_without_a_changed_bit(
    byteorder: Any, bigtiff: bool, rows: int, channels: int
) -> None:
    values = _values(40, 31, channels) if channels > 1 else _values(40, 31)
    data = _tiff(values, byteorder=byteorder, bigtiff=bigtiff, rowsperstrip=rows)
    spec = COLOUR if channels > 1 else GREY
    pixels = decode_image(data, spec)

    assert np.shares_memory(np.frombuffer(data, np.uint8), pixels)
    assert np.array_equal(values.reshape(40, 31, channels)[..., :3], pixels)
    assert store_image(data, spec).encoded == values.reshape(40, 31, channels)[..., :3].tobytes()


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("dtype", [*INTEGERS, "float16", "float32", "float64", "int8", "int16", "uint64"])
@pytest.mark.parametrize("shape", [(37, 50), (37, 50, 3), (37, 50, 4)], ids=["grey", "RGB", "RGBA"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_every_type_is_decoded_to_the_pixels_that_were_written(
    codec: str | None, dtype: str, shape: tuple[int, ...], byteorder: Any
) -> None:
    values = _values(*shape, dtype=dtype)
    expected = _eight(values).reshape(37, 50, -1)[..., :3]

    assert np.array_equal(
        expected,
        _shown(_tiff(values, compression=codec, byteorder=byteorder), COLOUR if len(shape) == 3 else GREY),
    )


@pytest.mark.parametrize("codec", ["lzw", "zlib"])
@pytest.mark.parametrize("dtype", [*INTEGERS, "float32"])
@pytest.mark.parametrize("tile", [None, (16, 32)], ids=["strips", "tiles"])
def test_predictor_is_undone(codec: str, dtype: str, tile: Any) -> None:
    values = _values(37, 50, 3, dtype=dtype)

    assert np.array_equal(_eight(values), _shown(_tiff(values, compression=codec, predictor=True, tile=tile)))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_tiles_are_put_together(codec: str | None, dtype: str, channels: int) -> None:
    values = _values(40, 70, channels, dtype=dtype) if channels > 1 else _values(40, 70, dtype=dtype)
    spec = COLOUR if channels > 1 else GREY

    assert np.array_equal(
        _eight(values).reshape(40, 70, -1)[..., :3], _shown(_tiff(values, compression=codec, tile=(16, 32)), spec)
    )


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("tile", [None, (16, 16)], ids=["strips", "tiles"])
def test_planes_are_put_side_by_side(codec: str | None, dtype: str, tile: Any) -> None:
    values = _values(3, 33, 47, dtype=dtype)
    data = _tiff(values, planarconfig="separate", compression=codec, tile=tile)

    assert np.array_equal(_eight(values).transpose(1, 2, 0), _shown(data))


@pytest.mark.parametrize("shape", [(1101, 1999), (3, 5), (1, 1), (1, 7)])
def test_lzw_of_an_odd_number_of_bytes_is_whole(shape: tuple[int, int]) -> None:
    values = _values(*shape)
    data = _tiff(values, compression="lzw", rowsperstrip=shape[0])

    assert np.array_equal(values[..., None], _shown(data, GREY))


@pytest.mark.parametrize("compression", ["zstd", "lzma"])
def test_rarer_codecs_are_decoded(compression: str) -> None:
    values = _values(20, 30, 3)

    assert np.array_equal(values, _shown(_tiff(values, compression=compression)))


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("codec", CODECS)
def test_grey_counts_from_black_or_from_white(photometric: str, dtype: str, codec: str | None) -> None:
    values = _values(20, 30, dtype=dtype)
    expected = _eight(values) if photometric == "minisblack" else 255 - _eight(values)

    assert np.array_equal(expected[..., None], _shown(_tiff(values, photometric=photometric, compression=codec), GREY))


@pytest.mark.parametrize(
    "compression", ["raw", "group3", "group4", "tiff_ccitt", "tiff_lzw", "packbits", "tiff_deflate"]
)
@pytest.mark.parametrize("photometric", [0, 1])
def test_bilevel_is_black_and_white(compression: str, photometric: int) -> None:
    values = _values(40, 53) > 128
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "TIFF", compression=compression, tiffinfo={262: photometric})
    with Image.open(buffer) as image:
        expected = np.asarray(image.convert("L"))

    assert np.array_equal(expected[..., None], _shown(buffer.getvalue(), GREY))
    assert set(np.unique(expected)) == {0, 255}
    assert read_header(buffer.getvalue()).source == "TIFF, 1 x uint1"


@pytest.mark.parametrize("bits", [2, 4, 10, 12, 14])
def test_odd_bits_use_their_own_full_range(bits: int) -> None:
    values = _values(20, 35, dtype="uint16") >> (16 - bits)

    assert np.array_equal(np.rint(values * (255 / (2**bits - 1)))[..., None], _shown(_packed(values, bits), GREY))


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("codec", [None, "zlib", "lzw"])
def test_24_bits_are_read_alike_in_files_of_either_byte_order(byteorder: str, codec: str | None) -> None:
    values = _values(20, 35, dtype="uint32") >> 8
    data = _packed(values, 24, byteorder=byteorder, compression=codec)

    assert np.array_equal(np.rint(values * (255 / (2**24 - 1)))[..., None], _shown(data, GREY))


def test_24_bits_in_another_codec_are_refused_and_not_guessed() -> None:
    data = _packed(_values(20, 35, dtype="uint32") >> 8, 24, compression="packbits")

    with pytest.raises(
        ImageError, match=r"a kind of TIFF that cannot be decoded \(PackBits compression, 1 x 24 bits\)$"
    ):
        store_image(data, GREY)


@pytest.mark.parametrize(("bits", "codec"), [(4, None), *((8, codec) for codec in CODECS)])
def test_palette_is_looked_up(bits: int, codec: str | None) -> None:
    indices = _values(20, 30) >> (8 - bits)
    colours = _values(3, 256, dtype="uint16")
    data = _packed(indices, bits, photometric="palette", colormap=colours, compression=codec)

    assert np.array_equal((colours >> 8).T[indices], _shown(data))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_cmyk_is_ink_on_white_paper(dtype: str) -> None:
    inks = _values(20, 30, 4, dtype=dtype)
    light = 1 - inks / np.iinfo(dtype).max
    expected = np.rint(255 * light[..., :3] * light[..., 3:])

    assert np.abs(expected - _shown(_tiff(inks, photometric="separated"))).max() <= 1


def test_cmyk_looks_as_in_pillow() -> None:
    data = _tiff(_values(20, 30, 4), photometric="separated")
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB")).astype(int)

    assert np.abs(expected - _shown(data)).max() <= 1


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2)])
def test_jpeg_in_tiff_looks_as_in_pillow(subsampling: tuple[int, int]) -> None:
    ramp = np.add.outer(np.arange(64), np.arange(80))[..., None] + np.array([0, 40, 90])
    data = _tiff(ramp.astype(np.uint8), compression="jpeg", photometric="ycbcr", subsampling=subsampling)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB")).astype(int)

    assert np.abs(expected - _shown(data)).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("options", [{}, {"compression": "lzw"}, {"tile": (16, 16)}], ids=["plain", "LZW", "tiled"])
def test_orientation_is_undone(orientation: int, options: dict[str, Any]) -> None:
    values = _values(20, 30, 3)
    data = _tiff(values, extratags=[(274, 3, 1, orientation, True)], **options)
    turned = {
        1: values,
        2: values[:, ::-1],
        3: values[::-1, ::-1],
        4: values[::-1],
        5: values.transpose(1, 0, 2),
        6: np.rot90(values, -1),
        7: np.rot90(values, -1)[:, ::-1][::-1][:, ::-1],
        8: np.rot90(values),
    }

    assert np.array_equal(turned[orientation], _shown(data))


@pytest.mark.parametrize("codec", CODECS)
def test_every_page_is_found(codec: str | None) -> None:
    pages = [_values(20, 30, 3, seed=seed) for seed in range(4)]
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for page in pages:
            writer.write(page, photometric="rgb", compression=codec)
    data = buffer.getvalue()

    assert read_header(data).pages == 4
    for number, page in enumerate(pages):
        assert np.array_equal(page, _shown(data, ImageSpec(page=number)))
    with pytest.raises(ImageError, match=r"^has 4 pages, counted from 0; there is no page 4$"):
        store_image(data, ImageSpec(page=4))


def test_other_kinds_have_one_page() -> None:
    buffer = io.BytesIO()
    Image.fromarray(_values(4, 4)).save(buffer, "PNG")

    with pytest.raises(ImageError, match=r"^a PNG has 1 page, counted from 0; there is no page 1$"):
        store_image(buffer.getvalue(), ImageSpec(page=1))


def test_alpha_is_dropped_from_grey() -> None:
    values = _values(20, 30, 2)
    data = _tiff(values, photometric="minisblack", planarconfig="contig", extrasamples=["unassalpha"])

    assert np.array_equal(values[..., :1], _shown(data, GREY))


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "extra",
    [
        ["unspecified"],
        ["unspecified"] * 2,
        ["unspecified"] * 4,
        ["unassalpha", "unspecified"],
    ],
    ids=len,
)
def test_bands_beside_rgb_are_never_dropped_in_silence(extra: list[str], kind: type[np.generic], planar: str) -> None:
    values = _values(20, 30, 3 + len(extra))
    full = values.astype(kind) * (257 if kind is np.uint16 else 1)  # of 16 bits what the value is of 8
    shaped = full if planar == "contig" else np.moveaxis(full, 2, 0)
    data = _tiff(shaped, planarconfig=planar, extrasamples=extra)
    reason = rf"^has {3 + len(extra)} channels, of which those after the first 3 are not marked .* bands 0,1,2$"

    with pytest.raises(ImageError, match=reason):
        store_image(data, COLOUR)
    taken = store_image(data, ImageSpec(bands=(3, 1, 0), encoding="raw")).encoded
    assert values[..., [3, 1, 0]].tobytes() == taken


@pytest.mark.parametrize("extra", ["unassalpha", "assocalpha"])
def test_alpha_beside_rgb_is_dropped(extra: str) -> None:
    values = _values(20, 30, 4)

    assert np.array_equal(values[..., :3], _shown(_tiff(values, planarconfig="contig", extrasamples=[extra])))


@pytest.mark.parametrize(
    ("channels", "reason"),
    [
        (7, "^has 7 channels that are neither RGB nor alpha; choose some, as with bands 0,1,2$"),
        (3, "^has 3 channels that are neither RGB nor alpha; choose some, as with bands 0,1,2$"),
        (2, "^has 2 channels that are neither RGB nor alpha; choose some, as with bands 0$"),
    ],
)
def test_channels_without_a_meaning_are_named(channels: int, reason: str) -> None:
    extra = ["unspecified"] * (channels - 1)
    data = _tiff(_values(20, 30, channels), photometric="minisblack", planarconfig="contig", extrasamples=extra)

    with pytest.raises(ImageError, match=reason):
        store_image(data, COLOUR)


@pytest.mark.parametrize("bands", [(0,), (5,), (4, 0, 2)])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_bands_are_taken_as_they_are(bands: tuple[int, ...], planar: str) -> None:
    values = _values(20, 30, 6)
    shaped = values if planar == "contig" else np.moveaxis(values, 2, 0)
    data = _tiff(shaped, photometric="minisblack", planarconfig=planar, extrasamples=["unspecified"] * 5)
    spec = ImageSpec(bands=bands, channels=1 if len(bands) == 1 else 3, encoding="raw")
    stored = store_image(data, spec)

    assert values[..., list(bands)].tobytes() == stored.encoded


def test_bands_that_are_not_there_are_named() -> None:
    with pytest.raises(ImageError, match=r"^has 3 channels, counted from 0; there is no channel 3$"):
        store_image(_tiff(_values(20, 30, 3)), ImageSpec(bands=(3,), encoding="raw"))


@pytest.mark.parametrize(
    ("values", "options", "reason"),
    [
        (_values(9, 9).astype(np.complex64), {}, "^holds complex numbers"),
        (_values(9, 9, 3), {"photometric": "cielab"}, "^holds CIELab colours; kit takes grey, RGB, palette, CMYK"),
        (_values(9, 9), {"photometric": "cfa"}, "^holds a camera's raw colour filter array"),
        (_values(4, 16, 16), {"volumetric": True, "photometric": "minisblack"}, "^holds a volume of 4 slices"),
    ],
    ids=["complex", "CIELab", "CFA", "volume"],
)
def test_what_is_no_picture_is_named(values: np.ndarray, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        store_image(_tiff(values, **options), COLOUR)


@pytest.mark.parametrize(
    ("shape", "options", "expected"),
    [
        ((20, 30), {"dtype": "uint16"}, ("TIFF", 20, 30, 1, 16, False, "TIFF, 1 x uint16")),
        ((20, 30, 3), {"dtype": "float32"}, ("TIFF", 20, 30, 3, 32, True, "TIFF, 3 x float32")),
        ((20, 30, 4), {"bigtiff": True}, ("BigTIFF", 20, 30, 4, 8, False, "BigTIFF, 4 x uint8")),
        ((20, 30), {"dtype": "int16"}, ("TIFF", 20, 30, 1, 16, False, "TIFF, 1 x int16")),
    ],
)
def test_header_says_what_the_file_holds(shape: tuple[int, ...], options: dict[str, Any], expected: Any) -> None:
    header = read_header(_tiff(_values(*shape, dtype=options.pop("dtype", "uint8")), **options))

    assert expected == (
        header.kind,
        header.height,
        header.width,
        header.channels,
        header.bits,
        header.is_float,
        header.source,
    )


def test_bombs_are_refused_by_what_they_claim() -> None:
    data = _tiff(_values(20, 30), compression="zlib")
    bomb = _patched(_patched(data, 256, 60000), 257, 60000)

    with pytest.raises(ImageError, match=r"^claims 60000x60000 pixels; kit takes up to 268,435,456"):
        store_image(bomb, COLOUR)


def test_enormous_tiles_are_refused() -> None:
    data = _tiff(_values(20, 30), compression="zlib", tile=(16, 16))

    with pytest.raises(ImageError, match=r"^claims 65520x65520 pixels"):
        store_image(_patched(_patched(data, 322, 65520), 323, 65520), COLOUR)


def test_circle_of_pages_ends() -> None:
    data = bytearray(_tiff(_values(20, 30)))
    (start,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, start)
    struct.pack_into("<I", data, start + 2 + 12 * entries, start)

    assert read_header(bytes(data)).pages == 1
    assert _shown(bytes(data)).shape == (20, 30, 3)
    with pytest.raises(ImageError, match=r"^has 1 page, counted from 0; there is no page 1"):
        store_image(bytes(data), ImageSpec(page=1))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"II*\0", "^truncated or damaged TIFF: it has no page$"),
        (b"II*\0\0\0\0\0", "^truncated or damaged TIFF: it has no page$"),
        (b"II*\0\x08\0\0\0\xff\xff", "^truncated or damaged TIFF: claims 65,535 tags$"),
        (b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0" + b"\xff" * 8, "^truncated or damaged TIFF: claims 18,446,744,073,709"),
        (b"II*\0\x08\0\0\0\x02\0" + bytes(12), "^truncated or damaged TIFF: it ends within its list of tags$"),
        (b"II*\0\x08\0\0\0\x01\0" + bytes(18), "^claims 0x0 pixels$"),
        (_claiming(277, 60000), "^claims 20000x10000 pixels of 60000 channels of 8 bits$"),
        (_claiming(277, 0), "^claims 20000x10000 pixels of 0 channels of 8 bits$"),
    ],
)
def test_tags_that_cannot_be_are_named(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        store_image(data, COLOUR)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_pixels_beyond_the_end_are_named(compression: str | None) -> None:
    data = _tiff(_values(40, 40), compression=compression, metadata=None)

    with pytest.raises(ImageError, match=r"^truncated or damaged TIFF: its pixels end at byte [\d,]+, the file at"):
        store_image(data[:-30], COLOUR)


@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits", "jpeg", "zstd"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("tile", [None, (48, 64)], ids=["strip", "tile"])
@pytest.mark.parametrize("channels", [1, 3])
def test_part_whose_data_end_early_is_refused(compression: str, dtype: str, tile: Any, channels: int) -> None:
    if (compression, dtype) == ("jpeg", "uint16"):
        pytest.skip("JPEG has 12 bits at most")
    values = _values(40, 59, channels, dtype=dtype) if channels > 1 else _values(40, 59, dtype=dtype)
    data = _tiff(values, compression=compression, tile=tile, rowsperstrip=40)
    sizes = 325 if tile else 279

    with pytest.raises(ImageError, match=r"^truncated or damaged (TIFF|JPEG)"):
        store_image(_patched(data, sizes, len(data) // 4), COLOUR)


@pytest.mark.parametrize("options", [{}, {"predictor": True}, {"planarconfig": "separate"}], ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@given(data=st.data())
def test_damaged_lzw_ends_in_a_refusal_and_not_in_a_crash(options: Any, dtype: str, data: st.DataObject) -> None:
    """imagecodecs' own LZW decoder ends the process on such data; values of the declared shape are as good as any."""
    whole = _tiff(
        _values(3, 9, 11, dtype=dtype) if options.get("planarconfig") else _values(9, 11, 3, dtype=dtype),
        compression="lzw",
        **options,
    )
    crashing = bytes.fromhex("80500080201039080082c040")
    place = data.draw(st.integers(len(whole) // 2, len(whole) - len(crashing)))
    try:
        stored = store_image(whole[:place] + crashing + whole[place + len(crashing) :], COLOUR)
    except ImageError:
        return

    assert ("raw", 9, 11, 3) == (stored.format, stored.height, stored.width, stored.channels)
    assert 9 * 11 * 3 == len(stored.encoded)  # LZW has no checksum: wrong values pass, of the declared shape


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_damaged_fax_is_stored_or_refused_and_nothing_is_printed(
    compression: str, capfd: pytest.CaptureFixture[str]
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(_values(40, 53) > 128).save(buffer, "TIFF", compression=compression)
    for place in range(8, len(buffer.getvalue()), 3):
        damaged = bytearray(buffer.getvalue())
        damaged[place] ^= 0x55
        with contextlib.suppress(ImageError):
            assert store_image(bytes(damaged), GREY).height > 0

    assert ("", "") == capfd.readouterr()


def test_fax_of_more_than_a_bit_a_pixel_is_refused() -> None:
    buffer = io.BytesIO()
    Image.fromarray(_values(40, 53) > 128).save(buffer, "TIFF", compression="group4")

    with pytest.raises(ImageError, match=r"^truncated or damaged TIFF: its fax data have more than a bit a pixel$"):
        store_image(_patched(buffer.getvalue(), 258, 8), GREY)


KINDS = {
    "plain": {},
    "LZW": {"compression": "lzw"},
    "deflate tiles": {"compression": "zlib", "tile": (16, 16)},
    "PackBits": {"compression": "packbits"},
    "planar": {"planarconfig": "separate"},
    "JPEG": {"compression": "jpeg"},
    "Zstandard": {"compression": "zstd", "bigtiff": True},
}


@given(st.sampled_from(list(KINDS)), st.data())
def test_file_cut_anywhere_shows_all_its_pixels_or_none(name: str, data: st.DataObject) -> None:
    values = _values(*((3, 20, 24) if name == "planar" else (20, 24, 3)))
    whole = _tiff(values, **KINDS[name])
    end = data.draw(st.integers(0, len(whole) - 1))
    try:
        pixels = _shown(whole[:end])
    except ImageError:
        return

    assert np.array_equal(_shown(whole), pixels)


@given(st.sampled_from(list(KINDS)), st.data())
def test_damaged_file_is_stored_or_refused_and_nothing_else(name: str, data: st.DataObject) -> None:
    values = _values(*((3, 20, 24) if name == "planar" else (20, 24, 3)))
    damaged = bytearray(_tiff(values, **KINDS[name]))
    for _ in range(data.draw(st.integers(1, 8))):
        near_tags = data.draw(st.booleans())
        place = data.draw(st.integers(0, min(len(damaged), 400 if near_tags else len(damaged)) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    try:
        stored = store_image(bytes(damaged), COLOUR)
    except ImageError:
        return

    assert stored.height > 0


def test_nothing_is_logged_or_printed(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    data = _tiff(_values(20, 30, 3), compression="zlib", planarconfig="contig", tile=(16, 16))
    for place in range(8, len(data), 3):
        damaged = bytearray(data)
        damaged[place] ^= 0x55
        try:
            store_image(bytes(damaged), COLOUR)
        except ImageError:
            continue

    assert ("", "") == capfd.readouterr()
    assert not caplog.records
