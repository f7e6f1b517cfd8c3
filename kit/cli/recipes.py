"""kit recipes."""

from __future__ import annotations

from typing import Annotated

import typer

from kit.cli.command import Command, Group
from kit.cli.options import Json

recipes = typer.Typer(cls=Group)


@recipes.callback(invoke_without_command=True)
def list_all(context: typer.Context) -> None:
    """List the recipes that ship with kit, or show one.

    Example: kit recipes
    """
    if context.invoked_subcommand:
        return
    from kit.cli.console import print_line
    from kit.reports.recipes import list_recipes
    from kit.specs import read_recipe, recipe_names

    for line in list_recipes({name: read_recipe(name) for name in recipe_names()}):
        print_line(line)
    print_line("next: kit recipes show NAME")


@recipes.command(cls=Command)
def show(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Shipped recipe, the path of a .toml file, or an arm as NAME/ARM.", show_default="all"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show a recipe's settings, arms, parameter counts, published figures, and the commands that reproduce them.

    Example: kit recipes show chest-xray-ladder
    """
    from kit.cli.console import print_json, print_line, print_tables
    from kit.reports.recipes import describe_recipe, recipe_commands, recipe_tables
    from kit.specs import read_recipe, recipe_names
    from kit.specs.recipe import split_arm

    found = {each: read_recipe(split_arm(each)[0]) for each in ([name] if name else recipe_names())}
    if json:
        print_json({each: describe_recipe(recipe) for each, recipe in found.items()})
        return
    for each, recipe in found.items():
        print_tables(recipe_tables(each, recipe))
        for line in recipe_commands(recipe):
            print_line(line)
