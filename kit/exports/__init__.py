"""Runs become models that need no kit: they take raw images and give the probability of each class."""

from kit.exports.export import Export, export

__all__ = ["Export", "export"]
