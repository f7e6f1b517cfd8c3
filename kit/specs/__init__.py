"""Typed settings: what people write in TOML, pass as options, and find again in spec.json."""

from kit.specs.augment import AugmentSpec
from kit.specs.data import DataSpec
from kit.specs.image import ImageSpec, parse_bands, parse_size
from kit.specs.model import ModelSpec
from kit.specs.recipe import Recipe, Setting, read_recipe, read_setting, recipe_names
from kit.specs.run import RunSpec, arm_name
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
from kit.specs.source import SourceSpec, parse_classes, parse_names
from kit.specs.train import TrainSpec

__all__ = [
    "AugmentSpec",
    "DataSpec",
    "ImageSpec",
    "ModelSpec",
    "Recipe",
    "RunSpec",
    "Setting",
    "ShardSpec",
    "SourceSpec",
    "TrainSpec",
    "arm_name",
    "from_json",
    "override",
    "parse_assignments",
    "parse_bands",
    "parse_classes",
    "parse_names",
    "parse_size",
    "parse_split",
    "read_recipe",
    "read_setting",
    "recipe_names",
    "setting_paths",
    "to_json",
    "value_of",
    "written",
]
