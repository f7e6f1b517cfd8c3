"""Table of one seed of each arm, compared image by image."""

from __future__ import annotations

from collections.abc import Sequence

from kit.comparison import Comparison
from kit.comparison.per_image import ImageDifference, Spread
from kit.reports.split_metrics import arm_lines
from kit.reports.table import NOTHING, Table, exact
from kit.reports.verdicts import chance, interval
from kit.significance import CONFIDENCE

_PARTS = ("value", "difference", "low", "high")


def image_tables(comparison: Comparison) -> list[Table]:
    """Tabulate the arms compared with the baseline image by image; no table without any."""
    found = comparison.images
    if not found:
        return []
    first = found[0]
    indices = {(one.seed, one.fold) for one in found}
    which = f"seed {first.seed}{_fold(first)}" if len(indices) == 1 else "one seed of each arm"
    title = (
        f"what {which} alone can say, by {first.weights} weights: of {first.images:,} validation images"
        f" (one: {1 / first.images:.4f}), not of trainings"
    )
    has_auc = any(one.auc for one in found)
    auc = ("AUC", f"Δ AUC, {CONFIDENCE}\nof images") if has_auc else ()
    columns = (
        "arm",
        "accuracy",
        f"Δ, {CONFIDENCE}\nof images",
        *auc,
        "right only\nhere",
        "right only in\nbaseline",
        "p\n(McNemar)",
    )
    return [Table(title, columns, tuple(_row(one, has_auc=has_auc) for one in found))]


def exact_images(found: Sequence[ImageDifference]) -> Table:
    """Build the same table with every digit, one value per cell."""
    spreads = ("accuracy", "auc")
    columns = ("arm", "seed", "fold", "images", *(f"{name}_{part}" for name in spreads for part in _PARTS))
    rows = [
        (
            *(one.arm, one.seed, one.fold, one.images),
            *(getattr(getattr(one, name), part, None) for name in spreads for part in _PARTS),
            *(one.only_here, one.only_baseline, one.p),
        )
        for one in found
    ]
    exactly = tuple(tuple(map(exact, row)) for row in rows)
    return Table("", (*columns, "only_here", "only_baseline", "p_mcnemar"), exactly)


def _row(one: ImageDifference, *, has_auc: bool) -> tuple[str, ...]:
    return (
        arm_lines(one.arm),
        *_cells(one.accuracy),
        *(_cells(one.auc) if has_auc else ()),
        f"{one.only_here:,}",
        f"{one.only_baseline:,}",
        chance(one.p),
    )


def _cells(spread: Spread | None) -> tuple[str, str]:
    if spread is None:
        return NOTHING, NOTHING
    return f"{spread.value:.4f}", interval(spread.difference, spread.low, spread.high)


def _fold(one: ImageDifference) -> str:
    return "" if one.fold is None else f", fold {one.fold},"
