"""kit: from image folders to shards, honest ablations and a valid Kaggle submission.

Every command is a call: kit.shard, kit.find_dataset, kit.train, kit.ablate, kit.compare, kit.evaluate, kit.predict,
kit.bench, kit.blend, kit.export, kit.fetch, kit.submit, kit.submissions. Their result types and the progress protocol
are public too: kit.Dataset, kit.RunDirectory, kit.Ablation, kit.Comparison and so on. Heavy packages are imported on
first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kit.ablation import Ablation, Axis, ablate, parse_axis
    from kit.audits import Audit, audit
    from kit.benchmark import Speeds, bench
    from kit.comparison import Comparison, compare
    from kit.competitions import Competition, competition_names, read_competition
    from kit.conversion import ShardedPart, shard, shard_arrays
    from kit.datasets import Dataset, find_dataset, verify_dataset
    from kit.demonstration import Demo, demo
    from kit.errors import KitError
    from kit.evaluation.class_measures import ClassMeasures
    from kit.evaluation.evaluate import Evaluation, Predictor, evaluate
    from kit.exports import Export, export
    from kit.kaggle.fetch import Fetched, fetch
    from kit.kaggle.retries import Retries
    from kit.kaggle.submissions import Submissions, submissions
    from kit.kaggle.submit import Submitted, submit
    from kit.metrics import Metric, Score, find_metric, metric, metric_names
    from kit.pipeline import load
    from kit.progress import Progress
    from kit.reports.comparison import write_comparison
    from kit.reports.evaluation import evaluation_tables, write_evaluation
    from kit.reports.lr_range_test import write_range_test
    from kit.reports.preview import write_preview
    from kit.reports.table import Table
    from kit.runs import FoldSet, RunDirectory
    from kit.specs import Recipe, read_recipe, recipe_names
    from kit.submission import Blend, PredictedPart, Submission, blend, predict
    from kit.training import train, train_folds
    from kit.training.lr_range_test import FoundRates, find_learning_rate

__version__ = "0.1.0"

__all__ = [
    "Ablation",
    "Audit",
    "Axis",
    "Blend",
    "ClassMeasures",
    "Comparison",
    "Competition",
    "Dataset",
    "Demo",
    "Evaluation",
    "Export",
    "Fetched",
    "FoldSet",
    "FoundRates",
    "KitError",
    "Metric",
    "PredictedPart",
    "Predictor",
    "Progress",
    "Recipe",
    "Retries",
    "RunDirectory",
    "Score",
    "ShardedPart",
    "Speeds",
    "Submission",
    "Submissions",
    "Submitted",
    "Table",
    "ablate",
    "audit",
    "bench",
    "blend",
    "compare",
    "competition_names",
    "demo",
    "evaluate",
    "evaluation_tables",
    "export",
    "fetch",
    "find_dataset",
    "find_learning_rate",
    "find_metric",
    "load",
    "metric",
    "metric_names",
    "parse_axis",
    "predict",
    "read_competition",
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
    "ablation": ("Ablation", "Axis", "ablate", "parse_axis"),
    "audits": ("Audit", "audit"),
    "benchmark": ("Speeds", "bench"),
    "comparison": ("Comparison", "compare"),
    "competitions": ("Competition", "competition_names", "read_competition"),
    "conversion": ("ShardedPart", "shard", "shard_arrays"),
    "datasets": ("Dataset", "find_dataset", "verify_dataset"),
    "demonstration": ("Demo", "demo"),
    "errors": ("KitError",),
    "evaluation.class_measures": ("ClassMeasures",),
    "evaluation.evaluate": ("Evaluation", "Predictor", "evaluate"),
    "exports": ("Export", "export"),
    "kaggle.fetch": ("Fetched", "fetch"),
    "kaggle.retries": ("Retries",),
    "kaggle.submissions": ("Submissions", "submissions"),
    "kaggle.submit": ("Submitted", "submit"),
    "metrics": ("Metric", "Score", "find_metric", "metric", "metric_names"),
    "pipeline": ("load",),
    "progress": ("Progress",),
    "reports.comparison": ("write_comparison",),
    "reports.evaluation": ("evaluation_tables", "write_evaluation"),
    "reports.lr_range_test": ("write_range_test",),
    "reports.preview": ("write_preview",),
    "reports.table": ("Table",),
    "runs": ("FoldSet", "RunDirectory"),
    "specs": ("Recipe", "read_recipe", "recipe_names"),
    "submission": ("Blend", "PredictedPart", "Submission", "blend", "predict"),
    "training": ("train", "train_folds"),
    "training.lr_range_test": ("FoundRates", "find_learning_rate"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import the module of a public name on first use."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'kit' has no attribute '{name}'")
    return getattr(importlib.import_module(f"kit.{_ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return [*__all__, "__version__"]
