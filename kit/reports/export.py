"""Table and summary of an export."""

from __future__ import annotations

from kit.exports import Export
from kit.reports.table import Table

_NAMED = 8  # classes named in a line


def export_table(exported: Export) -> Table:
    """Tabulate the file of each format, and its largest difference from the run's own probabilities."""
    info = exported.info
    rows = tuple(
        (name, file, f"{exported.size(name) / 1e6:,.2f} MB", f"{info.largest_difference[name]:.1e}")
        for name, file in info.files.items()
    )
    return Table(str(exported.folder), ("format", "model", "size", "differs by\nat most"), rows)


def describe_export(exported: Export) -> list[str]:
    """Describe the model's inputs and outputs, and its comparison with the run."""
    info = exported.info
    height, width, channels = info.shape
    names = ", ".join(info.classes[:_NAMED]) + ", …" * (len(info.classes) > _NAMED)
    return [
        f"takes uint8 [batch, height, width, {channels}] of any size, resized to {height}x{width} ({info.image.fit})",
        f"returns float32 [batch, {len(info.classes)}]: probabilities of {names}",
        f"compared with the run's own probabilities of {info.compared} validation images",
    ]
