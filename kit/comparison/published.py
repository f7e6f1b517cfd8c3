"""The figures that a recipe's authors published, by arm."""

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


def unmeasured_remarks(published: Mapping[str, Mapping[str, float]], split: str) -> list[str]:
    """Say which published figures ours can stand beside once a split is measured."""
    names = sorted({name for figures in published.values() for name in figures if name.startswith("test_")})
    return [f"the recipe publishes {', '.join(names)}; --split test measures ours"] if names and split != "test" else []
