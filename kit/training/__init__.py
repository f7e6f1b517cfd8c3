"""Runs: trainings, from their settings to their results."""

from kit.training.cross_validation import train_folds
from kit.training.train import run_spec, train

__all__ = ["run_spec", "train", "train_folds"]
