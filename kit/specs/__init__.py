"""Typed settings: what people write in TOML, pass as options, and find again in spec.json."""

from kit.specs.image import ImageSpec, parse_bands, parse_size
from kit.specs.recipe import Recipe, read_recipe, recipe_names
from kit.specs.run import ModelSpec, RunSpec, TrainSpec, arm_name, check_fit
from kit.specs.settings import (
    from_json,
    override,
    parse_assignments,
    setting_paths,
    to_json,
    value_of,
    written,
)
from kit.specs.shard import ShardSpec, parse_split
from kit.specs.source import SourceSpec

__all__ = [
    "ImageSpec",
    "ModelSpec",
    "Recipe",
    "RunSpec",
    "ShardSpec",
    "SourceSpec",
    "TrainSpec",
    "arm_name",
    "check_fit",
    "from_json",
    "override",
    "parse_assignments",
    "parse_bands",
    "parse_size",
    "parse_split",
    "read_recipe",
    "recipe_names",
    "setting_paths",
    "to_json",
    "value_of",
    "written",
]
