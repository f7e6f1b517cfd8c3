"""README and docs/: links lead somewhere, commands and calls are ones that kit has, terms are explained."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from trained import write_images
from typer.main import get_command

import kit
from kit.cli.ablate import UNFINISHED
from kit.cli.app import STOPPED, app
from kit.datasets import find_dataset
from kit.errors import BusyError, NetworkError, SpecError
from kit.specs import read_recipe, read_setting

ROOT = Path(__file__).parents[1]
README, DOCS = ROOT / "README.md", ROOT / "docs"
DOCUMENTS = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
PAGES = [README, ROOT / "CHANGELOG.md", ROOT / "submissions/README.md", ROOT / "tfrecords/README.md", *DOCUMENTS]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@functools.cache
def _tokens(page: Path) -> list[Token]:
    """Parse a page, including the content of its paragraphs and cells."""
    found = MarkdownIt("commonmark").enable("table").parse(page.read_text())
    return [token for outer in found for token in (outer, *(outer.children or []))]


@functools.cache
def _anchors(page: Path) -> set[str]:
    """Make the anchors that GitHub gives to headings; the second of two equal ones ends with -1."""
    tokens = _tokens(page)
    titles = [
        "".join(part.content for part in inner.children or [])
        for opening, inner in itertools.pairwise(tokens)
        if opening.type == "heading_open"
    ]
    slugs = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
    return {
        slug if (before := slugs[:place].count(slug)) == 0 else f"{slug}-{before}" for place, slug in enumerate(slugs)
    }


def _links(page: Path) -> Iterator[str]:
    for token in _tokens(page):
        target = token.attrGet("href") or token.attrGet("src")
        if isinstance(target, str) and "://" not in target:
            yield target


def _blocks(page: Path, language: str) -> list[str]:
    return [token.content for token in _tokens(page) if token.type == "fence" and token.info == language]


def _inline(page: Path) -> list[str]:
    return [token.content for token in _tokens(page) if token.type == "code_inline"]


def _command_lines(page: Path) -> Iterator[str]:
    """Yield the commands of kit in a page's shell blocks, joined over backslashes."""
    for block in _blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.split(" && "):
                if part.startswith("kit "):
                    yield part


LINKS = [(page, link) for page in PAGES for link in _links(page)]
TEXTS = [page for page in PAGES if page.name != "CHANGELOG.md"]  # which speaks of what was, too
COMMANDS = sorted({line for page in TEXTS for line in _command_lines(page)})
MENTIONS = sorted({code for page in TEXTS for code in _inline(page) if re.match(r"kit [a-z]", code)})
CODE = sorted({code for page in TEXTS for code in (*_blocks(page, "python"), *_inline(page))})
CALLS = [code for code in CODE if re.search(r"^import |\bkit\.\w+\(", code)]


def test_the_readme_is_a_few_screens_and_keeps_its_two_commands() -> None:
    text = README.read_text()
    section = text.split("## Two commands")[1].split("\n## ")[0]

    assert len(text.splitlines()) <= 250
    assert len(text.encode()) <= 15_000
    assert "\npython3 -m venv .venv && . .venv/bin/activate && pip install . && kit demo\n" in section
    assert '\npython3 -m venv .venv && . .venv/bin/activate && pip install -e ".[dev]" && invoke test\n' in section


@pytest.mark.parametrize(("page", "link"), LINKS, ids=[f"{_name(page)}: {link}" for page, link in LINKS])
def test_link_leads_to_a_file_and_a_heading(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page

    assert target.is_file()
    assert not anchor or anchor in _anchors(target)


def test_every_page_is_on_the_map() -> None:
    listed = {(DOCS / link.partition("#")[0]).resolve() for link in _links(DOCS / "README.md")}

    assert listed == {*DOCUMENTS} - {DOCS / "README.md", DOCS / "index.md"}


def test_the_reference_shows_every_help_text_as_it_is() -> None:
    page = "\n".join(
        "".join(part.content for part in token.children or [] if part.type in {"text", "code_inline"})
        for token in _tokens(DOCS / "reference/cli.md")
        if token.type == "inline"
    )
    commands = _kit().commands.values()

    assert [] == [option.help for command in commands for option in command.params if option.help not in page]


@pytest.mark.parametrize("line", COMMANDS)
def test_command_parses(line: str) -> None:
    command, name, arguments = _found(shlex.split(line, comments=True)[1:])
    context = command.make_context(name, arguments)
    given = {option: context.params[parameter.name] for parameter in command.params for option in parameter.opts}
    recipe = given.get("--recipe") or "histopathologic-cancer"
    changes = [change.partition("=") for change in given.get("--set") or []]
    axes = [*(given.get("--vary") or []), *(given.get("axes") or [])]

    if not recipe.startswith("own.toml"):
        read_setting(recipe, {path: value for path, _, value in changes})
    for axis in axes:
        path, _, values = axis.partition("=")
        assert kit.parse_axis(path, values).path == path


@pytest.mark.parametrize("code", MENTIONS)
def test_mentioned_command_and_its_options_exist(code: str) -> None:
    command, _, arguments = _found(shlex.split(code.replace("\n", " "))[1:])
    known = {option for parameter in command.params for option in parameter.opts}

    assert {word.partition("=")[0] for word in arguments if re.match(r"--?[a-z]", word)} <= {*known, "--help"}


@pytest.mark.parametrize("code", CALLS)
def test_python_example_calls_what_kit_has(code: str) -> None:
    tree = ast.parse(code.replace("…", "..."))
    for node in ast.walk(tree):
        if _is_public(node):
            assert node.attr in kit.__all__
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call) and _is_public(node.value.func):
            assert node.attr in _attributes(getattr(kit, node.value.func.attr))
        if isinstance(node, ast.Call) and _is_public(node.func):
            keywords = {keyword.arg: ... for keyword in node.keywords if keyword.arg}
            inspect.signature(getattr(kit, node.func.attr)).bind(*node.args, **keywords)


def test_a_recipe_of_ones_own_is_read(tmp_path: Path) -> None:
    (block,) = _blocks(DOCS / "how-to/use-recipes.md", "toml")
    (tmp_path / "own.toml").write_text(block)

    assert ["narrow", "wide"] == [arm.name for arm in read_recipe(str(tmp_path / "own.toml")).arms]


@pytest.mark.parametrize("page", [page for page in PAGES if _blocks(page, "json")], ids=_name)
def test_json_examples_are_json(page: Path) -> None:
    for block in _blocks(page, "json"):
        json.loads(block)


def test_the_glossary_explains_forty_terms_once() -> None:
    text = (DOCS / "glossary.md").read_text()
    terms = re.findall(r"^- \*\*(.+?)\*\*: \S", text, re.MULTILINE)

    assert len(terms) >= 40
    assert len(terms) == len(set(terms)) == text.count("\n- ")
    assert {"record", "example", "batch", "shard", "split", "fold", "run", "arm", "ablation", "comparison"} <= {*terms}


@functools.cache
def _kit() -> Any:
    """Build the command `kit` once, for all the lines that are parsed."""
    return get_command(app)


def _found(words: list[str]) -> tuple[Any, str, list[str]]:
    """Find the command that some words begin with."""
    command = _kit()
    name = "kit"
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        if words[0] not in command.commands and name == "kit":
            pytest.fail(f"no command {words[0]}")
        if words[0] not in command.commands:
            break
        command, name, words = command.commands[words[0]], words[0], words[1:]
    return command, name, words


def _is_public(node: ast.AST) -> typing.TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "kit"


def _attributes(call: Any) -> set[str]:
    """List what a call's result has."""
    kind = typing.get_type_hints(call)["return"]
    return {*dir(kind), *getattr(kind, "__dataclass_fields__", ()), *getattr(kind, "__struct_fields__", ())}


def test_the_cluster_page_gives_kubernetes_the_exit_statuses_that_kit_has() -> None:
    page = DOCS / "how-to/run-on-a-cluster.md"
    (job,) = _blocks(page, "yaml")
    values = re.search(r"action: FailJob\n.*values: \[(.*)\]", job)
    counts = re.search(r"completions: (\d+)", job)
    assert values
    assert counts
    final = {int(status) for status in values[1].split(",")}

    assert {SpecError.exit_status, 2} == final
    assert not final & {BusyError.exit_status, NetworkError.exit_status, UNFINISHED, *STOPPED}
    assert f"--part, auto/{counts[1]}]" in job


@pytest.mark.slow
def test_the_slurm_scripts_of_the_cluster_page_shard_what_one_command_shards(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 40, ("dark", "light"))
    (tmp_path / "train").mkdir()
    names = [(path.stem, path.parent.name) for path in sorted((tmp_path / "images").rglob("*.png"))]
    for key, label in names:
        shutil.copy(tmp_path / "images" / label / f"{key}.png", tmp_path / "train")
    rows = "".join(f"{key},{label}\n" for key, label in names)
    (tmp_path / "train_labels.csv").write_text(f"id,label\n{rows}")
    (tmp_path / "kit").write_text(f'#!/bin/sh\nexec {sys.executable} -m kit "$@"\n')
    (tmp_path / "kit").chmod(0o755)
    alone = kit.shard(
        tmp_path / "train", labels=tmp_path / "train_labels.csv", name="pcam", root=tmp_path / "alone", workers=1
    )
    scripts = [block for block in _blocks(DOCS / "how-to/run-on-a-cluster.md", "sh") if block.startswith("#!")]
    array = re.search(r"--array=(\d+)-(\d+)", scripts[0])
    assert array
    first, last = int(array[1]), int(array[2])
    known = {"MIN": first, "MAX": last, "STEP": 1, "COUNT": last - first + 1}
    tasks = [{**known, "ID": task} for task in range(first, last + 1)]
    variables = [{f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in task.items()} for task in tasks]
    said = [_run_script(scripts[0], tmp_path, task) for task in variables]
    joined = _run_script(scripts[1], tmp_path, {})

    assert [f"part {place}/4" for place in (1, 2, 3, 4)] == [line[:8] for line in said]
    assert "tfrecords/pcam  next: kit train pcam" in joined
    assert alone.manifest.fingerprint == find_dataset("pcam", root=tmp_path).manifest.fingerprint
    hashes = [[shard.xxh128 for shard in one.manifest.shards] for one in (alone, find_dataset("pcam", root=tmp_path))]
    assert hashes[0] == hashes[1]


def _run_script(script: str, folder: Path, variables: dict[str, str]) -> str:
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        ["/bin/bash", "-ec", script], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout
