"""kit: from image folders to shards, honest ablations and a valid Kaggle submission.

Every command is a call: kit.shard, kit.find_dataset, kit.train, kit.ablate, kit.compare, kit.evaluate, kit.predict,
kit.bench, kit.blend, kit.export, kit.fetch, kit.submit, kit.submissions. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kit.ablation import ablate, parse_axis
    from kit.audits import audit
    from kit.benchmark import bench
    from kit.comparison import compare
    from kit.conversion import shard, shard_arrays
    from kit.datasets import Dataset, find_dataset, verify_dataset
    from kit.demonstration import demo
    from kit.errors import KitError
    from kit.evaluation.evaluate import evaluate
    from kit.exports import export
    from kit.kaggle.fetch import fetch
    from kit.kaggle.submissions import submissions
    from kit.kaggle.submit import submit
    from kit.pipeline import load
    from kit.reports.comparison import write_comparison
    from kit.reports.evaluation import evaluation_tables, write_evaluation
    from kit.reports.lr_range_test import write_range_test
    from kit.reports.preview import write_preview
    from kit.specs import read_recipe, recipe_names
    from kit.submission import blend, predict
    from kit.training import train, train_folds
    from kit.training.lr_range_test import find_learning_rate

__version__ = "0.1.0"

__all__ = [
    "Dataset",
    "KitError",
    "ablate",
    "audit",
    "bench",
    "blend",
    "compare",
    "demo",
    "evaluate",
    "evaluation_tables",
    "export",
    "fetch",
    "find_dataset",
    "find_learning_rate",
    "load",
    "parse_axis",
    "predict",
    "read_recipe",
    "recipe_names",
    "shard",
    "shard_arrays",
    "submissions",
    "submit",
    "train",
    "train_folds",
    "verify_dataset",
    "write_comparison",
    "write_evaluation",
    "write_preview",
    "write_range_test",
]

_ROOMS = {
    "ablation": ("ablate", "parse_axis"),
    "audits": ("audit",),
    "comparison": ("compare",),
    "demonstration": ("demo",),
    "errors": ("KitError",),
    "exports": ("export",),
    "kaggle.fetch": ("fetch",),
    "kaggle.submissions": ("submissions",),
    "kaggle.submit": ("submit",),
    "pipeline": ("load",),
    "reports.comparison": ("write_comparison",),
    "evaluation.evaluate": ("evaluate",),
    "reports.preview": ("write_preview",),
    "reports.evaluation": ("evaluation_tables", "write_evaluation"),
    "reports.lr_range_test": ("write_range_test",),
    "conversion": ("shard", "shard_arrays"),
    "datasets": ("Dataset", "find_dataset", "verify_dataset"),
    "specs": ("read_recipe", "recipe_names"),
    "benchmark": ("bench",),
    "submission": ("blend", "predict"),
    "training": ("train", "train_folds"),
    "training.lr_range_test": ("find_learning_rate",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name's room when the name is first used."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'kit' has no attribute '{name}'")
    return getattr(importlib.import_module(f"kit.{_ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return [*__all__, "__version__"]
