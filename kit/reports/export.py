"""An export as a table."""

from __future__ import annotations

from kit.exports import Export
from kit.reports.table import Table

_NAMED = 8  # classes that a line still names


def export_table(exported: Export) -> Table:
    """Lay out the file of each format, and how far its probabilities are from the run's own."""
    info = exported.info
    rows = tuple(
        (name, file, f"{exported.size(name) / 1e6:,.2f} MB", f"{info.largest_difference[name]:.1e}")
        for name, file in info.files.items()
    )
    return Table(str(exported.folder), ("format", "model", "size", "differs by\nat most"), rows)


def describe_export(exported: Export) -> list[str]:
    """Say what the model takes and gives, and what it was compared with."""
    info = exported.info
    height, width, channels = info.shape
    names = ", ".join(info.classes[:_NAMED]) + ", …" * (len(info.classes) > _NAMED)
    return [
        f"takes uint8 [batch, height, width, {channels}] of any size, brought to {height}x{width} ({info.image.fit})",
        f"gives float32 [batch, {len(info.classes)}]: probabilities of {names}",
        f"compared with the run's own probabilities of {info.compared} validation images",
    ]
