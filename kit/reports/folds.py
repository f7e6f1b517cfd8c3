"""What the folds of a cross-validation come to."""

from __future__ import annotations

from kit.reports.table import NOTHING, Table
from kit.runs.figure import Figure
from kit.runs.folds import FoldFigures, FoldResult


def fold_table(result: FoldResult) -> Table:
    """Lay out a row a fold, their mean ± sample standard deviation, and all images pooled."""
    spread = (_spread(result.accuracy), _spread(result.loss), _spread(result.auc))
    rows = (
        *((f"fold {fold}", *_cells(figures)) for fold, figures in result.folds.items()),
        ("mean ± sd", NOTHING, *spread),
        ("all images", *_cells(result.pooled)),
    )
    return Table("each fold's images by the run that did not learn from them", _COLUMNS, rows)


_COLUMNS = ("", "images", "accuracy", "loss", "AUC")


def _cells(figures: FoldFigures) -> tuple[str, ...]:
    values = (figures.accuracy, figures.loss, figures.auc)
    return f"{figures.images:,}", *(NOTHING if value is None else f"{value:.4f}" for value in values)


def _spread(figure: Figure | None) -> str:
    if figure is None:
        return NOTHING
    return f"{figure.mean:.4f}" + ("" if figure.sd is None else f" ± {figure.sd:.4f}")
