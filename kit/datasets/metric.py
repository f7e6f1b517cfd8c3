"""The metric that a dataset's competition scores: a small file beside the manifest, which may change without it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from kit.errors import KitError, ShardError, SpecError
from kit.files import write_whole
from kit.metrics import find_metric
from kit.specs import from_json, to_json
from kit.targets import Target
from kit.targets.scoring import refuse_metric

METRIC = "metric.json"
_FILE = ".py"


class _Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content of metric.json."""

    metric: str


def kept_metric(metric: str, target: Target, root: Path) -> str:
    """Check a metric, and write it as it is kept: a file inside the workspace from there, another from the root.

    Args:
        metric: Name of a metric, or `file.py:function`.
        target: Target of the dataset.
        root: Folder of the workspace.

    Raises:
        SpecError: There is no such metric, or it does not judge this target.
    """
    refuse_metric(target, find_metric(metric))
    path, function = _file_of(metric)
    if path is None:
        return metric
    full, base = path.expanduser().resolve(), root.resolve()
    shown = full.relative_to(base) if full.is_relative_to(base) else full
    return f"{shown.as_posix()}{function}"


def write_metric(folder: Path, metric: str) -> None:
    """Keep what `kept_metric` has checked beside the manifest in `folder`."""
    write_whole(folder / METRIC, to_json(_Metric(metric=metric)))


def read_metric(folder: Path) -> str | None:
    """Read the metric that is kept in a dataset's folder, as `kept_metric` gave it; None where there is none.

    Raises:
        ShardError: The file is damaged.
    """
    try:
        return from_json(folder / METRIC, _Metric).metric
    except FileNotFoundError:
        return None
    except SpecError as error:
        raise ShardError(f"{error}; remove the file, or name the metric again with kit shard --metric") from error


def inherited_metric(folder: Path, target: Target, root: Path) -> tuple[str | None, str]:
    """Take over the metric of a dataset that is to be replaced, if it judges the new one.

    Args:
        folder: Folder of the dataset, which need not exist.
        target: Target of the dataset that replaces it.
        root: Folder of the workspace.

    Returns:
        The metric as it is kept, None where there is none to take over; and a line that says so, or nothing.
    """
    try:
        metric = read_metric(folder)
        if metric is None:
            return None, ""
        refuse_metric(target, find_metric(found_metric(metric, root)))
    except KitError as error:
        return None, f"metric: {target.default_metric}, as that of the replaced dataset was dropped: {error}"
    return metric, f"metric: {metric}, kept from the replaced dataset"


def found_metric(metric: str, root: Path) -> str:
    """Turn a metric as it is kept into one that `kit.find_metric` finds from the current folder."""
    path, function = _file_of(metric)
    return metric if path is None else f"{(root / path).resolve()}{function}"  # one name, whatever the current folder


def _file_of(metric: str) -> tuple[Path | None, str]:
    """Take `file.py:function` apart; no path where the metric is a name."""
    stem, mark, function = metric.rpartition(f"{_FILE}:")
    return (Path(f"{stem}{_FILE}"), f":{function}") if mark else (None, "")
