"""Predictions of runs: on a split, out-of-fold, averaged over several runs or views."""

from kit.inference.predict_split import predict_split
from kit.inference.predictions import Predictions

__all__ = ["Predictions", "predict_split"]
