"""Reads image folders, label files, arrays and test images as records with a class, a split and a group."""

from kit.sources.detect import read_arrays, read_source, read_unjudged
from kit.sources.record import UNLABELLED, ArrayImage, Record, Reject, Source

__all__ = ["UNLABELLED", "ArrayImage", "Record", "Reject", "Source", "read_arrays", "read_source", "read_unjudged"]
