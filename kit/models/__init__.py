"""ModelSpec becomes a Keras model."""

from kit.models.cnn import build_model

__all__ = ["build_model"]
