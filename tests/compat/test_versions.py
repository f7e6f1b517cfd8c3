"""Only kit.compat asks for the version of Keras or TensorFlow, or looks whether Keras has something."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import kit

ROOM = Path(kit.__file__).parent
FILES = [path for path in sorted(ROOM.rglob("*.py")) if path.relative_to(ROOM).parts[0] != "compat"]
KERAS = {"keras", "tf", "tensorflow"}
PROBES = {"hasattr": 2, "getattr": 3}  # numbers of arguments: without a default, getattr only takes a thing by its name
INSTALLED = {"metadata.version", "importlib.metadata.version"}
RECORDED = {("training/devices.py", "tf.__version__")}  # environment.json


def versions(tree: ast.AST) -> Iterator[str]:
    """Yield the places of a file where it asks for a version, or probes Keras."""
    yield from (ast.unparse(node) for node in ast.walk(tree) if _asks(node))


def _asks(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in {"__version__", "version"} and _root(node) in KERAS
    if isinstance(node, ast.Name | ast.alias):
        return "IS_KERAS_3" in ast.unparse(node)
    if not isinstance(node, ast.Call) or not node.args:
        return False
    called, first = ast.unparse(node.func), node.args[0]
    return (PROBES.get(called) == len(node.args) and _root(first) in KERAS) or (
        called in INSTALLED and ast.unparse(first).strip("'") in KERAS
    )


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def test_no_other_file_asks_for_a_version() -> None:
    found = {
        (path.relative_to(ROOM).as_posix(), place)
        for path in FILES
        for place in versions(ast.parse(path.read_text(encoding="utf-8")))
    }

    assert RECORDED == found


@pytest.mark.parametrize(
    "code",
    [
        "keras.version()",
        "if keras.__version__ < '3': pass",
        "hasattr(keras, 'ops')",
        "getattr(keras.optimizers, 'legacy', None)",
        "tf.__version__ >= '2.16'",
        "metadata.version('keras')",
        "from kit.compat.lane import IS_KERAS_3",
        "IS_KERAS_3",
    ],
)
def test_what_asks_for_a_version_is_found(code: str) -> None:
    assert list(versions(ast.parse(code)))
