"""Table of the folds of a cross-validation."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kit.reports.table import NOTHING, Table
from kit.runs.fold_set import FoldFigures, FoldResult, FoldSet
from kit.runs.mean_and_sd import MeanAndSD

_NAMES = {"accuracy": "accuracy", "loss": "loss", "auc": "AUC"}


def fold_table(result: FoldResult) -> Table:
    """Build one row per fold, their mean ± sample standard deviation, and all images pooled."""
    columns = _columns(result)
    rows = (
        *((f"fold {fold}", *_cells(figures, columns)) for fold, figures in result.folds.items()),
        ("mean ± sd", NOTHING, *(_spread(getattr(result, name)) for name in columns)),
        ("all images", *_cells(result.pooled, columns)),
    )
    return Table(
        "each fold's images, by the run that was not trained on them", ("", "images", *_titles(result, columns)), rows
    )


def fold_doubts(fold_set: FoldSet) -> list[str]:
    """List doubts about the folds' trainings, one line each; see `RunResult.doubt`."""
    return [f"fold {fold}: {doubt}" for fold, run in fold_set.finished().items() if (doubt := run.result().doubt)]


def fold_csv(result: FoldResult) -> str:
    """Format the table as CSV with every digit; mean and standard deviation have a row each."""
    columns = _columns(result)
    spread: list[MeanAndSD | None] = [getattr(result, name) for name in columns]
    rows = (
        *((str(fold), *_digits(one.images, *_values(one, columns))) for fold, one in result.folds.items()),
        ("mean", "", *_digits(*(None if one is None else one.mean for one in spread))),
        ("sd", "", *_digits(*(None if one is None else one.sd for one in spread))),
        ("all", *_digits(result.pooled.images, *_values(result.pooled, columns))),
    )
    return Table("", ("fold", "images", *_titles(result, columns)), rows).csv()


def _columns(result: FoldResult) -> list[str]:
    """Choose the figures that there are: the dataset's metric, and those of classes and grades."""
    metric = [] if result.metric is msgspec.UNSET else ["score"]
    return metric + ([] if result.pooled.accuracy is None else list(_NAMES))


def _titles(result: FoldResult, columns: Sequence[str]) -> list[str]:
    return [str(result.metric) if name == "score" else _NAMES[name] for name in columns]


def _values(figures: FoldFigures, columns: Sequence[str]) -> list[float | None]:
    return [getattr(figures, name) for name in columns]


def _digits(*values: float | None) -> tuple[str, ...]:
    return tuple("" if value is None else repr(value) for value in values)


def _cells(figures: FoldFigures, columns: Sequence[str]) -> tuple[str, ...]:
    values = _values(figures, columns)
    return f"{figures.images:,}", *(NOTHING if value is None else f"{value:z.4f}" for value in values)


def _spread(figure: MeanAndSD | None) -> str:
    if figure is None:
        return NOTHING
    return f"{figure.mean:z.4f}" + ("" if figure.sd is None else f" ± {figure.sd:.4f}")
