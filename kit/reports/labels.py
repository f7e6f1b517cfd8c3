"""What labels were found to be, in one line that names the alternative, and what judges their predictions."""

from __future__ import annotations

from collections.abc import Sequence

from kit.errors import as_options
from kit.specs import SourceSpec
from kit.targets import Target
from kit.targets.reading import listed

_COLUMNS = 4  # columns that the line lists


def describe_labels(target: Target, columns: Sequence[str], asked: SourceSpec) -> str:
    """Say in one line what labels are, and where nobody has said so, what else they may be.

    Args:
        target: Target of the labels.
        columns: Columns of the label file that hold them; empty for folders and arrays.
        asked: Source as the user named it.
    """
    reading = target.reading(columns)
    where = f" in column{'s' * (len(columns) > 1)} {listed(columns, _COLUMNS)}" if columns else ""
    if not columns and asked.labels is None and target.is_partition:
        where = " by folder" if asked.class_from is None else " by file name"
    alternative = f"; {as_options(reading.other)}" if reading.other and asked.wanted_target is None else ""
    return f"labels: {reading.what}{where}{reading.detail}{alternative}"


def describe_metric(target: Target, metric: str) -> str:
    """Say in one line which metric predictions are judged by, and where it comes from.

    Args:
        target: Target of the labels.
        metric: Metric of the dataset.
    """
    if metric != target.default_metric:
        return f"metric: {metric}"
    return f"metric: {metric}, the default of {target.kind()}; kit shard --metric names the competition's"
