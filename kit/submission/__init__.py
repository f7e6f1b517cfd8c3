"""Submissions from the predictions of runs."""

from kit.submission.blend import Blend, blend
from kit.submission.predict import PredictedPart, Submission, predict

__all__ = ["Blend", "PredictedPart", "Submission", "blend", "predict"]
