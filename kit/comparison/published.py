"""What a recipe says of the arms that were run: its authors' figures, and whether they are steps of a ladder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kit.comparison.trajectory import Trajectory
from kit.errors import SpecError
from kit.specs import read_recipe


def read_published(trajectories: Sequence[Trajectory]) -> tuple[dict[str, Mapping[str, float]], list[str]]:
    """Read the recipes that runs were made from.

    Returns:
        Figures by name for each arm that has some, and a line for each recipe that can no longer be read.
    """
    published: dict[str, Mapping[str, float]] = {}
    refused: list[str] = []
    for recipe in dict.fromkeys(run.recipe for run in trajectories if run.recipe):
        try:
            arms = {arm.name: arm.published for arm in read_recipe(recipe).arms if arm.published}
        except SpecError as error:  # a file that has moved or changed since; our own figures stand without it
            refused.append(f"without published figures: {error}")
            continue
        ours = [run for run in trajectories if run.recipe == recipe and run.spec]
        published.update({run.arm: arms[run.spec.arm] for run in ours if run.spec and run.spec.arm in arms})
    return published, refused


def is_ladder(trajectories: Sequence[Trajectory]) -> bool:
    """Tell whether all runs are of one recipe's ladder, whose arms each change the one before."""
    recipes = {run.recipe for run in trajectories}
    if len(recipes) != 1 or "" in recipes:
        return False
    try:
        recipe = read_recipe(*recipes)
    except SpecError:  # a file that has moved or changed since
        return False
    named = {arm.name for arm in recipe.arms}
    return recipe.design == "ladder" and all(run.spec is not None and run.spec.arm in named for run in trajectories)


def unmeasured_remarks(published: Mapping[str, Mapping[str, float]], split: str) -> list[str]:
    """Say which published figures ours can stand beside once a split is measured."""
    names = sorted({name for figures in published.values() for name in figures if name.startswith("test_")})
    return [f"the recipe publishes {', '.join(names)}; --split test measures ours"] if names and split != "test" else []
