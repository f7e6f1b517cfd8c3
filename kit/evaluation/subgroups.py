"""A metric by subgroup of the images, such as the hospital that they come from, and whether one differs from the rest.

The difference between a subgroup and all other images is tested by permutation (Fisher 1935; Good 2005, Permutation,
Parametric and Bootstrap Tests of Hypotheses): the subgroups' names are dealt anew among the images, and p is the share
of the deals, the real one among them (Phipson & Smyth 2010, doi:10.2202/1544-6115.1585), in which the difference is at
least as large. It holds for few images and for metrics at the end of their range, where resamples are all alike. Where
images are in groups, such as patients, the images of a group that share a name are dealt together. The p values of all
subgroups are corrected after Holm (1979).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.errors import SpecError, option, require
from kit.evaluation.intervals import FEWEST, RESAMPLES, SEED, Interval, Units, bootstrap, prepared_metric
from kit.evaluation.subgroup_columns import Division
from kit.inference.predictions import Predictions
from kit.metrics import Metric
from kit.metrics.score import Direction, known
from kit.metrics.weightings import Weighted
from kit.progress import NO_PROGRESS, Progress
from kit.significance import LEVEL, holm

FEWEST_IMAGES = 10  # of a subgroup that is judged
MOST = 50  # subgroups that are judged
_AT_ONCE = 1_000_000  # memberships in memory at a time
_PATIENCE = 5_000_000_000  # nanoseconds before there are fewer permutations
_DEEP = 40  # permutations for each subgroup, so that p can be small enough for Holm's correction
_ROUNDING = 1e-9  # of differences that are equal
_TWO = 2  # subgroups, each the other's rest: one test


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroup:
    """A metric of some of the images.

    Attributes:
        name: Name of the subgroup.
        images: Number of its images.
        value: Value of the metric; None where it has none.
        interval: 95 % interval over its resampled images or groups; None where there is none.
        difference: Value less that of all other images; None where one of them has none.
        p: P value of the difference; None for fewer than ten images, and where there is no difference.
        p_holm: P value corrected for the number of judged subgroups (Holm 1979).
    """

    name: str
    images: int
    value: float | None
    interval: Interval | None
    difference: float | None = None
    p: float | None = None
    p_holm: float | None = None

    @property
    def stands(self) -> bool | None:
        """Whether the difference stands after the correction; None where it was not judged."""
        return None if self.p_holm is None else self.p_holm < LEVEL


class _Tested(NamedTuple):
    """A difference and its p; None where there is none."""

    difference: float | None
    p: float | None


class _Test(NamedTuple):
    """Tested differences by the subgroup's index, and the number of permutations."""

    found: dict[int, _Tested]
    permutations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroups:
    """A metric by subgroup.

    Attributes:
        by: Column that names the subgroups, as it was asked for.
        metric: Name of the metric.
        direction: "max" if higher is better, else "min".
        dealt: Name of what is drawn and dealt, "images" or "groups".
        permutations: Number of permutations; 0 where no subgroup was judged.
        rows: Subgroups in order.
    """

    by: str
    metric: str
    direction: Direction
    dealt: str
    permutations: int
    rows: tuple[Subgroup, ...]

    @property
    def column(self) -> str:
        """Name of the column without its file."""
        return self.by.rpartition(":")[2]

    def figures(self) -> dict[str, Any]:
        """All figures, as evaluation.json holds them."""
        rows = [{**_fields(row), "stands": row.stands} for row in self.rows]
        return {**{name: getattr(self, name) for name in ("by", "metric", "dealt", "permutations")}, "rows": rows}


def compare_subgroups(
    by: str,
    division: Division,
    scores: Predictions,
    metric: Metric,
    *,
    units: Units,
    progress: Progress = NO_PROGRESS,
) -> Subgroups:
    """Judge each subgroup by a metric, beside all other images.

    Args:
        by: Column that names the subgroups.
        division: Subgroup of each of n images.
        scores: Their predictions.
        metric: Metric that fits them.
        units: Images, or groups of them, that are drawn and dealt.
        progress: Progress that sees every subgroup and permutation.

    Raises:
        SpecError: All images have the same name, or hardly any two, or there are too many subgroups to judge.
    """
    _refuse(by, Counter(division.names))
    index_of = {name: index for index, name in enumerate(division.order)}
    codes = np.array([index_of[name] for name in division.names])
    parts = [np.flatnonzero(codes == index) for index in index_of.values()]
    rows = []
    progress.start(f"resample by {by.rpartition(':')[2]}", len(parts))
    for name, indices in zip(index_of, parts, strict=True):
        rows.append(_measured(name, scores.at(indices), metric, units.at(indices)))
        progress.advance()
    progress.finish()
    judged = [
        index for index, indices in enumerate(parts) if FEWEST_IMAGES <= len(indices) <= len(codes) - FEWEST_IMAGES
    ]
    test = _test(codes, judged, prepared_metric(scores, metric), units, progress)
    tested = {index: one.p for index, one in test.found.items() if one.p is not None}
    corrected = tested if len(parts) == _TWO else holm(tested)
    return Subgroups(
        by=by,
        metric=metric.name,
        direction=metric.direction,
        dealt=units.noun,
        permutations=test.permutations,
        rows=tuple(
            replace(row, **test.found[index]._asdict(), p_holm=corrected.get(index)) if index in test.found else row
            for index, row in enumerate(rows)
        ),
    )


def _refuse(by: str, counts: Counter[str]) -> None:
    large = sum(images >= FEWEST_IMAGES for images in counts.values())
    images = sum(counts.values())
    require(len(counts) > 1, f"{option('by', by)}: all {images:,} images are of {next(iter(counts))}")
    require(
        large > 0,
        f"{option('by', by)}: {len(counts):,} different values of {images:,} images, none of which has"
        f" {FEWEST_IMAGES}; name a column of fewer values",
    )
    require(
        large <= MOST,
        f"{option('by', by)}: {large:,} values have {FEWEST_IMAGES} images or more; at most {MOST} are judged, so join"
        " some in a table of your own",
    )


def _measured(name: str, scores: Predictions, metric: Metric, units: Units) -> Subgroup:
    is_large = len(scores.keys) >= FEWEST_IMAGES
    return Subgroup(
        name=name,
        images=len(scores.keys),
        value=_value(scores, metric),
        interval=bootstrap(scores, [metric], units)[0] if is_large else None,
    )


def _permutations(prepared: Weighted, judged: int, images: int) -> int:
    """Choose the number of permutations by the time that they take; enough for the correction in any case."""
    fewest = max(5 * FEWEST, _DEEP * judged)
    return int(np.clip(_PATIENCE // (2 * judged * (prepared.work + 10 * images)), fewest, max(fewest, RESAMPLES)))


def _test(
    codes: NDArray[np.int64], judged: Sequence[int], prepared: Weighted | None, units: Units, progress: Progress
) -> _Test:
    """Compute each judged subgroup's difference from the rest, and its p."""
    if prepared is None or not judged:
        return _Test({}, 0)
    permutations = _permutations(prepared, len(judged), len(codes))
    progress.start("permute", permutations * len(judged))
    real = {index: float(_differences(prepared, (codes == index)[:, None])[0]) for index in judged}
    dealt: dict[int, list[NDArray[np.float64]]] = {index: [] for index in judged}
    for deal in _deals(codes, units, permutations):
        for index in judged:
            dealt[index].append(_differences(prepared, deal == index))
            progress.advance(deal.shape[1])
    progress.finish()
    found = {index: _Tested(known(value), _p(value, np.concatenate(dealt[index]))) for index, value in real.items()}
    return _Test(found, permutations)


def _differences(prepared: Weighted, members: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Compute the metric of members less that of all others, bool [n, b]: float [b]."""
    inside = members.astype(np.float64)
    return np.asarray(prepared.values(inside) - prepared.values(1 - inside))


def _deals(codes: NDArray[np.int64], units: Units, permutations: int) -> Iterator[NDArray[np.int64]]:
    """Yield permuted subgroups of all images, int [n, b]; images of one group and subgroup stay together."""
    rng = np.random.default_rng(SEED)
    index = np.arange(len(codes)) if units.index is None else units.index
    _, firsts, parts = np.unique(np.stack([index, codes]), axis=1, return_index=True, return_inverse=True)
    at_once = max(1, _AT_ONCE // len(codes))
    for begin in range(0, permutations, at_once):
        many = min(at_once, permutations - begin)
        yield rng.permuted(np.tile(codes[firsts], (many, 1)), axis=1).T[parts.ravel()]


def _p(real: float, dealt: NDArray[np.float64]) -> float | None:
    known = dealt[~np.isnan(dealt)]
    if math.isnan(real) or not len(known):
        return None
    extreme = np.abs(known) >= abs(real) - _ROUNDING
    return float((1 + extreme.sum()) / (1 + len(known)))


def _value(scores: Predictions, metric: Metric) -> float | None:
    try:
        return known(scores.judge(metric).value)
    except SpecError:  # a metric of one's own may fail where a class is missing, though it does not of all images
        return None


def _fields(row: Subgroup) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("name", "images", "value", "interval", "difference", "p", "p_holm")}
