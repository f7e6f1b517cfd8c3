"""Tables of the images of each class, tag or grade by split and fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from kit.datasets.dataset import MANIFEST
from kit.datasets.manifest import Manifest
from kit.reports.table import NOTHING, Table
from kit.sources import UNLABELLED

_WIDE = 12  # names side by side; of more, each has a row
_ROWS, _SMALLEST = 20, 5  # rows of names, and those of the smallest among them

Counts = Mapping[str, Mapping[str, int]]


def counts_table(manifest: Manifest) -> Table:
    """Tabulate the images of each split by name: a column each of up to twelve names, else a row each.

    Of more than twenty names those of most and of fewest images are shown.

    Args:
        manifest: Manifest of the dataset.
    """
    counts = {split: manifest.counts[split] for split in manifest.splits}
    totals = {split: manifest.records(split) for split in manifest.splits}
    names = _names(manifest)
    if len(names) <= _WIDE:
        rows = ((split, f"{totals[split]:,}", *_shares(counts[split], totals[split], names)) for split in counts)
        return Table("images", ("split", "all", *names), tuple(rows))
    return _long("images", manifest, counts, totals)


def fold_tables(manifest: Manifest) -> list[Table]:
    """Tabulate the images of each fold by name in the same way; no table without folds.

    Args:
        manifest: Manifest of the dataset.
    """
    if not manifest.folds:
        return []
    totals = Counter[int]()
    for shard in manifest.shards:
        totals[shard.fold] += shard.records
    title = "folds (0 is validation)"
    if len(manifest.classes) <= _WIDE:
        rows = (
            (str(fold), f"{totals[fold]:,}", *_shares(counts, totals[fold], list(counts)))
            for fold, counts in manifest.folds.items()
        )
        return [Table(title, ("fold", "all", *manifest.classes), tuple(rows))]
    counts = {f"fold {fold}": found for fold, found in manifest.folds.items()}
    return [_long(title, manifest, counts, {f"fold {fold}": totals[fold] for fold in manifest.folds})]


def _names(manifest: Manifest) -> list[str]:
    """List the names that images have: the target's in order, then "unlabelled"."""
    found = {name for counts in manifest.counts.values() for name in counts}
    known = dict.fromkeys([*manifest.classes, *sorted(found)])
    return [name for name in known if name in found]


def _shares(counts: Mapping[str, int], total: int, names: Sequence[str]) -> list[str]:
    return [f"{counts[name]:,}\n{counts[name] / total:.1%}" if name in counts else NOTHING for name in names]


def _long(title: str, manifest: Manifest, counts: Counts, totals: Mapping[str, int]) -> Table:
    """Build a row for each name, the largest first, and one for all images."""
    sums = Counter[str]()
    for found in counts.values():
        sums.update(found)
    names = sorted(sums, key=lambda name: (name == UNLABELLED, -sums[name]))
    labelled = sum(totals.values()) - sums[UNLABELLED]
    rows = tuple(
        (
            name,
            *(f"{found[name]:,}" if found.get(name) else NOTHING for found in counts.values()),
            f"{sums[name]:,}",
            NOTHING if name == UNLABELLED else f"{sums[name] / labelled:.1%}",
        )
        for name in names
    )
    whole = ("all", *(f"{total:,}" for total in totals.values()), f"{sum(totals.values()):,}", NOTHING)
    kind = manifest.target.kind()
    has_all = f"; {MANIFEST} has all" if len(rows) > _ROWS else ""
    columns = (manifest.target.noun, *counts, "all", "share of\nlabelled")
    table = Table(f"{title}: {kind} with most images first{has_all}", columns, rows).head(_ROWS, last=_SMALLEST)
    return Table(table.title, table.columns, (*table.rows, whole))
