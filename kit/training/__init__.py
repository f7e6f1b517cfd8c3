"""A run: one training, from its settings to its result."""

from kit.training.score import Scores, score_split
from kit.training.train import run_spec, train

__all__ = ["Scores", "run_spec", "score_split", "train"]
