"""Docstrings and help texts are written so that a reader of one line understands it."""

from __future__ import annotations

import ast
import collections
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
ROOMS = sorted({path.parent.name for path in (ROOT / "kit").glob("*/*.py")})
ODD = {
    r"Listener that sees": "Receiver of",
    r"\bcomes to\b|before came to": "the result, the score",
    r"[Ll]ay out|[Ll]ays out": "build, tabulate",
    r"[Tt]ell whether": "whether",
    r"stands there|stand there": "exists",
    r"learn(s|ed)? from\b": "trained on",
    r"flatters": "is optimistic",
    r"nobody knows": "unknown",
    r"likewise": "in the same way",
    r"[Oo]ne a core|a row an? \w+|a line an? \w+": "one per",
    r"\bmend(ed)?\b": "fix",
    r"goes? on with\b|gone on with": "resume",
    r"that cannot be\.": "invalid",
}
ODD_IN_DOCSTRINGS = {  # right in messages, such as "give --name" and "you have not joined"
    r"[Ss]ay (how|what|which|whether|why|in a line)\b": "describe, report",
    r"\AGive": "return",
    r"\bhas not\b(?! (been|improved))|\bhave not\b(?! been)": "lacks",
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
        for word, plain in {**ODD, **ODD_IN_DOCSTRINGS}.items()
        if (found := re.search(word, docstring))
    ]

    assert [] == odd


def test_messages_use_the_plain_word() -> None:
    odd = [
        f"{module.relative_to(ROOT)} {line}: '{found[0]}' (plainer: {plain}) in: {text}"
        for module in MODULES
        for line, text in texts(ast.parse(module.read_text()))
        for word, plain in ODD.items()
        if (found := re.search(word, text))
    ]

    assert [] == odd


SHOWN = {"cli", "reports"}  # rooms of modules that are called after what they call or draw
ONE_CONCEPT = {  # names of modules in several other rooms: each is the room's part of one thing
    "addons": "names of TensorFlow Addons",
    "classes": "a kind of target",
    "find": "lookup by name",
    "grades": "a kind of target",
    "labels": "labels as records hold them, and as networks are trained on them",
    "losses": "their names, and what is made of them",
    "optimizers": "their names, and what is made of them",
    "registry": "lookup of the functions that measure",
    "shard": "the call, and its settings",
    "tags": "a kind of target",
    "train": "the call, and its settings",
    "values": "a kind of target",
}


def test_a_class_name_is_used_for_one_thing() -> None:
    classes = collections.Counter(
        node.name
        for module in MODULES
        for node in ast.parse(module.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )

    assert [] == [name for name, count in classes.items() if count > 1]


def test_a_module_name_is_used_for_one_thing() -> None:
    paths = [module.relative_to(ROOT / "kit") for module in MODULES if module.stem not in {"__init__", "__main__"}]
    names = collections.Counter(path.stem for path in paths if path.parts[0] not in SHOWN)

    assert {*ONE_CONCEPT} == {name for name, count in names.items() if count > 1}


OPTION = re.compile(r"(?<![\w-])(?:--[a-z{]|-[a-z]\b(?!-))")
COMMAND = re.compile(r"\bkit [a-z]+(?: (?:\{\}|-{1,2}[a-z-]+|[A-Z]+))+")  # printed whole, for a shell
FOR_A_SHELL = {  # modules that write commands, piece by piece, or are drawn by a command alone
    "conversion/shard_command.py": "kit shard",
    "engines/cluster_address.py": "ray start",
    "engines/part.py": "sbatch",
    "engines/ray.py": "ray start",
    "engines/ray_connection.py": "ray start",
    "kaggle/shard_suggestion.py": "kit shard, after kit fetch",
    "reports/audit.py": "kit shard, after kit audit",
    "reports/parts.py": "the command that joins parts",
    "reports/speeds.py": "advice of kit bench",
    "submission/blend.py": "kit blend, in the side file of its CSV",
    "submission/origin.py": "the same, and kit predict",
    "submission/predict.py": "kit predict, in the side file of its CSV",
    "training/recipe_data.py": "kit shard, and kit train after it",
    "workspace.py": "any command, in another workspace",
}


def texts(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and words of every text but docstrings and what `option` and `worded` write in two ways."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {"option", "worded", "re.compile"}:
        return
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
        yield node.lineno, "".join(map(str, parts))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value
    for child in ast.iter_child_nodes(node):
        is_docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        is_piece = isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)
        if not is_docstring and not is_piece:
            yield from texts(child)


def options_named(source: str) -> list[str]:
    """List the texts that name an option as a shell does, but those in whole commands."""
    return [f"{line} {text}" for line, text in texts(ast.parse(source)) if OPTION.search(COMMAND.sub("", text))]


def test_a_call_is_answered_in_the_words_of_python() -> None:
    modules = {str(path.relative_to(ROOT / "kit")): path for path in MODULES}
    named = {name: options_named(path.read_text()) for name, path in modules.items() if not name.startswith("cli/")}

    assert {} == {name: found for name, found in named.items() if found and name not in FOR_A_SHELL}
    assert [] == [name for name in FOR_A_SHELL if not named[name]]


@pytest.mark.parametrize(
    ("source", "is_named"),
    [
        ('require(True, "give --force")', True),
        ('raise SpecError(f"{name}; choose another -o")', True),
        ('path = f"--{name}"', True),
        ('raise SpecError(f\'give {option("force", True)}: {worded("--oof once", "oof=")}\')', False),
        ('raise SpecError("has none; run kit train --folds again")', False),
        ('def call():\n    """Take what `--json` prints."""', False),
        ('raise SpecError("a well-known - and rare - case")', False),
    ],
)
def test_an_option_in_a_message_is_found(source: str, is_named: bool) -> None:
    assert bool(options_named(source)) is is_named
