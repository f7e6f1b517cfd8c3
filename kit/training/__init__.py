"""A run: one training, from its settings to its result."""

from kit.training.run import run_spec, train, train_run
from kit.training.score import Scores, score_split

__all__ = ["Scores", "run_spec", "score_split", "train", "train_run"]
