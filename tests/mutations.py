"""Every small change of a JSON document or a table: what a damaged disk, a merge or a stranger could do to it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]


def mutate_json(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield a name and a changed copy for every value of a document, however deep; new fields are met by themselves."""
    for path, value in _walk(document):
        for name, changed in _changes(value):
            yield f"{'.'.join(map(str, path))}: {name}", _with(document, path, changed)
        if path:
            yield f"{'.'.join(map(str, path))}: missing", _without(document, path)


def mutate_lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield a name and a changed copy for every line and every cell of a table with commas."""
    lines = text.splitlines(keepends=True)
    for place, line in enumerate(lines):
        before, after = lines[:place], lines[place + 1 :]
        yield f"line {place}: missing", "".join([*before, *after])
        yield f"line {place}: twice", "".join([*before, line, line, *after])
        yield f"line {place}: cut", "".join([*before, line[: len(line) // 2]])
        yield f"line {place}: garbage", "".join([*before, "\x00\xff,;\n", *after])
        cells = line.rstrip("\n").split(",")
        for number, cell in enumerate(cells):
            for name, changed in _changes(cell):
                swapped = ",".join([*cells[:number], str(changed), *cells[number + 1 :]])
                yield f"line {place}, cell {number}: {name}", "".join([*before, f"{swapped}\n", *after])


def _walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from _walk(one, (*path, key))


def _changes(value: Any) -> Iterator[tuple[str, Any]]:
    match value:
        case bool():
            yield "turned over", not value
        case int() | float():
            yield "one more", value + 1
            yield "negative", -value - 1
        case str():
            yield "longer", f"{value}x"
            yield "empty" if value else "filled", "" if value else "x"
            if _is_number(value):
                yield "another number", str(float(value) + 0.125)
        case None:
            yield "filled", 1
        case list():
            yield "empty" if value else "filled", [] if value else [0]
            if value:
                yield "first twice", [value[0], *value]
            if value != value[::-1]:
                yield "reversed", value[::-1]
        case dict():
            yield "with one more", {**value, "strange": 1}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _with(document: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(document)
    _parent(changed, path)[path[-1]] = value
    return changed


def _without(document: Any, path: Path) -> Any:
    changed = copy.deepcopy(document)
    del _parent(changed, path)[path[-1]]
    return changed


def _parent(document: Any, path: Path) -> Any:
    for step in path[:-1]:
        document = document[step]
    return document
