"""A look at images before they are sharded: what they are, and what is wrong with them."""

from kit.audits.alike import Alike
from kit.audits.conduct import audit
from kit.audits.facts import Facts
from kit.audits.result import Audit, Finding

__all__ = ["Alike", "Audit", "Facts", "Finding", "audit"]
