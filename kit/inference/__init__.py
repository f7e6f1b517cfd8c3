"""Predictions of runs: of a split, out-of-fold, of several runs, of several views."""

from kit.inference.predict_split import predict_split
from kit.inference.predictions import Predictions

__all__ = ["Predictions", "predict_split"]
