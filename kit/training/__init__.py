"""A run: one training, from its settings to its result."""

from kit.training.predictions import Scores
from kit.training.score import score_split
from kit.training.train import run_spec, train

__all__ = ["Scores", "run_spec", "score_split", "train"]
