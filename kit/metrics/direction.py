"""The way in which a figure of an epoch improves, by its name."""

from __future__ import annotations

from kit.errors import SpecError
from kit.metrics.registry import find_metric

_VALIDATION = "val_"
_FALLING = ("loss", "error")  # endings of figures that should fall, whatever metrics there are


def smaller_is_better(figure: str) -> bool:
    """Tell which way a recorded figure improves; larger is better of one that is neither a loss nor a known metric.

    Args:
        figure: Name in a history, such as "val_loss", "rmse" or "val_score.py:cost:min".
    """
    name = figure.removeprefix(_VALIDATION)
    try:
        return find_metric(name).direction == "min"
    except SpecError:  # no metric, or one's own whose file is not where it was
        return name.endswith((*_FALLING, ":min")) or ":min:" in name
