"""A new kind of target is one new file: what differs by kind is asked of the target, never of its kind."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.targets import TARGETS

ROOT = Path(__file__).parents[2] / "kit"
MODULES = [path for path in sorted(ROOT.rglob("*.py")) if path.parent.name not in {"targets", "cells"}]
NAMES = {kind.__name__ for kind in TARGETS.values()}
ALLOWED = {
    "evaluation/registry.py": "finds the measures of each kind",
    "reports/evaluations/__init__.py": "finds the report of each kind",
}


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _is_kind(node: ast.AST) -> bool:
    """Whether an expression is `target.kind()`."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "kind"


def _is_type(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type"


def _is_literal(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant | ast.Tuple | ast.List | ast.Set | ast.Dict)


def asked(source: str) -> Iterator[str]:
    """Yield the expressions that ask which kind a target is."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, kinds]) if _names(kinds) & NAMES:
                yield ast.unparse(node)
            case ast.Compare(left=left, comparators=others):
                sides = [left, *others]
                is_kind, is_type = any(map(_is_kind, sides)), any(map(_is_type, sides))
                if (is_kind and any(map(_is_literal, sides))) or (is_type and _names(node) & NAMES):
                    yield ast.unparse(node)
            case ast.Subscript(slice=key) if _is_kind(key):
                yield ast.unparse(node)
            case ast.MatchClass(cls=kind) if _names(kind) & NAMES:
                yield ast.unparse(node)
            case ast.Match(subject=subject) if _is_kind(subject):
                yield ast.unparse(subject)


def test_no_module_asks_which_kind_a_target_is() -> None:
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in MODULES}
    found = {
        name: list(asked(text)) for name, text in texts.items() if any(word in text for word in ("kind()", *NAMES))
    }

    assert {} == {name: kinds for name, kinds in found.items() if kinds and name not in ALLOWED}


@pytest.mark.parametrize(
    "source",
    [
        "isinstance(target, Classes)",
        "isinstance(target, Classes | Grades)",
        "isinstance(target, (Tags, Values))",
        "target.kind() == 'classes'",
        "'tags' != scores.target.kind()",
        "target.kind() in {'classes', 'grades'}",
        "type(target) is Values",
        "{'classes': 1}[target.kind()]",
        "match target:\n    case Tags(names=names):\n        pass",
        "match target.kind():\n    case 'tags':\n        pass",
    ],
)
def test_asking_for_a_kind_is_found(source: str) -> None:
    assert list(asked(source))


@pytest.mark.parametrize(
    "source",
    ["isinstance(node, Label)", "was.kind() == now.kind()", "Classes(names=names)", "f'{target.kind()} of'"],
)
def test_other_expressions_ask_for_no_kind(source: str) -> None:
    assert [] == list(asked(source))
