"""File formats by their first bytes, regardless of the name."""

from __future__ import annotations

from typing import Literal, NoReturn, TypeAlias

from kit.images.image_error import ImageError, damaged

Kind: TypeAlias = Literal["JPEG", "PNG", "TIFF", "BigTIFF", "BMP", "WebP"]

_READ: dict[bytes, Kind] = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "BigTIFF",
    b"MM\0+": "BigTIFF",
}

# Unsupported image formats and other files found in image folders, by offset and bytes.
_FOREIGN: dict[tuple[int, bytes], str] = {
    (0, b"GIF8"): "a GIF",
    (4, b"ftypavif"): "an AVIF",
    (4, b"ftypavis"): "an AVIF",
    (4, b"ftyphei"): "a HEIC",
    (4, b"ftyphev"): "a HEIC",
    (4, b"ftypmif1"): "a HEIC",
    (4, b"ftypmsf1"): "a HEIC",
    (4, b"ftyp"): "an MP4 film",
    (0, b"8BPS"): "a Photoshop file",
    (0, b"\0\0\0\x0cjP  "): "a JPEG 2000",
    (0, b"\xff\x4f\xff\x51"): "a JPEG 2000",
    (0, b"\0\0\0\x0cJXL "): "a JPEG XL",
    (0, b"\xff\x0a"): "a JPEG XL",
    (0, b"II\xbc"): "a JPEG XR",
    (128, b"DICM"): "a DICOM file",
    (0, b"\0\0\1\0"): "an ICO",
    (0, b"\0\0\2\0"): "a Windows cursor or a TGA",
    (0, b"\x01\xda"): "an SGI image",
    (0, b"P1"): "a Netpbm image",
    (0, b"P2"): "a Netpbm image",
    (0, b"P3"): "a Netpbm image",
    (0, b"P4"): "a Netpbm image",
    (0, b"P5"): "a Netpbm image",
    (0, b"P6"): "a Netpbm image",
    (0, b"P7 332"): "an XV thumbnail",
    (0, b"P7"): "a Netpbm image",
    (0, b"DDS "): "a DDS texture",
    (0, b"v/1\x01"): "an OpenEXR image",
    (0, b"#?RADIANCE"): "a Radiance image",
    (0, b"SIMPLE  ="): "a FITS file",
    (0, b"\x0a\x05\x01"): "a PCX",
    (0, b"/* XPM"): "an XPM",
    (0, b"icns"): "an Apple icon",
    (4, b"\x11\xaf"): "an FLI film",
    (4, b"\x12\xaf"): "an FLC film",
    (0, b"BLP"): "a Blizzard texture",
    (0, b"FTEX"): "an FTEX texture",
    (0, b"DanM"): "an MSP image",
    (0, b"LinS"): "an MSP image",
    (20, b"GIMP"): "a GIMP brush",
    (0, b"GIMP"): "a GIMP palette",
    (0, b"gimp"): "a GIMP image",
    (344, b"n+1\0"): "a NIfTI volume",
    (0, b"\x93NUMPY"): "a NumPy array",
    (0, b"\x89HDF"): "an HDF5 file",
    (0, b"CDF"): "a NetCDF file",
    (0, b"%PDF"): "a PDF",
    (0, b"%!PS"): "a PostScript file",
    (0, b"\xc5\xd0\xd3\xc6"): "a PostScript file",
    (0, b"\xd0\xcf\x11\xe0"): "a Microsoft Office file",
    (0, b"PK\3\4"): "a ZIP archive",
    (0, b"\x1f\x8b"): "a gzip archive",
    (0, b"7z\xbc\xaf"): "a 7z archive",
    (0, b"Rar!"): "a RAR archive",
    (0, b"\x28\0\0\0"): "a BMP without its file header",
}

_ADVICE = "kit reads JPEG, PNG, TIFF, BMP and WebP: convert it"
_HEAD = 352  # bytes: the furthest signature
_SHOWN = 8  # bytes of an unknown file in a message


def image_kind(data: bytes) -> Kind | None:
    """Return the format of a file that kit reads; None for other files."""
    if kind := _READ.get(data[:4]) or _READ.get(data[:3]):
        return kind
    if data[:2] == b"BM":
        return "BMP"
    return "WebP" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def refuse_foreign(data: bytes) -> NoReturn:
    """Raise the error of a file that kit does not read, with its format.

    Raises:
        ImageError: Always raised.
    """
    if not data:
        raise ImageError("empty file (0 bytes)")
    if data.startswith(b"version https://git-lfs"):
        raise ImageError("a Git LFS pointer, not the image; fetch it with 'git lfs pull'")
    if not data.strip(b"\0"):
        raise ImageError(f"not an image ({len(data):,} bytes, all zero)")
    if data.startswith(b"\xff\xd8"):
        raise damaged("JPEG", "no marker follows its first one")
    if data.endswith(b"TRUEVISION-XFILE.\0"):
        raise ImageError(f"a TGA; {_ADVICE}")
    if found := _foreign(data[:_HEAD]):
        raise ImageError(f"{found}; {_ADVICE}")
    raise ImageError(f"not an image (begins with {data[:_SHOWN]!r}{', text' if _is_text(data[:_HEAD]) else ''})")


def _foreign(head: bytes) -> str | None:
    for (offset, signature), name in _FOREIGN.items():
        if head.startswith(signature, offset):
            return name
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<html", b"<!doctype html")):
        return "a web page"
    if b"<svg" in start:
        return "an SVG drawing"
    return None


def _is_text(head: bytes) -> bool:
    return all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head)  # noqa: PLR2004 (printable ASCII)
