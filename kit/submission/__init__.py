"""Predictions become a submission."""

from kit.submission.predict import Submission, predict

__all__ = ["Submission", "predict"]
