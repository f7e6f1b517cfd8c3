"""A look at images before they are sharded: what they are, and what is wrong with them."""

from kit.audits.audit import audit
from kit.audits.duplicate_sets import Alike
from kit.audits.findings import Audit, Finding
from kit.audits.image_facts import Facts

__all__ = ["Alike", "Audit", "Facts", "Finding", "audit"]
