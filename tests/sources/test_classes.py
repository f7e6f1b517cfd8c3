"""What labels mean: one class an image, or something that kit refuses by name."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kit
from kit.errors import SourceError, SpecError
from kit.sources import Source, read_source
from kit.sources.label_kinds import find_tags, find_values
from kit.specs import SourceSpec, parse_classes

SHARED = Path(__file__).parents[3] / "shared" / "data"

SEEDLINGS = [
    "Black-grass",
    "Charlock",
    "Cleavers",
    "Common Chickweed",
    "Common wheat",
    "Fat Hen",
    "Loose Silky-bent",
    "Maize",
    "Scentless Mayweed",
    "Shepherds Purse",
    "Small-flowered Cranesbill",
    "Sugar beet",
]
DOGS = [
    "toy terrier",
    "toy poodle",
    "miniature poodle",
    "standard poodle",
    "miniature schnauzer",
    "standard schnauzer",
    "giant schnauzer",
    "miniature pinscher",
    "golden retriever",
    "labrador retriever",
    "flat-coated retriever",
    "curly-coated retriever",
    "pug",
    "boxer",
    "yorkshire terrier",
    "australian terrier",
    "irish terrier",
    "norfolk terrier",
    "norwich terrier",
    "irish setter",
    "english setter",
]
FRUITS = [
    "Apple Braeburn",
    "Apple Golden 1",
    "Apple Golden 2",
    "Apple Golden 3",
    "Apple Granny Smith",
    "Apple Red 1",
    "Apple Red 2",
    "Apple Red Delicious",
    "Apple Red Yellow 1",
    "Banana",
    "Banana Red",
    "Banana Lady Finger",
    "Cherry 1",
    "Cherry Rainier",
    "Cherry Wax Red",
    "Cherry Wax Yellow",
    "Grape Blue",
    "Grape White",
    "Grape White 2",
    "Lemon",
    "Lemon Meyer",
    "Onion Red",
    "Onion White",
    "Pear",
    "Pear Red",
    "Pear Forelle",
    "Pepper Red",
    "Pepper Green",
    "Pepper Yellow",
    "Tomato 1",
    "Tomato Cherry Red",
    "Tomato Yellow",
]
FLOWERS = [
    "pink primrose",
    "english marigold",
    "marigold",
    "rose",
    "desert-rose",
    "lenten rose",
    "tree mallow",
    "mallow",
    "water lily",
    "tiger lily",
    "sword lily",
    "lotus",
    "california poppy",
    "tree poppy",
    "sweet pea",
    "sweet william",
    "wild pansy",
    "passion flower",
    "bolero deep blue",
]
IMAGENET = ["tench, Tinca tinca", "goldfish, Carassius auratus", "great white shark, white shark", "cock", "hen"]
FACTORS = [f"{size} {colour} {shape}" for size in ("small", "big") for colour in "rgb" for shape in ("disk", "bar")]
SEXES = [f"{bird} {sex}" for bird in ("mallard", "teal", "pintail", "gadwall", "smew") for sex in ("male", "female")]
WORDS = st.text("abcdefghijklmnop", min_size=1, max_size=6)


def folder_of(tmp_path: Path, labels: list[str], **options: object) -> Source:
    """Read one image for each label, named by a label file."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(len(labels)):
        (folder / f"{number:04d}.png").write_bytes(b"not looked into")
    table = pd.DataFrame({"id": [f"{number:04d}" for number in range(len(labels))], "label": labels})
    table.to_csv(tmp_path / "labels.csv", index=False)
    return read_source(SourceSpec(folder=str(folder), labels=str(tmp_path / "labels.csv"), **options))


def classes_of(source: Source) -> list[str | None]:
    return [record.label for record in source.records]


# --- classes, tags, values


@pytest.mark.parametrize("names", [SEEDLINGS, DOGS, FRUITS, FLOWERS, IMAGENET, FACTORS, SEXES], ids=lambda n: n[0])
def test_names_of_classes_that_share_words_are_no_tags(names: list[str]) -> None:
    assert find_tags(names) is None


@given(
    nouns=st.lists(WORDS, min_size=1, max_size=30, unique=True),
    kinds=st.lists(WORDS.map(str.upper), min_size=1, max_size=10, unique=True),
    pairs=st.sets(st.tuples(st.integers(0, 29), st.integers(0, 9)), max_size=60),
    sign=st.sampled_from(["|", ";", ",", " "]),
)
def test_names_with_words_that_never_stand_alone_are_no_tags(
    nouns: list[str], kinds: list[str], pairs: set[tuple[int, int]], sign: str
) -> None:
    names = {f"{kinds[b % len(kinds)]}{sign}{nouns[a % len(nouns)]}" for a, b in pairs} | set(nouns)

    assert find_tags(names) is None


@given(
    tags=st.lists(WORDS, min_size=3, max_size=20, unique=True),
    sets=st.lists(st.sets(st.integers(0, 19), min_size=2, max_size=6), min_size=2, max_size=40),
    sign=st.sampled_from(["|", ";", ",", " "]),
)
def test_combinations_of_labels_are_tags(tags: list[str], sets: list[set[int]], sign: str) -> None:
    joined = {sign.join(sorted({tags[number % len(tags)] for number in chosen})) for chosen in sets}
    several = {label for label in joined if sign in label}
    found = find_tags({*tags, *joined})

    assert (found is not None) == (len(several) >= 2)
    if found:
        assert (sign, len(tags), len(tags) + len(several)) == (found.separator, found.tags, found.combinations)


def test_tags_that_never_stand_alone_are_found_by_their_combinations() -> None:
    """As Planet's: every image has the weather, and most the forest."""
    rng = np.random.default_rng(3)
    tags = np.array(
        ["agriculture", "artisinal_mine", "bare_ground", "blooming", "cultivation", "habitation", "road", "water"]
    )
    weather = ("clear", "haze", "partly_cloudy")
    labels = {f"{weather[n % 3]} primary {' '.join(sorted(tags[rng.random(8) < 0.3]))}".strip() for n in range(300)}

    assert find_tags(labels) is not None


def test_several_numbers_in_a_label_are_tags() -> None:
    assert find_tags(["12 25 21", "0", "23 4", "7"]) is not None
    assert find_tags(["12", "0", "23"]) is None


@given(counts=st.dictionaries(st.integers(-10, 70_000).map(str), st.integers(1, 50), min_size=1))
def test_whole_numbers_are_classes_however_many(counts: dict[str, int]) -> None:
    assert find_values(counts) is None
    assert find_tags(counts) is None


@given(values=st.lists(st.floats(-5, 5, allow_nan=False), min_size=40, max_size=80, unique=True))
def test_many_numbers_with_fractions_are_values(values: list[float]) -> None:
    fractions = [value for value in values if value % 1]
    found = find_values({repr(value): 2 for value in values})

    assert (found is not None) == bool(fractions)


def test_few_fractions_with_many_images_are_classes() -> None:
    assert find_values({str(grade / 2): 30 for grade in range(9)}) is None
    assert find_values({"1.5 mm": 3, "2.5 mm": 4}) is None


# --- spellings and renaming


def test_equal_numbers_are_one_class_spelled_as_the_shortest(tmp_path: Path) -> None:
    source = folder_of(tmp_path, ["0", "0.0", "1.0", "1", "0.00", "1"])

    assert ["0", "0", "1", "1", "0", "1"] == classes_of(source)


def test_numbers_spelled_in_one_way_stay_as_they_are(tmp_path: Path) -> None:
    assert ["0.0", "1.0", "0.0", "1.0"] == classes_of(folder_of(tmp_path, ["0.0", "1.0", "0.0", "1.0"]))


def test_long_ids_that_a_float_takes_for_one_are_two_classes(tmp_path: Path) -> None:
    one, other = "12345678901234567890", "12345678901234567891"

    assert {one, other} == set(classes_of(folder_of(tmp_path, [one, other] * 2)))


@pytest.mark.parametrize(
    ("other", "argument"),
    [("Cat", "Cat=cat"), ("c at", "c at=cat"), ("CAT", "CAT=cat"), ("ca\u2009t", "ca\u2009t=cat")],
)
def test_labels_that_differ_in_case_or_blanks_are_refused_with_the_answer(
    tmp_path: Path, other: str, argument: str
) -> None:
    labels = ["cat", "cat", "cat", "dog", "dog", other, other]
    with pytest.raises(SourceError, match=r"'cat' \(3 images\) and '.*' \(2 images\).* classes=\{") as caught:
        folder_of(tmp_path, labels)
    told = re.findall(r"--classes ('[^']+'|\S+?)(?:,|$)", caught.value.as_options())
    spec = {"folder": str(tmp_path / "images"), "labels": str(tmp_path / "labels.csv")}
    one, apart = (tuple(parse_classes(text.strip("'")).items()) for text in told)

    assert ((other, "cat"),) == one
    assert argument == "=".join(one[0])
    assert {"cat", "dog"} == set(classes_of(read_source(SourceSpec(**spec, classes=one))))
    assert {"cat", "dog", other} == set(classes_of(read_source(SourceSpec(**spec, classes=apart))))


@pytest.mark.parametrize("missing", ["NaN", "nan", "<NA>", "null", "N/A"])
def test_a_label_that_says_missing_is_no_class(tmp_path: Path, missing: str) -> None:
    labels = ["a", "a", "b", "b", missing, missing]
    with pytest.raises(SourceError, match=rf"2 images labelled '{missing}', which means that the label is missing"):
        folder_of(tmp_path, labels)
    spec = SourceSpec(
        folder=str(tmp_path / "images"), labels=str(tmp_path / "labels.csv"), classes=((missing, "unclear"),)
    )

    assert {"a", "b", "unclear"} == set(classes_of(read_source(spec)))


def test_classes_are_renamed_and_brought_together(tmp_path: Path) -> None:
    pairs = (("virus", "ill"), ("bacteria", "ill"))
    source = folder_of(tmp_path, ["well", "virus", "bacteria", "well"], classes=pairs)

    assert ["well", "ill", "ill", "well"] == classes_of(source)


def test_combinations_that_are_named_as_classes_are_classes(tmp_path: Path) -> None:
    labels = ["scab", "rust", "complex", "scab rust", "rust complex"] * 2
    pairs = (("scab rust", "both"), ("rust complex", "rust complex"))

    assert {"scab", "rust", "complex", "both", "rust complex"} == set(
        classes_of(folder_of(tmp_path, labels, classes=pairs))
    )


def test_an_unknown_label_to_rename_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"classes=: unknown label 'dogg'; did you mean 'dog'\?"):
        folder_of(tmp_path, ["cat", "dog"] * 2, classes=(("dogg", "hund"),))


@pytest.mark.parametrize(
    ("text", "message"), [("a", "must read old=new"), ("a=", "must read old=new"), ("a=b,a=c", "names 'a' twice")]
)
def test_renamings_that_cannot_be_are_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_classes(text)


def test_arrays_have_names_for_their_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 255, (12, 8, 8), np.uint8), np.arange(12) % 3
    np.savez(tmp_path / "three.npz", images=images, labels=labels)
    names = ["b-well", "a-ill", "unclear"]
    whole = kit.shard_arrays(images, labels, name="whole", class_names=names, workers=1, root=tmp_path)
    read = kit.shard(tmp_path / "three.npz", name="read", class_names=names, workers=1, root=tmp_path)

    assert ("a-ill", "b-well", "unclear") == whole.manifest.classes == read.manifest.classes
    assert {"a-ill": 4, "b-well": 4, "unclear": 4} == {
        name: sum(counts[name] for counts in whole.manifest.counts.values()) for name in names[1::-1] + names[2:]
    }


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "c", "d"]])
def test_as_many_names_as_classes_are_due(tmp_path: Path, names: list[str]) -> None:
    images = np.zeros((6, 4, 4), np.uint8)

    with pytest.raises(SpecError, match=rf"gives {len(names)} names, for the labels 0 to .*; the labels are 0, 1, 2"):
        kit.shard_arrays(images, [0, 1, 2] * 2, name="x", class_names=names, workers=1, root=tmp_path)
