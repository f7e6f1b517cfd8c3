from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.conversion.shard_plan import SHARD_BYTES, assign_splits, divide, plan_shards, shard_count
from kit.datasets.manifest import NO_FOLD
from kit.errors import SpecError
from kit.sources import Record
from kit.sources.record import ImageFile
from kit.specs import ImageSpec, ShardSpec

SPLITS = ("train", "validation", "test")
KEYS = st.lists(st.text(max_size=8), unique=True, max_size=300)


@st.composite
def shares(draw: st.DrawFn) -> tuple[float, ...]:
    """Whole percents, as people write them, in two or three parts."""
    first = draw(st.integers(1, 98))
    if draw(st.booleans()):
        return first / 100, (100 - first) / 100
    second = draw(st.integers(1, 99 - first))
    return first / 100, second / 100, (100 - first - second) / 100


@st.composite
def labelled(draw: st.DrawFn, *, least: int = 0) -> list[Record]:
    """Records of up to four classes of different sizes, no split given."""
    sizes = draw(st.lists(st.integers(least, 120), min_size=1, max_size=4))
    return [record(f"{label}/{number}", label=str(label)) for label, size in enumerate(sizes) for number in range(size)]


SPECS = st.builds(ShardSpec, split=shares(), seed=st.integers(0, 2**31 - 1))


def record(key: str, *, label: str | None = "a", split: str | None = None, size: int = 1000) -> Record:
    return Record(key=key, file=ImageFile(folder=Path(), name=key, size=size, modified=0), label=label, split=split)


def by_split(records: list[Record], spec: ShardSpec) -> dict[str, list[str]]:
    return {split: [member.key for member in members] for split, members in flat(assign_splits(records, spec)).items()}


def flat(parts: dict[str, dict[int, list[Record]]]) -> dict[str, list[Record]]:
    return {split: [member for members in folds.values() for member in members] for split, folds in parts.items()}


@given(labelled(), st.integers(2, 7), st.integers(0, 99))
def test_folds_without_groups_differ_by_one_image_at_most_in_all_and_in_each_class(
    records: list[Record], folds: int, seed: int
) -> None:
    spec = ShardSpec(folds=folds, seed=seed)
    sizes = Counter(record.label for record in records)
    try:
        parts = assign_splits(records, spec)
    except SpecError:  # fewer images than folds
        assert sum(size for size in sizes.values() if size > 1) < folds
        return
    always = parts["train"].pop(NO_FOLD, [])
    members = [fold for split in parts.values() for fold in split.values()]

    assert folds == len(members)
    assert 1 >= max(map(len, members)) - min(map(len, members))
    for label, size in sizes.items():
        counts = [sum(record.label == label for record in fold) for fold in members]
        assert 1 >= max(counts) - min(counts)
        assert (1 if size == 1 else 0) == sum(record.label == label for record in always)


@given(KEYS, shares())
def test_division_keeps_every_member_once_and_in_order(keys: list[str], parts: tuple[float, ...]) -> None:
    members = [record(key) for key in keys]
    divided = divide(members, parts)

    assert len(parts) == len(divided)
    assert members == list(itertools.chain.from_iterable(divided))


@given(st.integers(0, 3000), shares())
def test_division_leaves_no_part_empty_while_members_last(count: int, parts: tuple[float, ...]) -> None:
    divided = divide([record(str(number)) for number in range(count)], parts)

    assert min(count, len(parts)) == sum(bool(part) for part in divided)


@given(st.integers(0, 3000), shares())
def test_division_is_within_one_record_of_the_shares(count: int, parts: tuple[float, ...]) -> None:
    divided = divide([record(str(number)) for number in range(count)], parts)

    if all(share * count >= 1 for share in parts):
        assert all(abs(len(part) - share * count) <= 1.0001 for part, share in zip(divided, parts, strict=True))


@pytest.mark.parametrize(
    ("count", "parts", "sizes"),
    [
        (10, (0.7, 0.3), [7, 3]),
        (1000, (0.7, 0.2, 0.1), [700, 200, 100]),
        (2, (0.99, 0.01), [1, 1]),
        (3, (0.98, 0.01, 0.01), [1, 1, 1]),
        (5, (0.7, 0.1, 0.2), [3, 1, 1]),
        (4, (0.375, 0.25, 0.375), [2, 1, 1]),
        (1, (0.7, 0.3), [1, 0]),
        (2, (0.7, 0.2, 0.1), [1, 1, 0]),
        (0, (0.7, 0.3), [0, 0]),
    ],
)
def test_division_of_few_members(count: int, parts: tuple[float, ...], sizes: list[int]) -> None:
    divided = divide([record(str(number)) for number in range(count)], parts)

    assert sum(sizes) == sum(map(len, divided))
    assert all(part or not size for part, size in zip(divided, sizes, strict=True))
    assert all(abs(len(part) - size) <= 1 for part, size in zip(divided, sizes, strict=True))


@given(labelled(), SPECS)
def test_every_record_is_in_one_split(records: list[Record], spec: ShardSpec) -> None:
    splits = by_split(records, spec)

    assert sorted(record.key for record in records) == sorted(itertools.chain.from_iterable(splits.values()))
    assert list(splits) == [name for name in SPLITS if name in splits]
    assert all(splits.values())


@given(labelled(least=3), SPECS)
def test_every_class_is_in_every_split(records: list[Record], spec: ShardSpec) -> None:
    splits = flat(assign_splits(records, spec))
    classes = {record.label for record in records}

    assert list(SPLITS[: len(spec.split)]) == list(splits)
    assert all(classes == {record.label for record in members} for members in splits.values())


@given(labelled(least=100), SPECS)
def test_every_class_is_shared_out_within_one_record(records: list[Record], spec: ShardSpec) -> None:
    counts = Counter(record.label for record in records)
    for share, members in zip(spec.split, flat(assign_splits(records, spec)).values(), strict=True):
        found = Counter(record.label for record in members)

        assert all(abs(found[label] - share * count) <= 1.0001 for label, count in counts.items())


@given(labelled(least=2), SPECS, st.randoms(use_true_random=False))
def test_plan_does_not_depend_on_the_order_of_the_records(
    records: list[Record], spec: ShardSpec, shuffler: st.DataObject
) -> None:
    shuffled = list(records)
    shuffler.shuffle(shuffled)

    assert plan_shards(records, spec) == plan_shards(shuffled, spec)


@given(labelled(least=2), SPECS)
def test_every_record_is_in_one_shard_of_its_split(records: list[Record], spec: ShardSpec) -> None:
    plans = plan_shards(records, spec)
    planned = {
        split: sorted(key.key for plan in plans if plan.split == split for key in plan.records) for split in SPLITS
    }

    assert {split: sorted(keys) for split, keys in by_split(records, spec).items()} == {
        split: keys for split, keys in planned.items() if keys
    }
    assert all(plan.records for plan in plans)


def test_split_of_a_record_does_not_depend_on_other_classes() -> None:
    cats = [record(f"cat{number}", label="cat") for number in range(50)]
    dogs = [record(f"dog{number}", label="dog") for number in range(30)]
    alone = by_split(cats, ShardSpec())
    together = by_split(dogs + cats, ShardSpec())

    assert alone == {split: [key for key in keys if key.startswith("cat")] for split, keys in together.items()}


def test_classes_are_mixed_in_the_order_of_a_shard() -> None:
    records = [record(f"{label}{number}", label=label) for label in "ab" for number in range(64)]
    labels = [member.label for member in plan_shards(records, ShardSpec(split=(0.5, 0.5)))[0].records]

    assert sum(first != second for first, second in itertools.pairwise(labels)) > 16


def test_seed_decides_split_and_order() -> None:
    records = [record(str(number), label=str(number % 2)) for number in range(40)]
    splits = [by_split(records, ShardSpec(seed=seed)) for seed in range(5)]
    orders = [[member.key for member in plan_shards(records, ShardSpec(seed=seed))[0].records] for seed in range(5)]

    assert len({frozenset(split["train"]) for split in splits}) == 5
    assert len({tuple(order) for order in orders}) == 5


def test_seed_zero_splits_the_same_on_every_machine_and_release() -> None:
    records = [record(f"image{number}") for number in range(10)]

    assert sorted(by_split(records, ShardSpec(seed=0))["validation"]) == ["image4", "image5", "image6"]
    assert [member.key for member in plan_shards(records, ShardSpec(seed=0))[0].records] == [
        "image8",
        "image1",
        "image2",
        "image9",
        "image0",
        "image7",
        "image3",
    ]


def test_unlabelled_test_records_keep_their_order() -> None:
    open_ones = [record(f"{label}{number}", label=label) for label in "ab" for number in range(10)]
    tested = [record(f"t{number * 7 % 20}", label=None, split="test") for number in range(20)]
    plans = plan_shards([*tested, *open_ones], ShardSpec(seed=3))

    assert [member.key for member in tested] == [
        member.key for plan in plans for member in plan.records if plan.split == "test"
    ]
    assert plans[-1].split == "test"


def test_order_of_unlabelled_records_runs_on_through_several_shards() -> None:
    tested = [record(f"t{number * 7 % 1000}", label=None, split="test") for number in range(1000)]
    plans = plan_shards(tested, ShardSpec())

    assert [len(plan.records) for plan in plans] == [66, 67, 67] * 5
    assert tested == list(itertools.chain.from_iterable(plan.records for plan in plans))


def test_labelled_test_records_are_shuffled() -> None:
    tested = [record(f"{number:02d}", split="test") for number in range(40)]
    (plan,) = plan_shards(tested, ShardSpec())

    assert list(plan.records) != tested
    assert set(plan.records) == set(tested)


@given(
    st.lists(st.tuples(st.sampled_from(SPLITS), st.sampled_from("ab")), min_size=1), shares(), st.integers(0, 2**31 - 1)
)
def test_given_splits_are_kept_if_one_is_validation(
    given_ones: list[tuple[str, str]], parts: tuple[float, ...], seed: int
) -> None:
    records = [record(str(number), label=label, split=split) for number, (split, label) in enumerate(given_ones)]
    records.append(record("held", split="validation"))
    splits = flat(assign_splits(records, ShardSpec(split=parts, seed=seed)))

    assert all(member.split == split for split, members in splits.items() for member in members)
    assert len(records) == sum(map(len, splits.values()))


def test_train_folder_without_validation_is_divided_and_its_test_kept() -> None:
    records = [record(f"n{number}", label=str(number % 2), split="train") for number in range(20)]
    tested = [record(f"t{number}", split="test") for number in range(5)]
    splits = flat(assign_splits(records + tested, ShardSpec(split=(0.7, 0.3))))

    assert {split: len(members) for split, members in splits.items()} == {"train": 14, "validation": 6, "test": 5}
    assert tested == splits["test"]


@pytest.mark.parametrize("label", [None, "a"])
def test_third_share_beside_a_given_test_split_is_refused(label: str | None) -> None:
    records = [record("1"), record("2"), record("t", label=label, split="test")]

    with pytest.raises(SpecError, match=r"has a test split of its own; give split=\(0.7, 0.3\)"):
        plan_shards(records, ShardSpec(split=(0.7, 0.2, 0.1)))


@pytest.mark.parametrize(
    ("records", "size", "shards"),
    [
        (1, 1, 1),
        (127, 1, 1),
        (128, 1, 2),
        (1023, 1, 15),
        (1024, 1, 16),
        (100_000, 1, 16),
        (3200, SHARD_BYTES // 100, 32),
    ],
)
def test_number_of_shards(records: int, size: int, shards: int) -> None:
    members = [record("same", size=size)] * records

    assert shards == shard_count(members, ShardSpec())


def test_number_of_shards_of_sized_images_depends_on_their_pixels_only() -> None:
    members = [record("same", size=1)] * 4096
    size = (1024, 1024)  # 3 MiB in RGB: 12 GiB

    assert shard_count(members, ShardSpec(image=ImageSpec(size=size))) == 64  # of no fewer than 64 records
    assert shard_count(members, ShardSpec(image=ImageSpec(size=size, channels=1))) == 32


def test_shards_are_named_by_split_number_and_count() -> None:
    records = [record(str(number)) for number in range(400)]
    names = [plan.name for plan in plan_shards(records, ShardSpec(split=(0.5, 0.5)))]

    assert names == [
        *(f"train-0000{number}-of-00003.tfrecord" for number in range(3)),
        *(f"validation-0000{number}-of-00003.tfrecord" for number in range(3)),
    ]
