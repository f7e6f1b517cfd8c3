"""TFRecord files: each record framed by its length and two masked CRC-32C checksums.

The format is that of tensorflow/core/lib/io/record_writer.h; google-crc32c computes the checksum in hardware.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import google_crc32c
from xxhash import xxh3_128

from kit.errors import CorruptRecordError

_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_HEADER_BYTES = _LENGTH.size + _CHECKSUM.size
_MASK_DELTA = 0xA282EAD8


class TFRecordWriter:
    """Writes records to a file, and counts and hashes its bytes.

    Args:
        path: Path of the file.
        is_new: Whether the path must not exist yet, not even as a link.

    Attributes:
        records: Records written so far.
        bytes: Bytes written so far, framing included.
    """

    def __init__(self, path: Path, *, is_new: bool = False) -> None:
        self._file = path.open("xb" if is_new else "wb", buffering=0)
        self._digest = xxh3_128()
        self.records = 0
        self.bytes = 0

    def write(self, *parts: bytes) -> None:
        """Append one record, given as one or several parts, which are written without being joined."""
        length = _LENGTH.pack(sum(map(len, parts)))
        crc = 0
        for part in parts:
            crc = google_crc32c.extend(crc, part)
        framed = (length + _masked(google_crc32c.value(length)), *parts, _masked(crc))
        for piece in framed:
            self._digest.update(piece)
        size = sum(map(len, framed))
        self._write_all(framed, size)
        self.records += 1
        self.bytes += size

    def _write_all(self, pieces: Sequence[bytes], size: int) -> None:
        done = os.writev(self._file.fileno(), pieces)
        if done < size:  # the disk is filling up: the next write succeeds or raises
            rest = memoryview(b"".join(pieces))[done:]
            while rest:
                rest = rest[os.write(self._file.fileno(), rest) :]

    @property
    def xxh128(self) -> str:
        """Hash of the bytes written so far; hexadecimal."""
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the records of a file, after checking both checksums of each.

    Raises:
        CorruptRecordError: A record is damaged; the message gives its index and byte offset.
    """
    end = path.stat().st_size
    with path.open("rb") as file:
        index = offset = 0
        while header := file.read(_HEADER_BYTES):
            length = _length(header)
            fits = length is not None and offset + _HEADER_BYTES + length + _CHECKSUM.size <= end
            body = file.read(length + _CHECKSUM.size) if length is not None and fits else b""
            record = body[:length]
            if not fits or body[length:] != _masked_crc(record):
                raise CorruptRecordError(_where(path, index, offset))
            yield record
            index += 1
            offset += _HEADER_BYTES + len(body)


def record_spans(path: Path) -> Iterator[tuple[int, int]]:
    """Yield the offset and the size of each record, including its framing, without reading its data.

    Raises:
        CorruptRecordError: The length of a record is damaged.
    """
    end = path.stat().st_size
    with path.open("rb") as file:
        index = offset = 0
        while header := file.read(_HEADER_BYTES):
            length = _length(header)
            size = _HEADER_BYTES + (length or 0) + _CHECKSUM.size
            if length is None or offset + size > end:
                raise CorruptRecordError(_where(path, index, offset))
            yield offset, size
            index += 1
            offset += size
            file.seek(offset)


def record_views(path: Path) -> Iterator[memoryview]:
    """Yield the records of a file in memory that is mapped to it: bytes that nobody looks at are not read.

    The checksums of their data are not checked.

    Raises:
        CorruptRecordError: The length of a record is damaged.
    """
    with path.open("rb") as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    for offset, size in record_spans(path):
        yield data[offset + _HEADER_BYTES : offset + size - _CHECKSUM.size]


def _length(header: bytes) -> int | None:
    """Read a record's length; None if its checksum does not match."""
    length = header[: _LENGTH.size]
    return int(_LENGTH.unpack(length)[0]) if header[_LENGTH.size :] == _masked_crc(length) else None


def _masked_crc(data: bytes) -> bytes:
    return _masked(google_crc32c.value(data))


def _masked(crc: int) -> bytes:
    return _CHECKSUM.pack(((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF)


def _where(path: Path, index: int, offset: int) -> str:
    return f"{path}: record {index} at byte {offset} is damaged or cut short"
