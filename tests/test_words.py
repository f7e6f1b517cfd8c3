"""Docstrings and help texts are written so that a reader of one line understands it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "kit").rglob("*.py"))
SECTION = re.compile(
    r"^ *(Args|Attributes):\n(.*?)(?=^ *(?:Returns|Raises|Yields|Args|Attributes|Example)s?:\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
# Words that make a description a piece of a sentence whose beginning is elsewhere.
FRAGMENT = re.compile(
    r"(of|that|what|whose|which|where|whatever|by|from|to|in|on|with|for|as|at|it|its|see|sees|likewise|same|"
    r"is|are|was|were|has|have|how|when|who|why|if|between|beside|below|above|before|after|until|instead)\b",
    re.IGNORECASE,
)
NOUN_PHRASE = re.compile(r"[A-Z0-9\"'`{\[(.~-]")


def descriptions(module: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line, name and text of every described argument and attribute of a module."""
    for node in ast.walk(ast.parse(module.read_text())):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for section in SECTION.finditer(ast.get_docstring(node) or ""):
            for entry in re.finditer(r"^ {4}(\*{0,2}\w+)(?: \([^)]*\))?: (.*)", section[2], re.MULTILINE):
                line = node.body[0].lineno if node.body else 1
                yield line, entry[1], entry[2]


def helps(module: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of the help of every option and argument of a command."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"typer.Option", "typer.Argument"}:
            for keyword in node.keywords:
                if keyword.arg == "help" and isinstance(keyword.value, ast.Constant):
                    yield keyword.value.lineno, str(keyword.value.value)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT / "kit")))
def test_every_description_begins_with_a_noun_phrase_that_stands_alone(module: Path) -> None:
    fragments = [
        f"{line} {name}: {text}"
        for line, name, text in descriptions(module)
        if FRAGMENT.match(text) or not NOUN_PHRASE.match(text)
    ]
    fragments += [f"{line} help: {text}" for line, text in helps(module) if FRAGMENT.match(text)]
    assert [] == fragments
