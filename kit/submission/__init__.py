"""Submissions from the predictions of runs."""

from kit.submission.blend import Blend, blend
from kit.submission.predict import Submission, predict

__all__ = ["Blend", "Submission", "blend", "predict"]
