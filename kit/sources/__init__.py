"""Folders, label files and test images become records: what to read, and what is known of it."""

from kit.sources.detect import read_arrays, read_source, read_unjudged
from kit.sources.record import UNLABELLED, ArrayImage, Record, Reject, Source

__all__ = ["UNLABELLED", "ArrayImage", "Record", "Reject", "Source", "read_arrays", "read_source", "read_unjudged"]
