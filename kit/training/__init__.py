"""Runs: trainings, from their settings to their results."""

from kit.training.folds import train_folds
from kit.training.predictions import Scores
from kit.training.score import score_split
from kit.training.train import run_spec, train

__all__ = ["Scores", "run_spec", "score_split", "train", "train_folds"]
