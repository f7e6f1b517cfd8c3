"""kit competitions."""

from __future__ import annotations

from typing import Annotated

import typer

from kit.cli.command import Command, Group
from kit.cli.options import Json

competitions = typer.Typer(cls=Group)


@competitions.callback(invoke_without_command=True)
def list_all(context: typer.Context) -> None:
    """List the competitions that kit knows, or show one.

    Example: kit competitions
    """
    if context.invoked_subcommand:
        return
    from kit.cli.console import print_line, print_tables
    from kit.competitions import competition_names, read_competition
    from kit.reports.competitions import competitions_tables

    print_tables(competitions_tables({name: read_competition(name) for name in competition_names()}))
    print_line("next: kit competitions show NAME, or kit fetch NAME")


@competitions.command(cls=Command)
def show(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Name of a competition, or the path of its .toml file."),
    ],
    json: Json = False,
) -> None:
    """Show a competition's files, labels, metric, cells and trap doors, and what could not be confirmed.

    Example: kit competitions show aptos2019-blindness-detection
    """
    from kit.cli.console import print_json, print_line, print_tables
    from kit.competitions import read_competition
    from kit.reports.competitions import competition_lines, competition_table

    competition = read_competition(name)
    if json:
        print_json(competition)
        return
    print_tables([competition_table(competition)])
    for line in competition_lines(name, competition):
        print_line(line)
