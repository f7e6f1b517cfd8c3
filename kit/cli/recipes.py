"""kit recipes."""

from __future__ import annotations

from kit.cli.options import Json


def recipes(json: Json = False) -> None:
    """List the recipes that ship with kit, with every setting.

    Example: kit recipes
    """
    from kit.cli.console import print_json, print_tables
    from kit.reports.table import Table
    from kit.specs import read_recipe, recipe_names, setting_paths, value_of

    found = {name: read_recipe(name) for name in recipe_names()}
    if json:
        print_json(found)
        return
    print_tables(
        Table(
            f"{name}: {recipe.description}",
            ("setting", "value"),
            tuple((path, value_of(recipe, path)) for path in setting_paths(recipe) if path != "description"),
        )
        for name, recipe in found.items()
    )
