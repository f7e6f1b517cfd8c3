from __future__ import annotations

import re
import struct
from pathlib import Path

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_128_hexdigest

from kit.datasets.tfrecord import TFRecordWriter, read_records, record_spans
from kit.errors import CorruptRecordError

RECORDS = st.lists(st.binary(max_size=40), min_size=1, max_size=6)
FRAME_BYTES = 8 + 4 + 4  # length, its checksum, the record's checksum


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file that each case of a property overwrites."""
    return tmp_path_factory.mktemp("tfrecord") / "train-00000-of-00001.tfrecord"


def _write(path: Path, records: list[bytes]) -> TFRecordWriter:
    with TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)
    return writer


def _frame(records: list[bytes], place: int) -> tuple[int, int]:
    """Return index and offset of the record with the byte at `place` in its frame."""
    offset = 0
    for index, record in enumerate(records):
        end = offset + FRAME_BYTES + len(record)
        if place < end:
            return index, offset
        offset = end
    raise ValueError(place)


def _crc32c(data: bytes) -> int:
    """Castagnoli's checksum, bit by bit (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    """Rotate right by 15 bits and add a constant (tensorflow/core/lib/hash/crc32c.h)."""
    crc = _crc32c(data)
    return ((((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF).to_bytes(4, "little")


@given(RECORDS)
def test_records_come_back(path: Path, records: list[bytes]) -> None:
    _write(path, records)

    assert records == list(read_records(path))


@given(RECORDS)
def test_writer_counts_and_hashes_what_is_in_the_file(path: Path, records: list[bytes]) -> None:
    writer = _write(path, records)
    data = path.read_bytes()

    assert len(records) == writer.records
    assert len(data) == writer.bytes
    assert xxh3_128_hexdigest(data) == writer.xxh128


@given(RECORDS)
def test_bytes_are_length_checksum_record_checksum(path: Path, records: list[bytes]) -> None:
    _write(path, records)
    lengths = [len(record).to_bytes(8, "little") for record in records]

    assert path.read_bytes() == b"".join(
        length + _masked(length) + record + _masked(record) for length, record in zip(lengths, records, strict=True)
    )


def test_bytes_are_those_that_tensorflow_writes(path: Path) -> None:
    _write(path, [b"123456789", b""])

    # as tf.io.TFRecordWriter of TensorFlow 2.21 wrote the same two records
    assert path.read_bytes() == bytes.fromhex(
        "0900000000000000 37f97139 313233343536373839 e5b08ac7 0000000000000000 29039807 d8ea82a2"
    )


def test_checksum_of_the_test_is_the_published_one() -> None:
    assert _crc32c(b"123456789") == 0xE3069283
    assert _crc32c(bytes(32)) == 0x8A9136AA


@given(RECORDS, st.data())
def test_any_changed_byte_is_found_at_its_record(path: Path, records: list[bytes], data: st.DataObject) -> None:
    _write(path, records)
    stored = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(stored) - 1))
    stored[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(stored)
    index, offset = _frame(records, place)
    reader = read_records(path)

    assert records[:index] == [next(reader) for _ in range(index)]
    with pytest.raises(CorruptRecordError, match=f"^{re.escape(str(path))}: record {index} at byte {offset} is"):
        next(reader)


@given(RECORDS, st.data())
def test_file_cut_within_a_record_is_found_at_it(path: Path, records: list[bytes], data: st.DataObject) -> None:
    _write(path, records)
    stored = path.read_bytes()
    end = data.draw(st.integers(1, len(stored) - 1))
    path.write_bytes(stored[:end])
    index, offset = _frame(records, end)
    reader = read_records(path)

    assert records[:index] == [next(reader) for _ in range(index)]
    if end == offset:  # between two records: the manifest's number of bytes tells, not the file
        assert next(reader, None) is None
    else:
        with pytest.raises(CorruptRecordError, match=f"record {index} at byte {offset} is damaged or cut short"):
            next(reader)


@given(RECORDS, st.binary(min_size=1, max_size=30))
def test_bytes_after_the_last_record_are_found(path: Path, records: list[bytes], after: bytes) -> None:
    end = _write(path, records).bytes
    with path.open("ab") as file:
        file.write(after)

    with pytest.raises(CorruptRecordError, match=f"record {len(records)} at byte {end} is"):
        list(read_records(path))


def test_length_beyond_all_memory_is_not_believed(path: Path) -> None:
    length = (2**63).to_bytes(8, "little")
    path.write_bytes(length + bytes(4) + b"record")

    with pytest.raises(CorruptRecordError, match="record 0 at byte 0"):
        list(read_records(path))


def test_large_record_comes_back(path: Path) -> None:
    record = bytes(range(256)) * (12 << 10)  # 3 MiB, beyond the writer's buffer
    _write(path, [record, b"next"])

    assert [record, b"next"] == list(read_records(path))


@given(st.lists(st.lists(st.binary(max_size=50), min_size=1, max_size=5), max_size=5))
def test_records_in_parts_are_those_in_one_piece(path: Path, records: list[list[bytes]]) -> None:
    with TFRecordWriter(path) as parts:
        for record in records:
            parts.write(*record)
    in_parts = path.read_bytes()
    with TFRecordWriter(path) as whole:
        for record in records:
            whole.write(b"".join(record))

    assert in_parts == path.read_bytes()
    assert (parts.xxh128, parts.bytes, parts.records) == (whole.xxh128, whole.bytes, whole.records)


def test_spans_are_where_the_records_lie(path: Path) -> None:
    records = [b"first", b"", b"x" * 1000]
    with TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)
    data = path.read_bytes()

    assert records == [data[offset + 12 : offset + size - 4] for offset, size in record_spans(path)]
    path.write_bytes(data[:-1])
    with pytest.raises(CorruptRecordError, match="record 2 at byte 37 is damaged or cut short"):
        list(record_spans(path))


def test_file_without_records_has_none(path: Path) -> None:
    writer = _write(path, [])

    assert not list(read_records(path))
    assert writer.records == writer.bytes == path.stat().st_size == 0


def test_length_beyond_the_file_is_damage_and_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.tfrecord"
    length = struct.pack("<Q", 1 << 60)
    checksum = google_crc32c.value(length)
    masked = ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
    path.write_bytes(length + struct.pack("<I", masked) + bytes(100))

    with pytest.raises(CorruptRecordError, match="record 0 at byte 0"):
        next(read_records(path))
