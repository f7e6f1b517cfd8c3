"""TFRecord files: each record framed by its length and two masked CRC-32C checksums.

The format is that of tensorflow/core/lib/io/record_writer.h; google-crc32c computes the checksum in hardware.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import google_crc32c

from kit.errors import CorruptRecordError

_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_HEADER_BYTES = _LENGTH.size + _CHECKSUM.size
_MASK_DELTA = 0xA282EAD8
_BUFFER = 1 << 20  # 1 MiB: some thirty 96x96 images a system call


class TFRecordWriter:
    """Appends records to a file, counting and hashing what it writes.

    Attributes:
        records: written so far.
        bytes: written so far, framing included.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=_BUFFER)
        self._digest = hashlib.sha256()
        self.records = 0
        self.bytes = 0

    def write(self, record: bytes) -> None:
        """Append one record."""
        length = _LENGTH.pack(len(record))
        framed = b"".join((length, _masked_crc(length), record, _masked_crc(record)))
        self._file.write(framed)
        self._digest.update(framed)
        self.records += 1
        self.bytes += len(framed)

    @property
    def sha256(self) -> str:
        """Hash of everything written so far; hexadecimal."""
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
    """Yield the records of a file, checking both checksums of each.

    Raises:
        CorruptRecordError: with the record's index and byte offset.
    """
    with path.open("rb") as file:
        index = offset = 0
        while header := file.read(_HEADER_BYTES):
            length_bytes = header[: _LENGTH.size]
            if header[_LENGTH.size :] != _masked_crc(length_bytes):
                raise CorruptRecordError(_where(path, index, offset))
            (length,) = _LENGTH.unpack(length_bytes)
            body = file.read(length + _CHECKSUM.size)
            record = body[:length]
            if body[length:] != _masked_crc(record):
                raise CorruptRecordError(_where(path, index, offset))
            yield record
            index += 1
            offset += _HEADER_BYTES + len(body)


def record_spans(path: Path) -> Iterator[tuple[int, int]]:
    """Yield the offset and the size of each record, framing included, without reading what it holds.

    Raises:
        CorruptRecordError: a length that was not written.
    """
    end = path.stat().st_size
    with path.open("rb") as file:
        index = offset = 0
        while header := file.read(_HEADER_BYTES):
            length_bytes = header[: _LENGTH.size]
            if header[_LENGTH.size :] != _masked_crc(length_bytes):
                raise CorruptRecordError(_where(path, index, offset))
            size = _HEADER_BYTES + int(_LENGTH.unpack(length_bytes)[0]) + _CHECKSUM.size
            if offset + size > end:
                raise CorruptRecordError(_where(path, index, offset))
            yield offset, size
            index += 1
            offset += size
            file.seek(offset)


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return _CHECKSUM.pack(((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF)


def _where(path: Path, index: int, offset: int) -> str:
    return f"{path}: record {index} at byte {offset} is damaged or cut short"
