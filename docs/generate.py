"""Writes what stands in the documentation between `<!-- generated: NAME -->` and `<!-- end -->`.

It comes from the commands, the settings, the recipes, the competitions, the metrics and the table of TensorFlow Addons'
names themselves.
`python docs/generate.py` writes the pages; with --check it fails if one is stale.
"""

from __future__ import annotations

import collections
import inspect
import re
import sys
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from typer.main import get_command

import kit
from kit.cli.app import app
from kit.competitions import Competition, competition_names, read_competition
from kit.metrics.registry import declarations
from kit.specs import Recipe, Setting, recipe_names
from kit.specs.addons import PREFIX, Addon, AddonKind, addon_kinds, addons
from kit.specs.optimizers import COMMON, OptimizerEntry, optimizer_entries
from kit.specs.optimizers import OWN as OPTIMIZERS
from kit.specs.presets import KNOWN
from kit.specs.schedules import OWN as CYCLICAL

DOCS = Path(__file__).parent
RECIPES = DOCS.parent / "kit" / "specs" / "recipes"

_PART = re.compile(r"(<!-- generated: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_ENTRY = re.compile(r"^    (\w+): (.*(?:\n {8,}.*)*)", re.MULTILINE)
_EXAMPLE = re.compile(r"Example: (kit .*)")
_COMMENT = re.compile(r"\A(?:#.*\n)+")
_SPECIAL = re.compile(r"(?P<code>`[^`]*`)|(?P<option>(?<!\w)--[a-z][a-z-]*)|[<*]|(?<!\w)_|_(?!\w)")
_IN_WORDS = {"int": "whole number", "float": "number", "bool": "`true` or `false`", "str": "text", "None": "`null`"}


def stale_pages() -> dict[Path, str]:
    """Find the pages that are not as they should be, and what should stand in them."""
    made = {page: _made(page.read_text()) for page in sorted(DOCS.rglob("*.md"))}
    return {page: text for page, text in made.items() if text != page.read_text()}


def main() -> None:
    """Write the pages; with --check, only say which are stale."""
    stale = stale_pages()
    if stale and "--check" in sys.argv[1:]:
        sys.exit(f"{', '.join(str(page.relative_to(DOCS.parent)) for page in stale)}: stale; run invoke docs")
    for page, text in stale.items():
        page.write_text(text)


def commands() -> Iterator[str]:
    """Describe each command's arguments and options, as its --help does."""
    for name, command in _commands(get_command(app)).items():
        purpose = command.help.split("\n\n")[0].replace("\n", " ")
        yield f"### kit {name}\n\n{purpose}\n\n"
        if example := _EXAMPLE.search(command.help):
            yield f"```sh\n{example[1]}\n```\n\n"
        rows = [_option(parameter) for parameter in command.params if parameter.name != "help"]
        yield _table(("", "meaning", "default"), rows)


def calls() -> Iterator[str]:
    """List the public names, then what Sphinx makes of their docstrings; results that have no public name follow."""
    public = {name: getattr(kit, name) for name in kit.__all__}
    functions = {name: call for name, call in public.items() if inspect.isfunction(call)}
    classes = [f"kit.{name}" for name, call in public.items() if inspect.isclass(call)]
    results = [result for result in map(_result, functions.values()) if result and result not in public.values()]
    yield _table(("call", "what it does"), [(f"`kit.{name}`", _first_line(call)) for name, call in functions.items()])
    yield "## Calls\n\n"
    yield from _directives("function", (f"kit.{name}" for name in functions))
    yield "## Classes\n\n"
    yield from _directives("class", classes)
    if results:
        yield "## Results\n\nWhat the calls return.\n\n"
        yield from _directives("class", sorted({f"{result.__module__}.{result.__qualname__}" for result in results}))


def settings() -> Iterator[str]:
    """List the fields of the settings, table by table."""
    yield from _settings(Setting, "")


def augmentations() -> Iterator[str]:
    """List the augmentations that have a name."""
    yield _table(
        ("name", "settings"),
        [
            (f"`{name}`", ", ".join(f"`{setting} = {_toml(value)}`" for setting, value in spec.settings.items()) or "—")
            for name, spec in KNOWN.items()
        ],
    )


def recipes() -> Iterator[str]:
    """Describe the recipes that ship with kit, from their files."""
    for name in recipe_names():
        text = (RECIPES / f"{name}.toml").read_text()
        yield from _recipe(name, msgspec.convert(tomllib.loads(text), Recipe), _comment(text))


def competitions() -> Iterator[str]:
    """List the competitions, what kit does for each, and their trap doors."""
    known = {name: read_competition(name) for name in sorted(competition_names(), key=str.lower)}
    columns = ("competition", "images", "label", "cell", "metric", "group", "what kit does", "tested since")
    yield _table(columns, [_competition(name, one) for name, one in known.items()])
    yield "## Trap doors\n\n"
    for name, one in known.items():
        doubts = [f"Unconfirmed: {'; '.join(one.unconfirmed)}."] if one.unconfirmed else []
        if one.notes or doubts:
            yield f"- `{name}`: {_escaped(' '.join([*one.notes, *doubts]))}\n"
    yield "\n"


def competition_keys() -> Iterator[str]:
    """List the keys of a competition's file."""
    described = dict(_ENTRY.findall(inspect.cleandoc(Competition.__doc__ or "")))
    rows = [
        (f"`{field.name}`", _kind(field.type), _one_line(described[field.name]))
        for field in msgspec.structs.fields(Competition)
    ]
    yield _table(("key", "takes", "meaning"), rows)


def metrics() -> Iterator[str]:
    """List the metrics, then their formulas and where they come from, as their docstrings say."""
    found = sorted(((said.names, function, said) for function, said in declarations().items()), key=lambda one: one[0])
    names = [", ".join(f"`{name}`" for name in (*names, said.form) if name) for names, _, said in found]
    rows = [
        (name, said.direction, said.judges, ", ".join(sorted(said.targets)), _first_line(function))
        for name, (_, function, said) in zip(names, found, strict=True)
    ]
    yield _table(("metric", "direction", "judges", "targets", "meaning"), rows)
    yield "## Formulas and sources\n\n"
    for name, (_, function, _) in zip(names, found, strict=True):
        _, _, *rest = (inspect.getdoc(function) or "").split("\n\n")
        yield f"- {name}: {_escaped(_one_line(' '.join(rest)))}\n"
    yield "\n"


def addon_names() -> Iterator[str]:
    """List the names of TensorFlow Addons by kind: what kit takes, and what to use now."""
    for kind in addon_kinds():
        known = addons(kind)
        yield f"## {_KINDS[kind]}\n\n"
        yield from _addons_taken(known) if any(not one.reason for one in known) else _addons_refused(known)


_KINDS: Mapping[AddonKind, str] = {
    "optimizer": "Optimizers",
    "schedule": "Learning-rate schedules",
    "loss": "Losses",
    "metric": "Metrics",
    "callback": "Callbacks",
    "layer": "Layers",
    "activation": "Activations",
    "image": "Images",
    "text": "Text",
    "seq2seq": "Sequences to sequences",
    "rnn": "Recurrent cells",
    "type": "Types",
    "option": "Options",
    "registration": "Registration",
    "utility": "Utilities",
}


def _addons_taken(known: Iterable[Addon]) -> Iterator[str]:
    columns = ("name", "in kit", "arguments", "today", "difference")
    ordered = sorted(known, key=lambda one: bool(one.reason))  # what kit takes first
    rows = [(f"`{one.name}`", _addon_in_kit(one), _addon_arguments(one), _today(one), one.note) for one in ordered]
    yield _table(columns, rows)


def _addons_refused(known: Iterable[Addon]) -> Iterator[str]:
    """Write the reason of most names, a table of those with something to say, and a line of the others."""
    common = collections.Counter(one.reason for one in known).most_common(1)[0][0]
    rest = [f"`{one.name}`" for one in known if not (one.use or one.note) and one.reason == common]
    rows = [
        (f"`{one.name}`", _today(one), _joined(one.note, one.reason if one.reason != common else ""))
        for one in known
        if f"`{one.name}`" not in rest
    ]
    yield f"kit takes none by name: {_escaped(common)}.\n\n"
    yield _table(("name", "today", "difference"), rows)
    if rest:
        yield f"{'Nothing takes the place of' if rows else 'They are'} {', '.join(rest)}.\n\n"


def _addon_in_kit(one: Addon) -> str:
    if one.reason:
        return f"no: {one.reason}"
    return f"`{PREFIX}{one.name}{'(adam)' if one.wraps else ''}`"


def _addon_arguments(one: Addon) -> str:
    entry = optimizer_entries().get(f"{PREFIX}{one.name}")
    settings = {name: f"train.{setting}" for name, setting in entry.settings.items()} if entry else {}
    written = (
        f"`{settings.get(name, name)}` ({' or '.join(one.choices.get(name, (kind,)))})"
        for name, kind in one.arguments.items()
    )
    required = ", ".join(f"`{name}`" for name in one.required if name not in settings)
    return f"{', '.join(written)}{f'; needs {required}' if required else ''}"


def _today(one: Addon) -> str:
    return ", ".join(f"`{use}`" for use in one.use) or "—"


def _joined(note: str, reason: str) -> str:
    return " ".join(part for part in (note, f"{reason[:1].upper()}{reason[1:]}." if reason else "") if part)


def optimizers() -> Iterator[str]:
    """List the optimizers, with the settings and arguments that they take, but not those of every optimizer."""
    rows = [(_shape(entry.name, entry), _in_addons(entry), _listed(_own_arguments(entry))) for entry in OPTIMIZERS]
    yield _table(("optimizer", "with TensorFlow Addons", "arguments"), rows)


def schedules() -> Iterator[str]:
    """List the cyclical schedules, with their arguments."""
    rows = [(f"`{entry.name}`", f"`{PREFIX}{entry.addon}`", _listed(entry.arguments)) for entry in CYCLICAL]
    yield _table(("Keras 3", "Addons", "arguments"), rows)


def _shape(name: str, entry: OptimizerEntry) -> str:
    return f"`{name}(…)`" if entry.wraps else f"`{name}`"


def _in_addons(entry: OptimizerEntry) -> str:
    return _shape(f"{PREFIX}{entry.addon}" if entry.addon else entry.name, entry)


def _own_arguments(entry: OptimizerEntry) -> list[str]:
    settings = [f"train.{setting}" for setting in entry.settings.values()]
    return [*settings, *(name for name in entry.arguments if name not in COMMON)]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "—"


PARTS: Mapping[str, Callable[[], Iterable[str]]] = {
    "commands": commands,
    "calls": calls,
    "settings": settings,
    "augmentations": augmentations,
    "recipes": recipes,
    "competitions": competitions,
    "competition_keys": competition_keys,
    "metrics": metrics,
    "optimizers": optimizers,
    "schedules": schedules,
    "addon_names": addon_names,
}


def _made(text: str) -> str:
    return _PART.sub(lambda found: f"{found[1]}\n{''.join(PARTS[found['name']]())}{found[3]}", text)


def _commands(group: Any, before: str = "") -> dict[str, Any]:
    """Name a group's commands, those of groups within it after it."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        found[f"{before}{name}"] = command
        found |= _commands(command, f"{before}{name} ") if hasattr(command, "commands") else {}
    return found


def _option(parameter: Any) -> tuple[str, str, str]:
    default = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
    is_unset = default is None or default is False or not str(default) or parameter.required
    return _names(parameter), parameter.help, "" if is_unset else f"`{default}`"


def _names(parameter: Any) -> str:
    """Name an argument, or an option with what it takes; a flag takes nothing."""
    if parameter.param_type_name == "argument":
        name = parameter.metavar if parameter.required else f"[{parameter.metavar}]"
        return f"`{name}{'' if parameter.nargs == 1 else '...'}`"
    value = "" if parameter.is_flag else f" {parameter.metavar or '…'}"
    return ", ".join(f"`{option}{value}`" for option in parameter.opts)


def _result(call: Any) -> type | None:
    """Find the class of kit's that a call returns."""
    found = typing.get_type_hints(call).get("return")
    return found if inspect.isclass(found) and found.__module__.startswith("kit.") else None


def _first_line(call: Any) -> str:
    return (inspect.getdoc(call) or "").split("\n\n")[0].replace("\n", " ")


def _directives(kind: str, names: Iterable[str]) -> Iterator[str]:
    members = "\n   :members:" if kind == "class" else ""
    yield "```{eval-rst}\n" + "\n".join(f".. auto{kind}:: {name}{members}" for name in names) + "\n```\n\n"


def _settings(kind: type[msgspec.Struct], path: str) -> Iterator[str]:
    fields = msgspec.structs.fields(kind)
    tables = [(field.name, field.type) for field in fields if _is_table(field.type)]
    if path:
        described = dict(_ENTRY.findall(inspect.cleandoc(kind.__doc__ or "")))
        yield f"## {path}\n\n{_first_line(kind)}\n\n"
        yield _table(
            ("setting", "takes", "default", "meaning"),
            [
                (f"`{field.name}`", _kind(field.type), f"`{_default(field)}`", _in_settings(described[field.name]))
                for field in fields
                if not _is_table(field.type)
            ],
        )
    for name, inner in tables:
        yield from _settings(inner, f"{path}.{name}" if path else name)


def _in_settings(described: str) -> str:
    """Describe a setting in the words of settings: other ones by their paths, and null for None."""
    with_paths = re.sub(r"\b(Train|Model)Spec\.", lambda found: f"{found[1].lower()}.", _one_line(described))
    return re.sub(r"\bNone\b", "`null`", with_paths)


def _default(field: Any) -> str:
    return "{}" if typing.get_origin(field.type) is Mapping else _toml(field.default)


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _kind(kind: Any) -> str:
    """Say in words what a field takes."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return ", ".join(f"`{part}`" for part in parts if part)
    if origin is tuple:
        inner = _kind(parts[0])
        many = inner if inner.endswith("`") else f"{inner}s"
        return f"list of {many}" if parts[-1] is ... else f"{len(parts)} {many}"
    if origin in {types.UnionType, typing.Union}:
        return " or ".join(map(_kind, parts))
    if origin is Mapping:
        return "table of arguments"
    if origin is dict:
        return f"table of {_kind(parts[1])}s"
    return _IN_WORDS[getattr(kind, "__name__", str(kind)).removesuffix("Type")]


def _toml(value: object) -> str:
    return msgspec.json.encode(value).decode().replace(",", ", ")


def _competition(name: str, one: Competition) -> tuple[str, ...]:
    does = f"refuses: {one.refused}" if one.refused else _served(one)
    metric, group = (f"`{text}`" if text else "" for text in (one.metric, one.group))
    return f"`{name}`", one.images, one.answer, one.cells, metric, group, does, one.tested_since or "—"


def _served(one: Competition) -> str:
    return "shards, trains, checks the file of the public test images" if one.is_code else "shards, trains, submits"


def _recipe(name: str, recipe: Recipe, comment: str) -> Iterator[str]:
    yield f"## {name}\n\n{recipe.description[:1].upper()}{recipe.description[1:]}.\n\n{comment}\n\n"
    if recipe.vary:
        yield "Its grid:\n\n"
        yield _table(("setting", "values"), [(f"`{path}`", _values(values)) for path, values in recipe.vary.items()])
    if recipe.arms:
        yield _ARMS[recipe.design]
        yield _table(("arm", "changes", "published"), [_arm(arm) for arm in recipe.arms])
    if recipe.commands:
        yield "To train and measure it as published:\n\n```sh\n" + "\n".join(recipe.commands) + "\n```\n\n"


_ARMS = {
    "arms": "Its arms, each a change of the recipe:\n\n",
    "ladder": "Its arms, each a change of the one before:\n\n",
    "grid": "Its named arms:\n\n",
}


def _arm(arm: Any) -> tuple[str, str, str]:
    published = (f"{name} {_figures(value)}" for name, value in arm.published.items())
    changes = (f"`{path} = {_toml(value)}`" for path, value in arm.settings.items())
    return f"`{arm.name}`", ", ".join(changes) or "—", ", ".join(published) or "—"


def _figures(value: float | tuple[float, ...]) -> str:
    return ", ".join(f"{one:g}" for one in value) if isinstance(value, tuple) else f"{value:g}"


def _values(values: Iterable[object]) -> str:
    return ", ".join(f"`{_toml(value)}`" for value in values)


def _comment(text: str) -> str:
    """Read what stands at the head of a recipe's file."""
    found = _COMMENT.match(text)
    return _escaped(_one_line(re.sub(r"^# ?", "", found[0], flags=re.MULTILINE))) if found else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Write a table; none where there are no rows. A bar divides cells, even within code."""
    cells = ([_escaped(cell).replace("|", r"\|") for cell in row] for row in rows)
    lines = [f"| {' | '.join(row)} |" for row in cells]
    head = [f"| {' | '.join(columns)} |", f"| {' | '.join('---' for _ in columns)} |"]
    return "\n".join([*head, *lines]) + "\n\n" if lines else ""


def _escaped(text: str) -> str:
    """Keep text as it is where Markdown takes <a>, *a* and _a_ for more, and Sphinx two hyphens for a dash."""
    return _SPECIAL.sub(lambda found: found["code"] or (f"`{found[0]}`" if found["option"] else f"\\{found[0]}"), text)


if __name__ == "__main__":
    main()
