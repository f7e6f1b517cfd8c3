"""Folders, label files and test images become records: what to read, and what is known of it."""

from kit.sources.read import read_source
from kit.sources.record import Record, Reject, Source

__all__ = ["Record", "Reject", "Source", "read_source"]
