"""Audits of images before they are sharded: formats, sizes, duplicates, defects."""

from kit.audits.audit import audit
from kit.audits.duplicate_sets import Alike
from kit.audits.findings import Audit, Finding
from kit.audits.image_facts import Facts

__all__ = ["Alike", "Audit", "Facts", "Finding", "audit"]
