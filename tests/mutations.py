"""Changes of a file that kit wrote: every field, every line and cuts, found by walking it, so that none is listed."""

from __future__ import annotations

import copy
import csv
import io
import json
from collections.abc import Iterator
from typing import Any

Mutation = tuple[str, bytes]  # what was changed, and the changed file

_OTHERS: tuple[Any, ...] = (None, "", "../../x", "x", -1, 1.5, 10**30, True, False, [], {}, ["x"], {"x": 1})


def json_mutations(data: bytes) -> Iterator[Mutation]:
    """Change every value of a JSON file to others, take it away, rename it, and cut and spoil the text."""
    told = json.loads(data)
    for place in [*_places(told)][1:]:
        for value in _OTHERS:
            if value != _at(told, place):
                yield f"{place} = {value!r}", _dumped(_changed(told, place, value))
        value = _at(told, place)
        if isinstance(value, (int, str)):
            yield f"{place} a little", _dumped(_changed(told, place, value + type(value)(1)))
        yield f"{place} away", _dumped(_without(told, place))
        if isinstance(place[-1], str):
            for name in (place[-1][:-1], place[-1].upper() + "x", "../" + place[-1]):
                yield f"{place} called {name}", _dumped(_changed(_without(told, place), (*place[:-1], name), value))
    yield from _cuts(data)


def csv_mutations(data: bytes) -> Iterator[Mutation]:
    """Change every cell of a CSV, its header included, and cut, repeat, lose, swap and spoil its lines."""
    rows = list(csv.reader(io.StringIO(data.decode())))
    for row, cells in enumerate(rows):
        for column, text in enumerate(cells):
            for other in {"", text[:-1], f"{text}1", "x", '"', f'"{text}', "\u202e", "-1"} - {text}:
                yield f"cell {row}, {column} = {other!r}", _written(_changed(rows, (row, column), other))
        for column in range(len(cells)):
            yield f"cell {row}, {column} away", _written(_without(rows, (row, column)))
            yield (
                f"cell {row}, {column} twice",
                _written([*rows[:row], [*cells[: column + 1], *cells[column:]], *rows[row + 1 :]]),
            )
    lines = data.splitlines(keepends=True)
    for number, line in enumerate(lines):
        begin, end = lines[:number], lines[number + 1 :]
        yield f"line {number} away", b"".join(begin + end)
        yield f"line {number} twice", b"".join([*begin, line, line, *end])
        for garbage in (b"garbage\n", b"\xff\xfe\n", b"\0\0\0\n", b'"\n', b'"garbage\n', b",,,\n", b"<<<<<<< HEAD\n"):
            yield f"line {number} = {garbage!r}", b"".join([*begin, garbage, *end])
            yield f"before line {number}: {garbage!r}", b"".join([*begin, garbage, line, *end])
        for cut in range(0, len(line), 7):
            yield f"line {number} cut at {cut}", b"".join([*begin, line[:cut] + b"\n", *end])
            yield f"line {number} joined at {cut}", b"".join([*begin, line[:cut], *end])
            yield f"quote in line {number} at {cut}", b"".join([*begin, line[:cut], b'"', line[cut:], *end])
    yield from _cuts(data)


def byte_mutations(data: bytes) -> Iterator[Mutation]:
    """Change a byte in many places, and cut and spoil the rest."""
    for place in range(0, len(data), max(1, len(data) // 200)):
        yield f"byte {place}", data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
    yield from _cuts(data)


def mutations_of(name: str, data: bytes) -> Iterator[Mutation]:
    """Change a file as its ending asks."""
    kinds = {".json": json_mutations, ".csv": csv_mutations}
    yield from kinds.get(name[name.rfind(".") :], byte_mutations)(data)


def _cuts(data: bytes) -> Iterator[Mutation]:
    for cut in range(0, len(data), 11):
        yield f"cut at {cut}", data[:cut]
        yield f"zeros from {cut}", data[:cut] + bytes(len(data) - cut)


def _places(told: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield before
    steps = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for name, value in steps:
        yield from _places(value, (*before, name))


def _at(told: Any, place: tuple[Any, ...]) -> Any:
    for name in place:
        told = told[name]
    return told


def _changed(told: Any, place: tuple[Any, ...], value: object) -> Any:
    told = copy.deepcopy(told)
    _at(told, place[:-1])[place[-1]] = value
    return told


def _without(told: Any, place: tuple[Any, ...]) -> Any:
    told = copy.deepcopy(told)
    del _at(told, place[:-1])[place[-1]]
    return told


def _dumped(told: Any) -> bytes:
    return json.dumps(told, indent=2).encode()


def _written(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
