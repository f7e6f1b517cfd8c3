"""Image file directories (IFDs) of a TIFF: one a page, each a list of tags.

Read with struct, because a general reader takes thirty times as long as decoding a small image, and because the
file's claims are checked here before a decoder relies on them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from kit.images.image_error import ImageError, damaged

MAX_TAGS = 4096  # a directory with more is damaged
_PUBLIC = 0x8000  # tags below are TIFF's own; above are those of cameras and microscopes, often with stale pointers
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_LETTERS = {
    1: "B",
    7: "B",
    3: "H",
    4: "I",
    6: "b",
    8: "h",
    9: "i",
    13: "I",
    16: "Q",
    17: "q",
    18: "Q",
}  # integers, and untyped bytes


@dataclass(frozen=True, slots=True, eq=False)  # only four instances: hashed by identity
class Layout:
    """Number formats of one of TIFF's four dialects.

    Attributes:
        order: Byte order, "<" or ">".
        start: Position of the first directory's offset, bytes.
        count: Struct of the count of a directory's tags.
        entry: Struct of a tag.
        offset: Struct of the offset of the next directory, or of a value.
    """

    order: str
    start: int
    count: struct.Struct
    entry: struct.Struct
    offset: struct.Struct


def _layout(order: str, start: int, count: str, entry: str, offset: str) -> Layout:
    return Layout(order, start, *(struct.Struct(order + letters) for letters in (count, entry, offset)))


LAYOUTS = {
    b"II*\0": _layout("<", 4, "H", "HHI4s", "I"),
    b"MM\0*": _layout(">", 4, "H", "HHI4s", "I"),
    b"II+\0": _layout("<", 8, "Q", "HHQ8s", "Q"),
    b"MM\0+": _layout(">", 8, "Q", "HHQ8s", "Q"),
}


class _Block(NamedTuple):
    """Tags of a directory, parsed from its own bytes.

    Attributes:
        inline: Integers stored in the directory, by tag.
        distant: Type, count and offset of values stored outside the directory, by tag.
        reach: Largest end of the values of TIFF's own tags, bytes.
    """

    inline: dict[int, tuple[int, ...]]
    distant: dict[int, tuple[int, int, int]]
    reach: int


@lru_cache(maxsize=256)  # files of one program have equal directories
def _read_block(layout: Layout, block: bytes) -> _Block:
    found = _Block({}, {}, 0)
    reach = 0
    for tag, kind, count, value in layout.entry.iter_unpack(block):
        if tag in found.inline or tag in found.distant:  # the first one is used
            continue
        size = count * _SIZES.get(kind, 1)
        if size > layout.offset.size:
            (offset,) = layout.offset.unpack(value)
            found.distant[tag] = kind, count, offset
            reach = max(reach, offset + size if tag < _PUBLIC else 0)
        else:
            letters = f"{layout.order}{count}{_LETTERS[kind]}" if kind in _LETTERS else ""
            found.inline[tag] = struct.unpack_from(letters, value)
    return found._replace(reach=reach)


class Directory:
    """Tags of one page.

    Attributes:
        start: Offset of the directory in the file, bytes.
        end: Position of the next directory's offset, bytes.
    """

    __slots__ = ("_block", "_data", "_layout", "end", "start")

    def __init__(self, data: bytes, layout: Layout, start: int) -> None:
        self.start = start
        self._data, self._layout = data, layout
        try:
            (tags,) = layout.count.unpack_from(data, start)
        except (struct.error, OverflowError):
            raise damaged("TIFF", "its list of tags lies beyond the end") from None
        if not 0 < tags <= MAX_TAGS:
            raise damaged("TIFF", f"claims {tags:,} tags")
        first = start + layout.count.size
        self.end = first + tags * layout.entry.size
        if self.end > len(data):
            raise damaged("TIFF", "it ends within its list of tags")
        self._block = _read_block(layout, data[first : self.end])
        if self._block.reach > len(data):
            raise damaged("TIFF", f"its tags reach to byte {self._block.reach:,}, the file to {len(data):,}")

    def __contains__(self, tag: int) -> bool:
        """Return whether the page has a tag."""
        return tag in self._block.inline or tag in self._block.distant

    def number(self, tag: int, default: int) -> int:
        """Return the first of a tag's integers."""
        values = self._block.inline.get(tag)
        if values is None and tag in self._block.distant:
            values = self.numbers(tag)
        return values[0] if values else default

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return a tag's integers; empty if the tag is missing, or holds no integers."""
        block = self._block
        if tag in block.inline:
            return block.inline[tag]
        kind, count, offset = block.distant.get(tag, (0, 0, 0))
        if kind not in _LETTERS:
            return ()
        if offset + count * _SIZES[kind] > len(self._data):
            raise damaged("TIFF")
        return struct.unpack_from(f"{self._layout.order}{count}{_LETTERS[kind]}", self._data, offset)


def find_page(data: bytes, page: int) -> Directory:
    """Read the directory of page `page`, counted from 0.

    Raises:
        ImageError: There are fewer pages, or one up to it is damaged.
    """
    layout = LAYOUTS[data[:4]]
    for number, start in enumerate(_places(data)):
        if number == page:
            return Directory(data, layout, start)
    found = count_pages(data)
    if not found:
        raise damaged("TIFF", "it has no page")
    raise ImageError(f"has {found} page{'s' if found > 1 else ''}, counted from 0; there is no page {page}")


def count_pages(data: bytes) -> int:
    """Count the pages that can be reached; a cycle is followed once."""
    return sum(1 for _ in _places(data))


def _places(data: bytes) -> Iterator[int]:
    """Yield the offsets of the directories, up to the last one, a cycle, or an offset beyond the file."""
    layout = LAYOUTS[data[:4]]
    seen: set[int] = set()
    where = layout.start
    while True:
        try:
            (start,) = layout.offset.unpack_from(data, where)
            (tags,) = layout.count.unpack_from(data, start)
        except (struct.error, OverflowError):
            return
        if not start or start in seen:
            return
        seen.add(start)
        yield start
        where = start + layout.count.size + tags * layout.entry.size
