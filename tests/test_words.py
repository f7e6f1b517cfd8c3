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
RESULT = re.compile(
    r"^ *(Returns|Yields):\n(.*?)(?=^ *(?:Raises|Args|Attributes|Example)s?:\n|\Z)", re.MULTILINE | re.DOTALL
)
ERRORS = re.compile(r"^ *(Raises):\n(.*?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
# Rooms with checked prose, and the plain words for odd ones.
ROOMS = ("ablation", "benchmark", "cli", "comparison", "exports", "kaggle", "reports", "submission")
ODD = {
    r"Listener that sees": "Receiver of",
    r"\bcomes to\b|before came to": "the result, the score",
    r"[Ll]ay out|[Ll]ays out": "build, tabulate",
    r"[Ss]ay (how|what|which|whether|why|in a line)\b": "describe, report",
    r"[Tt]ell whether": "whether",
    r"\AGive": "return",
    r"stands there|stand there": "exists",
    r"\bhas not\b(?! been)|\bhave not\b(?! been)": "lacks",
    r"no run learned from|did not learn from it": "was not trained on",
    r"flatters": "is optimistic",
    r"nobody knows": "unknown",
    r"likewise": "in the same way",
    r"[Oo]ne a core|a row an? \w+|a line an? \w+": "one per",
    r"\bmend(ed)?\b": "fix",
    r"goes? on with\b|gone on with": "resume",
    r"that cannot be\.": "invalid",
}
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


def docstrings(module: Path) -> Iterator[str]:
    """Yield every docstring of a module."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def entries(docstring: str) -> Iterator[str]:
    """Yield the text of each result and of each error of a docstring."""
    for section in RESULT.finditer(docstring):
        yield section[2].strip()
    for section in ERRORS.finditer(docstring):
        yield from re.findall(r"^ {4}\w+: (.*)", section[2], re.MULTILINE)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT / "kit")))
def test_every_description_begins_with_a_noun_phrase_that_stands_alone(module: Path) -> None:
    fragments = [
        f"{line} {name}: {text}"
        for line, name, text in descriptions(module)
        if FRAGMENT.match(text) or not NOUN_PHRASE.match(text)
    ]
    fragments += [f"{line} help: {text}" for line, text in helps(module) if FRAGMENT.match(text)]
    assert [] == fragments


@pytest.mark.parametrize("room", ROOMS)
def test_results_and_errors_are_described_by_sentences_with_a_capital(room: str) -> None:
    small = []
    for module in sorted((ROOT / "kit" / room).rglob("*.py")):
        for docstring in docstrings(module):
            small += [f"{module.name}: {text}" for text in entries(docstring) if text[:1].islower()]

    assert [] == small


@pytest.mark.parametrize("room", ROOMS)
def test_docstrings_use_the_plain_word(room: str) -> None:
    odd = [
        f"{module.name}: '{found[0]}' (plainer: {plain}) in: {docstring.splitlines()[0]}"
        for module in sorted((ROOT / "kit" / room).rglob("*.py"))
        for docstring in docstrings(module)
        for word, plain in ODD.items()
        if (found := re.search(word, docstring))
    ]

    assert [] == odd
