"""Typed settings, as written in TOML files, passed as options and stored in spec.json."""

from kit.specs.augment import AugmentSpec
from kit.specs.data import DataSpec
from kit.specs.fields import setting_paths
from kit.specs.image import ImageSpec, parse_bands, parse_size
from kit.specs.model import ModelSpec
from kit.specs.naming import arm_name
from kit.specs.overrides import parse_assignments
from kit.specs.recipe import Recipe, Setting, recipe_names
from kit.specs.run import RunSpec
from kit.specs.serialization import from_json, to_json
from kit.specs.settings import override, read_recipe, read_setting, settings_called, value_of, written
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
    "settings_called",
    "to_json",
    "value_of",
    "written",
]
