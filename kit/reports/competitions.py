"""Descriptions of competitions: a table of all, and one in full."""

from __future__ import annotations

from collections.abc import Mapping

from kit.competitions import Competition
from kit.competitions.competition import is_file
from kit.reports.table import NOTHING, Table

CODE = (
    "a notebook is run again on hidden test images: kit trains, and checks the file of the public ones; the notebook"
    " is yours to write"
)

_FACTS = (
    "images",
    "answer",
    "folder",
    "labels",
    *("id_column", "path_column", "label_column", "class_from", "classes", "class_names"),
    *("target", "separator", "no_tag", "group", "test", "sample_submission", "metric", "cells"),
)
_SIGNS = {" ": "blank", "\t": "tab"}


def competitions_tables(competitions: Mapping[str, Competition]) -> list[Table]:
    """Tabulate competitions, those that kit serves before the others."""
    by_name = sorted(competitions.items(), key=lambda item: item[0].lower())
    served = [
        (name, one.target or NOTHING, one.metric or NOTHING, _yes(one.is_code))
        for name, one in by_name
        if not one.refused
    ]
    others = [(name, one.metric or NOTHING) for name, one in by_name if one.refused]
    return [
        Table(
            "served; code: a notebook is run again on hidden test images",
            ("competition", "target", "metric", "code"),
            tuple(served),
        ),
        Table("not served; kit competitions show NAME tells why", ("competition", "metric"), tuple(others)),
    ]


def competition_table(competition: Competition) -> Table:
    """Tabulate what is known of a competition's files and labels."""
    facts = [name for name in _FACTS if name != "folder" or not competition.refused]
    rows = [(name, _text(name, value)) for name in facts if (value := getattr(competition, name))]
    rows += [(f"score, {name}", f"{value:g}") for name, value in competition.thresholds.items()]
    return Table(competition.title, ("", "value"), tuple(rows))


def competition_lines(name: str, competition: Competition) -> list[str]:
    """Write a competition's trap doors, what is unconfirmed, its sources, and the next step, a line each."""
    lines = [f"note: {CODE}"] if competition.is_code and not competition.refused else []
    lines += [f"note: {note}" for note in competition.notes]
    lines += [f"unconfirmed: {fact}" for fact in competition.unconfirmed]
    lines += [f"source: {source}" for source in competition.sources]
    if competition.refused:
        return [*lines, f"kit cannot serve it: {competition.refused}"]
    fetch = [] if is_file(name) else [f"kit fetch {name}, then "]
    folder = "FOLDER" if is_file(name) else f"data/{name}"
    return [*lines, f"next: {''.join(fetch)}kit shard {folder} --competition {name}"]


def _yes(is_so: bool) -> str:
    return "yes" if is_so else NOTHING


def _text(name: str, value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{old} = {new}" for old, new in value.items())
    if isinstance(value, tuple):
        return (", " if name == "class_names" else " or ").join(value)
    return _SIGNS.get(str(value), str(value))
