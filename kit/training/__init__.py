"""Training of runs, from their settings to their results."""

from kit.training.cross_validation import train_folds
from kit.training.request import run_spec
from kit.training.train import train

__all__ = ["run_spec", "train", "train_folds"]
