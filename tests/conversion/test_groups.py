from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import DisjointSet

from kit.conversion.groups import Unit, divide_units, tie
from kit.conversion.shard_plan import assign_splits, plan_shards, sample
from kit.conversion.whole_digests import doubtful
from kit.datasets.manifest import NO_FOLD
from kit.errors import SourceError, SpecError
from kit.images import SourceImage
from kit.joined_sets import join_sets
from kit.sources import Record
from kit.sources.record import ImageFile
from kit.specs import ShardSpec
from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.tags import Tags
from kit.targets.values import Values

MEMBERS = st.lists(st.tuples(st.sampled_from(["", "p1", "p2", "p3", "p4", "p5"]), st.sampled_from("ab")), max_size=40)
SHARES = st.sampled_from([(0.7, 0.3), (0.5, 0.5), (0.6, 0.2, 0.2)])


def record(number: int, *, group: str = "", label: str | None = "a", split: str | None = None) -> Record:
    file = ImageFile(folder=Path(), name=f"{number:04d}.png", size=1000, modified=0)
    return Record(key=f"{number:04d}", file=file, label=label, group=group, split=split)


def records(members: list[tuple[str, str]]) -> list[Record]:
    return [record(number, group=group, label=label) for number, (group, label) in enumerate(members)]


def places(given: list[Record], spec: ShardSpec, ties: list[list[Record]] | None = None) -> dict[str, tuple[str, int]]:
    """Name each record's split and fold."""
    parts = assign_splits(given, spec, ties or [])
    return {r.key: (split, fold) for split, folds in parts.items() for fold, members in folds.items() for r in members}


@given(st.lists(st.lists(st.integers(0, 30), min_size=2, max_size=4, unique=True), max_size=12))
def test_sets_that_share_a_member_become_one(sets: list[list[int]]) -> None:
    whole = join_sets(sets, 31)
    place = {member: number for number, members in enumerate(whole) for member in members}
    reference = DisjointSet(range(31))
    for first, *others in sets:
        for other in others:
            reference.merge(first, other)

    assert sum(map(len, whole)) == len(place)
    assert {member for members in sets for member in members} == place.keys()
    assert all(1 == len({place[member] for member in members}) for members in sets)
    assert sorted(sorted(members) for members in reference.subsets() if len(members) > 1) == whole


@given(st.lists(st.builds(SourceImage, st.integers(1, 3), st.integers(1, 3), is_whole=st.booleans()), max_size=20))
def test_only_images_of_one_size_that_were_decoded_differently_are_doubted(origins: list[SourceImage]) -> None:
    doubted = set(doubtful(origins))

    for place, origin in enumerate(origins):
        size = (origin.height, origin.width)
        others = {other.is_whole for other in origins if (other.height, other.width) == size}
        assert (place in doubted) == (others == {True, False})


@given(MEMBERS, st.lists(st.lists(st.integers(0, 39), min_size=2, max_size=4), max_size=6))
def test_units_hold_every_record_once_and_what_is_tied_together(
    members: list[tuple[str, str]], pairs: list[list[int]]
) -> None:
    given_records = records(members)
    ties = [[given_records[place] for place in pair if place < len(given_records)] for pair in pairs]
    units = tie(given_records, ties)
    unit_of = {r.key: number for number, unit in enumerate(units) for r in unit.records}

    assert sorted(r.key for unit in units for r in unit.records) == [r.key for r in given_records]
    for group in {r.group for r in given_records if r.group}:
        assert 1 == len({unit_of[r.key] for r in given_records if r.group == group})
    for members_tied in ties:
        assert len({unit_of[r.key] for r in members_tied}) <= 1


def test_ties_of_ties_are_one_unit() -> None:
    first, second, third, fourth = (record(number) for number in range(4))

    assert [Unit((first, second, third)), Unit((fourth,))] == tie(
        [first, second, third, fourth], [[second, third], [first, second]]
    )


def test_a_record_is_known_by_its_file_and_not_by_the_object() -> None:
    given_records = [record(number) for number in range(4)]
    copies = [msgspec.structs.replace(given_records[place]) for place in (0, 2)]

    assert [2, 1, 1] == [len(unit.records) for unit in tie(given_records, [copies])]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=60), SHARES)
def test_a_class_is_shared_out_within_its_largest_group(sizes: list[int], shares: tuple[float, ...]) -> None:
    units = [Unit(tuple(record(100 * place + member) for member in range(size))) for place, size in enumerate(sizes)]
    parts = divide_units(units, shares)
    total = sum(sizes)

    assert sorted(sizes) == sorted(len(unit.records) for part in parts for unit in part)
    for part, share in zip(parts, shares, strict=True):
        assert abs(sum(len(unit.records) for unit in part) - share * total) <= max(sizes)


@given(MEMBERS, SHARES, st.integers(0, 99))
def test_no_group_lies_in_two_splits(members: list[tuple[str, str]], shares: tuple[float, ...], seed: int) -> None:
    given_records = records(members)
    placed = places(given_records, ShardSpec(split=shares, seed=seed))

    assert len(given_records) == len(placed)
    for group in {r.group for r in given_records if r.group}:
        assert 1 == len({placed[r.key] for r in given_records if r.group == group})


def test_no_group_and_no_tie_lies_in_two_folds() -> None:
    given_records = [record(number, group=f"p{number // 7}", label="ab"[number // 7 % 2]) for number in range(700)]
    ties = [[given_records[0], given_records[350]], [given_records[8], given_records[693]]]
    placed = places(given_records, ShardSpec(folds=5, seed=3), ties)
    counts = Counter((fold, r.label) for r in given_records for _, fold in [placed[r.key]])

    for start in range(0, 700, 7):
        assert 1 == len({placed[f"{number:04d}"] for number in range(start, start + 7)})
    assert placed["0000"] == placed["0350"]
    assert placed["0008"] == placed["0693"]
    assert {("train", 1), ("train", 2), ("train", 3), ("train", 4), ("validation", 0)} == set(placed.values())
    assert all(abs(count - 70) <= 14 for count in counts.values())


def test_folds_of_single_records_are_even_to_one_of_each_class() -> None:
    given_records = [record(number, label="a" if number % 3 else "b") for number in range(100)]
    placed = places(given_records, ShardSpec(folds=4))
    counts = Counter((fold, r.label) for r in given_records for _, fold in [placed[r.key]])

    assert {count for (_, label), count in counts.items() if label == "a"} <= {16, 17}
    assert {count for (_, label), count in counts.items() if label == "b"} <= {8, 9}


def test_folds_keep_a_test_share_apart_and_divide_a_given_validation_split_anew() -> None:
    given_records = [record(number, split="validation" if number < 30 else "train") for number in range(100)]
    placed = places(given_records, ShardSpec(folds=2, split=(0.5, 0.3, 0.2)))
    counts = Counter(placed.values())

    assert {("train", 1): 40, ("validation", 0): 40, ("test", -1): 20} == counts


def test_a_given_test_split_is_in_no_fold() -> None:
    given_records = [record(number, split="test" if number < 30 else "train") for number in range(100)]
    placed = places(given_records, ShardSpec(folds=2))

    assert {("test", -1)} == {placed[f"{number:04d}"] for number in range(30)}


def test_every_shard_is_of_one_fold_and_numbered_through_its_split() -> None:
    plans = plan_shards([record(number) for number in range(1000)], ShardSpec(folds=3))
    train = [plan for plan in plans if plan.split == "train"]

    assert [f"train-{number:05d}-of-{len(train):05d}.tfrecord" for number in range(len(train))] == [
        plan.name for plan in train
    ]
    assert sorted([1] * (len(train) // 2) + [2] * (len(train) // 2)) == [plan.fold for plan in train]
    assert 1000 == len({r.key for plan in plans for r in plan.records})


def test_more_folds_than_groups_are_refused() -> None:
    with pytest.raises(SpecError, match=r"folds=3 leaves 1 empty: there are too few images or groups; give fewer"):
        plan_shards([record(number, group=f"p{number % 2}") for number in range(100)], ShardSpec(folds=3))


@given(st.lists(st.sampled_from("aaab"), min_size=8), st.integers(0, 9))
def test_balance_takes_as_many_of_each_class_as_the_smallest_has(labels: list[str], seed: int) -> None:
    given_records = [record(number, label=label) for number, label in enumerate([*labels, "a", "b"])]
    taken, left = sample(given_records, ShardSpec(balance="down", seed=seed))
    counts = Counter(r.label for r in taken)

    assert 1 == len(set(counts.values()))
    assert min(Counter(r.label for r in given_records).values()) == counts["a"]
    assert sorted(r.key for r in [*taken, *left]) == [r.key for r in given_records]


def test_per_class_takes_so_many_and_leaves_given_tests_whole() -> None:
    tests = [record(number, split="test", label="a") for number in range(20)]
    given_records = [*tests, *(record(number, label="ab"[number % 2]) for number in range(20, 100))]
    taken, left = sample(given_records, ShardSpec(per_class=15))

    assert {"a": 35, "b": 15} == Counter(r.label for r in taken)
    assert 50 == len(left)
    assert taken[:20] == tests


def test_a_class_with_too_few_images_is_named() -> None:
    with pytest.raises(SourceError, match=r"class 'a' has 5 images, fewer than the 6 that are to be taken of each"):
        sample([record(number) for number in range(5)], ShardSpec(per_class=6))


@given(
    st.lists(st.tuples(st.sampled_from(["", *(f"p{n}" for n in range(8))]), st.sampled_from("aaabbcdef")), min_size=6),
    st.sampled_from([(0.7, 0.3), (0.6, 0.2, 0.2)]),
    st.sampled_from([0, 2, 3]),
)
def test_every_class_is_trained_on_whatever_is_held_out(
    members: list[tuple[str, str]], shares: tuple[float, ...], folds: int
) -> None:
    given_records = records(members)
    try:
        placed = places(given_records, ShardSpec(split=shares, folds=folds))
    except SpecError:  # a fold is empty
        return
    kept = {r.key: (r.label, *placed[r.key]) for r in given_records}
    classes = {label for label, split, _ in kept.values() if split != "test"}
    for held in range(folds) if folds else [None]:
        trained = {
            label
            for label, split, fold in kept.values()
            if split != "test" and (split == "train" if held is None else fold != held)
        }

        assert classes == trained
    if not folds:
        assert {label for label, *_ in kept.values()} == classes


def test_classes_of_one_image_or_group_lie_beside_the_folds() -> None:
    common = [("", "a")] * 9 + [("", "b")] * 9
    rare = [("", "c"), ("p1", "d"), ("p1", "d"), ("p2", "e"), ("p3", "e")]
    placed = places(records([*common, *rare]), ShardSpec(folds=3))
    c, d, *e = (placed[f"{number:04d}"] for number in (18, 19, 21, 22))

    assert ("train", NO_FOLD) == c == d == placed["0020"]
    assert 2 == len({fold for _, fold in e} - {NO_FOLD})


def scattered(number: int) -> int:
    """Scatter a number over 28 bits (Knuth's multiplicative hash)."""
    return number * 2_654_435_761 % 2**32 >> 4


def of_kind(kind: str) -> tuple[list[Record], Target]:
    """Make 2,000 records of unequal classes, of tags or of values, every third one of a patient with two others."""
    numbers = range(2000)
    if kind == "classes":
        names = [f"class {round((scattered(number) % 1000 / 250) ** 2)}" for number in numbers]
        target: Target = Classes(names=tuple(sorted(set(names))))
    elif kind == "tags":
        names = [
            " ".join(tag for tag in "abcdef" if scattered(number + ord(tag)) % (ord(tag) - 95) == 0)
            for number in numbers
        ]
        target = Tags(names=tuple("abcdef"))
    else:
        names = [f"{scattered(number) % 997} {scattered(number + 1) % 89}" for number in numbers]
        target = Values.of(("width", "height"), names)
    groups = [f"patient {number // 9}" if number % 3 == 0 else "" for number in numbers]
    return [record(number, group=groups[number], label=names[number]) for number in numbers], target


@pytest.mark.parametrize(
    ("kind", "spec", "digest"),
    [
        ("classes", ShardSpec(), "026089432e4c19bc"),
        ("classes", ShardSpec(split=(0.6, 0.3, 0.1), seed=7), "a1be3d9e9b07b23a"),
        ("classes", ShardSpec(folds=5, seed=3), "3b068a40853be4aa"),
        ("tags", ShardSpec(), "3f8484619a178653"),
        ("tags", ShardSpec(split=(0.6, 0.3, 0.1), seed=7), "d988ec734122d748"),
        ("tags", ShardSpec(folds=5, seed=3), "a92f6325c366ef01"),
        ("values", ShardSpec(), "7fb8492d510705a3"),
        ("values", ShardSpec(split=(0.6, 0.3, 0.1), seed=7), "82d4174e1ec0ca0a"),
        ("values", ShardSpec(folds=5, seed=3), "ae0ee964ab3b227e"),
    ],
)
def test_records_lie_where_they_always_have(kind: str, spec: ShardSpec, digest: str) -> None:
    given_records, target = of_kind(kind)
    ties = [given_records[number : number + 2 + number % 3] for number in range(0, 2000, 40)]
    plans = plan_shards(given_records, spec, ties, target)
    lines = [f"{plan.name} {plan.fold} {r.key}" for plan in plans for r in plan.records]

    assert 2000 == len(lines)
    assert digest == hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
