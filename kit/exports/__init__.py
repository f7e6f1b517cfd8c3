"""Exports of runs as models that work without kit: raw images in, the probability of each class out."""

from kit.exports.export import Export, export

__all__ = ["Export", "export"]
