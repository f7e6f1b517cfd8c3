from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from iterstrat.ml_stratifiers import IterativeStratification
from made import dataset_of, labelled_records

from kit.conversion.exact_duplicates import Placed, describe_duplicates
from kit.conversion.shard_plan import assign_splits, sample
from kit.conversion.stratification import stratify
from kit.datasets import verify_dataset
from kit.datasets.manifest import NO_FOLD
from kit.errors import SpecError
from kit.sources import Record
from kit.specs import ShardSpec
from kit.targets import Target
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SHARES = st.sampled_from([(0.7, 0.3), (0.7, 0.2, 0.1), (0.5, 0.5), (0.2,) * 5, (1 / 3,) * 3])
STRATA = st.lists(st.sets(st.sampled_from("abcdef"), max_size=4).map(lambda names: tuple(sorted(names)) or ("",)))
TAGS = Tags(names=tuple(f"tag-{number:02d}" for number in range(20)))
SPLIT = ShardSpec(split=(0.6, 0.2, 0.2))


def _marks(count: int, tags: int, seed: int) -> np.ndarray:
    """Tags that tend to come together, the first of them on half of the images, the last on few."""
    rng = np.random.default_rng(seed)
    rates = 0.5 / (1 + np.arange(tags)) ** 1.5
    return (rng.random((count, tags)) < rates * np.exp(0.5 * rng.normal(size=(count, 1)))).astype(np.int8)


def _strata(marks: np.ndarray) -> list[tuple[str, ...]]:
    return [tuple(map(str, np.flatnonzero(row))) or ("",) for row in marks]


def _deviation(marks: np.ndarray, parts: Sequence[Sequence[int]], shares: Sequence[float]) -> float:
    """Images by which a tag lies farthest from its share in a part."""
    totals = marks.sum(axis=0, dtype=float)
    pairs = zip(parts, shares, strict=True)
    return max(np.abs(marks[list(part)].sum(axis=0) - share * totals).max() for part, share in pairs)


@given(STRATA, SHARES)
def test_every_image_lies_in_one_part_and_parts_are_as_large_as_their_shares(
    strata: list[tuple[str, ...]], shares: tuple[float, ...]
) -> None:
    parts = stratify(strata, shares)

    assert sorted(index for part in parts for index in part) == list(range(len(strata)))
    assert all(part == sorted(part) for part in parts)
    assert all(abs(len(part) - share * len(strata)) < 1 for part, share in zip(parts, shares, strict=True))


@given(st.lists(st.sampled_from("abc").map(lambda name: (name,)), max_size=60), SHARES)
def test_images_of_one_stratum_each_are_divided_by_it(strata: list[tuple[str, ...]], shares: tuple[float, ...]) -> None:
    parts = stratify(strata, shares)
    for name in "abc":
        total = strata.count((name,))
        for part, share in zip(parts, shares, strict=True):
            assert abs(sum(strata[index] == (name,) for index in part) - share * total) < 2


@pytest.mark.parametrize("shares", [(0.7, 0.3), (0.7, 0.2, 0.1), (0.2,) * 5])
@pytest.mark.parametrize("seed", range(3))
def test_tags_are_divided_as_well_as_by_the_published_implementation(shares: tuple[float, ...], seed: int) -> None:
    marks = _marks(2000, 20, seed)
    random = np.random.RandomState(seed)
    folds = IterativeStratification(marks.astype(bool), np.array(shares), random)
    theirs = [np.flatnonzero(folds == fold) for fold in range(len(shares))]
    ours = stratify(_strata(marks), shares)
    cuts = np.cumsum([round(share * len(marks)) for share in shares])[:-1]
    drawn = np.split(np.random.default_rng(seed).permutation(len(marks)), cuts)

    assert _deviation(marks, ours, shares) <= max(1.0, _deviation(marks, theirs, shares))
    assert _deviation(marks, ours, shares) < _deviation(marks, drawn, shares) / 5


@pytest.mark.parametrize("shares", [(0.7, 0.3), (0.2,) * 5])
def test_tags_of_images_that_all_have_some_keep_their_shares(shares: tuple[float, ...]) -> None:
    marks = _marks(3000, 12, seed=1)
    marks = marks[marks.any(axis=1)]
    parts = stratify(_strata(marks), shares)

    assert all(abs(len(part) - share * len(marks)) < 1 for part, share in zip(parts, shares, strict=True))
    assert _deviation(marks, parts, shares) <= 0.01 * len(marks)


def test_many_images_of_many_tags_are_divided_into_folds() -> None:
    marks = _marks(40_000, 20, seed=0)
    parts = stratify(_strata(marks), (0.2,) * 5)

    assert [8000] * 5 == [len(part) for part in parts]
    assert _deviation(marks, parts, (0.2,) * 5) < 1


def test_rarest_tag_of_two_images_lies_in_both_parts() -> None:
    strata = [("common",)] * 50 + [("common", "rare")] * 2

    assert [sum("rare" in strata[index] for index in part) for part in stratify(strata, (0.7, 0.3))] == [1, 1]


def _tagged(count: int, *, grouped: bool = False) -> list[Record]:
    marks = _marks(count, 20, seed=2)
    records = labelled_records([TAGS.text(row) for row in marks], side=1)
    if not grouped:
        return records
    sizes = np.random.default_rng(0).geometric(0.4, size=count)
    names = np.repeat(np.arange(count), sizes)[:count]
    return [msgspec.structs.replace(r, group=f"p{name}") for r, name in zip(records, names, strict=True)]


def _valued(count: int, width: int) -> tuple[Target, list[Record]]:
    rng = np.random.default_rng(5)
    labels = [" ".join(f"{value:.6g}" for value in row) for row in rng.lognormal(size=(count, width))]
    return Values.of([f"value {index}" for index in range(width)], labels), labelled_records(labels, side=1)


def _by_split(records: Sequence[Record], target: Target, spec: ShardSpec = SPLIT) -> dict[str, list[Record]]:
    return {
        split: [record for members in folds.values() for record in members]
        for split, folds in assign_splits(records, spec, (), target).items()
    }


@pytest.mark.parametrize("grouped", [False, True])
def test_splits_get_their_share_of_each_tag(*, grouped: bool) -> None:
    records = _tagged(2000, grouped=grouped)
    splits = _by_split(records, TAGS)
    totals = TAGS.encode([record.label for record in records]).sum(axis=0, dtype=float)

    assert sorted(record.key for part in splits.values() for record in part) == sorted(r.key for r in records)
    for share, part in zip(SPLIT.split, splits.values(), strict=True):
        found = TAGS.encode([record.label for record in part]).sum(axis=0, dtype=float)

        assert abs(len(part) - share * len(records)) < (10 if grouped else 1)
        assert np.abs(found - share * totals).max() < (5 if grouped else 1)
    if grouped:
        groups = [{record.group for record in part} for part in splits.values()]

        assert sum(map(len, groups)) == len(set.union(*groups))


@pytest.mark.parametrize("width", [1, 3])
def test_splits_have_values_of_the_same_spread(width: int) -> None:
    target, records = _valued(1000, width)
    splits = _by_split(records, target)
    whole = target.encode([record.label for record in records])
    edges = np.quantile(whole, np.linspace(0, 1, 11)[1:-1], axis=0)
    for share, part in zip(SPLIT.split, splits.values(), strict=True):
        numbers = target.encode([record.label for record in part])

        assert abs(len(part) - share * 1000) < 1
        for column, cuts in zip(numbers.T, edges.T, strict=True):
            sizes = np.bincount(np.searchsorted(cuts, column, side="right"), minlength=10)

            assert np.abs(sizes - share * 100).max() <= (2 if width == 1 else 6)


def test_folds_of_few_values_differ_in_size_by_one_at_most() -> None:
    target, records = _valued(23, 1)
    parts = assign_splits(records, ShardSpec(folds=5), (), target)
    sizes = [len(members) for folds in parts.values() for members in folds.values()]

    assert sorted(sizes) == [4, 4, 5, 5, 5]


@pytest.mark.parametrize("seed", [1, 2])
def test_which_images_of_a_tag_or_quantile_are_taken_follows_from_the_seed(seed: int) -> None:
    for target, records in ((TAGS, _tagged(300)), _valued(300, 1)):
        first, again, other = (
            [record.key for record in _by_split(records, target, ShardSpec(seed=number))["train"]]
            for number in (seed, seed, 7)
        )

        assert first == again
        assert set(first) != set(other)


@pytest.mark.parametrize(("spec", "asked"), [({"balance": "down"}, "undersample"), ({"per_class": 2}, "per_class")])
@pytest.mark.parametrize("target", [TAGS, Values.of(["x"], ["1", "2"])])
def test_taking_as_many_of_each_class_is_refused_where_there_are_none(
    spec: dict[str, object], asked: str, target: Target
) -> None:
    with pytest.raises(
        SpecError, match=f"{asked}.* takes images of each class; this dataset's target is {target.kind()}"
    ):
        sample(labelled_records(["1", "2"]), ShardSpec(**spec), target)


def test_as_many_of_each_grade_are_taken() -> None:
    target = Grades(names=("0", "1", "2"))
    taken, left = sample(labelled_records([*"000001122"]), ShardSpec(balance="down"), target)

    assert sorted(record.label for record in taken) == [*"001122"]
    assert len(left) == 3


def test_equal_images_with_their_tags_in_another_order_have_one_label() -> None:
    tags = Tags(names=("a", "b"))
    same, other = (labelled_records(labels) for labels in (["a b", "b a", None], ["a b", "b"]))
    sets = [[Placed(record, "train", NO_FOLD) for record in members] for members in (same, other)]

    assert (2, 5, 0, 1) == msgspec.structs.astuple(describe_duplicates(sets, tags))


@pytest.mark.parametrize("folds", [0, 5])
def test_dataset_counts_the_images_of_each_tag_and_of_each_value(tmp_path: Path, folds: int) -> None:
    marks = _marks(200, 20, seed=3)
    labels = [TAGS.text(row) for row in marks]
    target, numbers = _valued(200, 2)
    spec = ShardSpec(folds=folds)
    tagged = dataset_of(tmp_path, TAGS, labels, unlabelled=9, spec=spec, name="tagged")
    valued = dataset_of(tmp_path, target, [str(r.label) for r in numbers], unlabelled=9, spec=spec, name="valued")
    by_tag = dict(zip(TAGS.names, marks.sum(axis=0).tolist(), strict=True))
    for dataset, counted in ((tagged, by_tag), (valued, dict.fromkeys(target.names, 200))):
        verify_dataset(dataset)
        manifest = dataset.manifest
        found = {name: sum(counts.get(name, 0) for counts in manifest.counts.values()) for name in manifest.classes}

        assert counted == found
        assert manifest.counts["test"] == {"unlabelled": 9}
        if folds:
            view = dataset.for_fold(2)

            assert view.manifest.counts["validation"] == manifest.folds[2]
            view.manifest.refuse_contradictions()
