"""Table of the folds of a cross-validation."""

from __future__ import annotations

from kit.reports.table import NOTHING, Table
from kit.runs.fold_set import FoldFigures, FoldResult, FoldSet
from kit.runs.mean_and_sd import MeanAndSD

_COLUMNS = ("", "images", "accuracy", "loss", "AUC")


def fold_table(result: FoldResult) -> Table:
    """Build one row per fold, their mean ± sample standard deviation, and all images pooled."""
    spread = (_spread(result.accuracy), _spread(result.loss), _spread(result.auc))
    rows = (
        *((f"fold {fold}", *_cells(figures)) for fold, figures in result.folds.items()),
        ("mean ± sd", NOTHING, *spread),
        ("all images", *_cells(result.pooled)),
    )
    return Table("each fold's images by the run that did not learn from them", _COLUMNS, rows)


def fold_doubts(fold_set: FoldSet) -> list[str]:
    """List doubts about the folds' trainings, one line each; see `RunResult.doubt`."""
    return [f"fold {fold}: {doubt}" for fold, run in fold_set.finished().items() if (doubt := run.result().doubt)]


def fold_csv(result: FoldResult) -> str:
    """Format the table as CSV with every digit; mean and standard deviation have a row each."""
    spread = (result.accuracy, result.loss, result.auc)
    rows = (
        *((str(fold), *_digits(one.images, one.accuracy, one.loss, one.auc)) for fold, one in result.folds.items()),
        ("mean", "", *_digits(*(None if one is None else one.mean for one in spread))),
        ("sd", "", *_digits(*(None if one is None else one.sd for one in spread))),
        ("all", *_digits(result.pooled.images, result.pooled.accuracy, result.pooled.loss, result.pooled.auc)),
    )
    return Table("", ("fold", *_COLUMNS[1:]), rows).csv()


def _digits(*values: float | None) -> tuple[str, ...]:
    return tuple("" if value is None else repr(value) for value in values)


def _cells(figures: FoldFigures) -> tuple[str, ...]:
    values = (figures.accuracy, figures.loss, figures.auc)
    return f"{figures.images:,}", *(NOTHING if value is None else f"{value:.4f}" for value in values)


def _spread(figure: MeanAndSD | None) -> str:
    if figure is None:
        return NOTHING
    return f"{figure.mean:.4f}" + ("" if figure.sd is None else f" ± {figure.sd:.4f}")
