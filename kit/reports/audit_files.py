"""Files of an audit, and its summary for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from kit.audits import Alike, Audit, Finding
from kit.audits.class_balance import counts_of_audit
from kit.files import write_together
from kit.reports.class_balance import plot_class_counts
from kit.reports.gallery import draw_gallery
from kit.reports.table import Table

_IMAGE_COLUMNS = (
    "path",
    "class",
    "split",
    "group",
    "kind",
    "height",
    "width",
    "channels",
    "bits",
    "pages",
    "mean",
    "deviation",
    "saturated",
    "digest",
    "duplicate_set",
    "near_duplicate_set",
    "problem",
)


def images_table(audit: Audit) -> Table:
    """Build the rows of audit.csv, one per image."""
    duplicates, near = (_numbers(sets) for sets in (audit.duplicates, audit.near_duplicates))
    rows = []
    for index, (record, fact) in enumerate(zip(audit.records, audit.facts, strict=True)):
        header = (fact.height, fact.width, fact.channels, fact.bits, fact.pages)
        measured = (f"{fact.mean:.2f}", f"{fact.deviation:.2f}", f"{fact.saturated:.4f}", fact.digest)
        rows.append(
            (
                audit.path(index),
                record.label or "",
                record.split or "",
                record.group,
                fact.kind,
                *(str(number) if fact.kind else "" for number in header),
                *(measured if fact.digest else [""] * len(measured)),
                duplicates.get(index, ""),
                near.get(index, ""),
                fact.problem,
            )
        )
    return Table("", _IMAGE_COLUMNS, tuple(rows))


def findings_table(audit: Audit) -> Table:
    """Build the rows of findings.csv, one per image and finding."""
    rows = [row for finding in audit.findings() for row in _finding_rows(audit, finding)]
    return Table("", ("finding", "set", "path", "class", "split", "detail"), tuple(rows))


def write_audit(audit: Audit, folder: Path) -> list[Path]:
    """Write audit.csv, findings.csv, audit.png and, if there are classes, classes.png.

    They contain one line per image, one line per image and finding, a page of pictures, and a chart of the classes
    before and after balancing.

    Returns:
        Files in that order.
    """
    files: dict[str, str | bytes] = {
        "audit.csv": images_table(audit).csv(),
        "findings.csv": findings_table(audit).csv(),
        "audit.png": draw_gallery(audit),
    }
    counts = counts_of_audit(audit)
    if len(counts.before) > 1 and audit.target.is_counted:
        files["classes.png"] = plot_class_counts(counts).png
    return write_together(folder, files)


def summary(audit: Audit) -> dict[str, object]:
    """Summarize an audit for programs, as with --json."""
    return {
        "source": audit.asked.folder,
        "images": len(audit.records),
        "classes": audit.counts(),
        "kinds": dict(audit.modes().most_common()),
        "sizes": {f"{height}x{width}": count for (height, width), count in audit.sizes().most_common()},
        "groups": len(audit.groups()),
        "refusal": audit.refused.as_options() if audit.refused else "",
        "unreadable": len(audit.unreadable),
        "missing": len(audit.missing),
        "duplicates": count_sets(audit.duplicates),
        "near_duplicates": count_sets(audit.near_duplicates) if audit.near_bits else None,
        "blank": len(audit.blank),
        "saturated": len(audit.saturated),
        "several_pages": len(audit.several_pages),
        "groups_across_splits": len(audit.groups_across_splits()),
        "findings": [
            {"kind": found.kind, "inputs": found.inputs, "detail": found.detail} for found in audit.findings()
        ],
    }


def count_sets(sets: Sequence[Alike]) -> dict[str, int]:
    """Count sets, their images, and the sets that span splits or classes."""
    return {
        "sets": len(sets),
        "images": sum(len(alike.indices) for alike in sets),
        "across_splits": sum(alike.across_splits for alike in sets),
        "across_classes": sum(alike.across_classes for alike in sets),
    }


def _numbers(sets: Sequence[Alike]) -> dict[int, str]:
    return {index: str(number) for number, alike in enumerate(sets, 1) for index in alike.indices}


def _finding_rows(audit: Audit, finding: Finding) -> Iterable[tuple[str, ...]]:
    for index, path in enumerate(finding.inputs):
        record = audit.records[finding.indices[index]] if finding.indices else None
        label, split = (record.label or "", record.split or "") if record else ("", "")
        yield finding.kind, str(finding.number), path, label, split, finding.detail
