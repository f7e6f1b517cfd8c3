"""Labels as targets: what is found, what is asked for, and what is refused with file, row and value."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kit
from kit.errors import KitError, SourceError, SpecError, SubmissionError
from kit.reports.labels import describe_labels
from kit.sources import Source, read_arrays, read_source
from kit.sources.label_kinds import kind_of_columns, kind_of_labels
from kit.specs import SourceSpec
from kit.specs.source import TARGETS as NAMED
from kit.specs.source import source_spec
from kit.targets import TARGETS
from kit.targets.tags import Tags
from kit.targets.values import Values

SHARED = Path(__file__).parents[3] / "shared" / "data"
WORDS = st.text("abcdefgh", min_size=1, max_size=5)


def read(tmp_path: Path, columns: dict[str, list[str]], sample: str = "", **options: object) -> Source:
    """Read one image a row, named by a label file, and two test images for a sample submission."""
    count = len(next(iter(columns.values())))
    for folder, number in (("images", count), ("test", 2)):
        (tmp_path / folder).mkdir(exist_ok=True)
        for index in range(number):
            (tmp_path / folder / f"{folder[0]}{index}.png").write_bytes(b"not looked into")
    table = pd.DataFrame({"id": [f"i{index}" for index in range(count)], **columns})
    table.to_csv(tmp_path / "labels.csv", index=False)
    if sample:
        (tmp_path / "sample.csv").write_text(sample)
        options = {"test": str(tmp_path / "test"), "sample_submission": str(tmp_path / "sample.csv"), **options}
    return read_source(SourceSpec(folder=str(tmp_path / "images"), labels=str(tmp_path / "labels.csv"), **options))


def labels_of(source: Source) -> list[str | None]:
    return [record.label for record in source.records if record.split != "test"]


def line_of(source: Source, **options: object) -> str:
    spec = SourceSpec(folder="images", labels="labels.csv", **options)
    return describe_labels(source.target, source.label_columns, spec)


# --- found


def test_names_of_targets_are_those_of_the_package() -> None:
    assert set(NAMED) == set(TARGETS)


@given(counts=st.dictionaries(st.integers(0, 20).map(str), st.integers(2, 50), min_size=2))
def test_small_whole_numbers_are_classes_without_a_doubt(counts: dict[str, int]) -> None:
    found = kind_of_labels(counts)

    assert ("classes", "") == (found.target, found.other if len(counts) <= 20 else "")


@given(numbers=st.sets(st.integers(0, 10_000), min_size=21, max_size=200), images=st.integers(1, 40))
def test_many_whole_numbers_are_values_or_leave_two_readings(numbers: set[int], images: int) -> None:
    found = kind_of_labels({str(number): images for number in numbers})

    assert {"values"} == {found.target, found.other or "values"} - ({"classes"} if images > 1 else set())


@given(names=st.lists(WORDS, min_size=2, max_size=30, unique=True), signs=st.sampled_from([" ", "|", ";", ", "]))
def test_names_that_share_no_parts_are_classes(names: list[str], signs: str) -> None:
    joined = {f"{name}{index}{signs}{name}x{index}": 3 for index, name in enumerate(names)}

    assert "classes" == kind_of_labels(joined).target


@given(
    tags=st.lists(WORDS, min_size=3, max_size=8, unique=True),
    rows=st.lists(st.sets(st.integers(0, 7), min_size=1, max_size=4), min_size=8, max_size=60),
    sign=st.sampled_from([" ", "|", ";", ","]),
)
def test_tags_that_stand_alone_and_together_are_tags_by_their_sign(
    tags: list[str], rows: list[set[int]], sign: str
) -> None:
    labels = [sign.join(sorted({tags[index % len(tags)] for index in row})) for row in rows]
    several = {label for label in labels if sign in label}
    found = kind_of_labels({**dict.fromkeys(tags, 2), **dict.fromkeys(labels, 2)})

    assert ("tags" if len(several) > 1 else "classes") == found.target
    assert found.target == "classes" or (sign, "") == (found.separator, found.other)


@given(
    marks=st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=40),
    other=st.sampled_from([0.5, 2.0, -1.0, 17.0]),
)
def test_columns_of_marks_are_classes_where_each_row_has_one(marks: list[list[bool]], other: float) -> None:
    numbers = np.asarray(marks, np.float64)
    is_one_hot = all(sum(row) == 1 for row in marks)

    assert ("classes" if is_one_hot else "tags") == kind_of_columns(numbers)
    assert "values" == kind_of_columns(np.full_like(numbers, other))
    assert "" == kind_of_columns(np.where(numbers == 1, np.nan, np.nan))


def test_columns_with_a_few_odd_marks_are_left_to_a_person() -> None:
    marks = np.zeros((20, 3))
    marks[4, 1] = 2

    assert "" == kind_of_columns(marks)


def test_one_column_of_tags_is_found_and_its_tags_stand_in_one_order(tmp_path: Path) -> None:
    source = read(tmp_path, {"labels": ["scab rust", "rust scab", "rust", "scab", "rust mould", "mould"]})

    assert Tags(names=("mould", "rust", "scab"), separator=" ") == source.target
    assert ["rust scab", "rust scab", "rust", "scab", "mould rust", "mould"] == labels_of(source)
    assert line_of(source).startswith(
        "labels: 3 tags in column labels (mould, rust, scab), joined by ' '; --target cla"
    )


def test_columns_of_tags_may_mark_none(tmp_path: Path) -> None:
    source = read(tmp_path, {"b": ["1", "0", "1", "0"], "a": ["1", "1", "0", "0"], "c": ["0"] * 4})

    assert Tags(names=("b", "a", "c"), separator="|", are_columns=True) == source.target
    assert ["b|a", "a", "b", ""] == labels_of(source)
    assert [[1, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 0]] == source.target.encode(labels_of(source)).tolist()


def test_columns_of_numbers_are_values(tmp_path: Path) -> None:
    source = read(tmp_path, {"red": ["17", "16", "12"], "white": ["2", "3", "2.5"]})

    assert Values.of(("red", "white"), ["17 2", "16 3", "12 2.5"]) == source.target
    assert ["17 2", "16 3", "12 2.5"] == labels_of(source)


def test_the_sample_submission_names_the_labels(tmp_path: Path) -> None:
    """As petfinder's: twelve columns of 0 and 1 beside the score are no labels."""
    columns = {f"mark{index}": ["0", "1", "1", "0"] for index in range(12)} | {"score": ["63", "42.5", "28", "15"]}
    source = read(tmp_path, columns, "id,score\nt0,50\nt1,50\n")

    assert ("values", ("score",)) == (source.target.kind(), source.target.names)


def test_ids_in_long_form_name_the_label_columns_and_each_image_once(tmp_path: Path) -> None:
    columns = {"any": ["1", "0", "1", "0"], "sub_any": ["1", "1", "0", "0"], "age": ["4", "5", "6", "7"]}
    rows = "".join(f"t{number}_{name},0.5\n" for number in (1, 0) for name in ("any", "sub_any"))
    source = read(tmp_path, columns, f"id,Label\n{rows}")

    assert ("any", "sub_any") == source.target.names
    assert ["t1", "t0"] == [record.key for record in source.records if record.split == "test"]


def test_the_column_that_holds_the_samples_columns_is_the_label(tmp_path: Path) -> None:
    columns = {"width": ["1.5", "2.5", "1.25", "3"], "species": ["oak", "ash", "oak", "ash"]}
    source = read(tmp_path, columns, "id,ash,oak\nt0,0.5,0.5\nt1,0.5,0.5\n")

    assert (("ash", "oak"), ("species",)) == (source.target.names, source.label_columns)


def test_many_numbers_are_values_where_the_sample_writes_them_with_a_point(tmp_path: Path) -> None:
    labels = [str(number % 30) for number in range(600)]

    with pytest.raises(SourceError, match=r"may be classes or values: 30 different numbers from 0 to 29; give"):
        read(tmp_path, {"score": labels}, "id,score\nt0,5\nt1,5\n")
    assert "values" == read(tmp_path, {"score": labels}, "id,score\nt0,5.0\nt1,5.0\n").target.kind()


# --- asked for


def test_grades_are_numbers_in_their_order_without_points(tmp_path: Path) -> None:
    source = read(tmp_path, {"grade": ["2.0", "10", "0", "2"] * 2}, target="grades")

    assert ("grades", ("0", "2", "10")) == (source.target.kind(), source.target.names)
    assert ["2", "10", "0", "2"] * 2 == labels_of(source)


@pytest.mark.parametrize(
    "options",
    [
        {"class_names": ("mild", "severe", "fatal")},
        {"classes": (("mild", "mild"), ("severe", "severe"), ("fatal", "fatal"))},
    ],
)
def test_grades_of_words_are_ordered_as_they_are_given(tmp_path: Path, options: dict[str, object]) -> None:
    words = ["severe", "fatal", "mild"] * 2

    assert ("mild", "severe", "fatal") == read(tmp_path, {"grade": words}, target="grades", **options).target.names
    with pytest.raises(SpecError, match=r"grades need an order.*words; give all 3 .*class_names=") as refused:
        read(tmp_path, {"grade": words}, target="grades")
    assert "--class-names LOWEST,…,HIGHEST" in refused.value.as_options()


def test_numbers_are_renamed_in_the_order_of_the_grades(tmp_path: Path) -> None:
    source = read(tmp_path, {"grade": ["0", "1", "2"] * 2}, target="grades", class_names=("none", "mild", "bad"))

    assert (("none", "mild", "bad"), "bad") == (source.target.names, labels_of(source)[2])


def test_a_word_for_none_is_no_tag(tmp_path: Path) -> None:
    source = read(tmp_path, {"f": ["No Finding", "a|b", "a", "No Finding", "b|a"]}, no_tag="No Finding")

    assert Tags(names=("a", "b"), separator="|", no_tag="No Finding") == source.target
    assert ["No Finding", "a|b", "a", "No Finding", "a|b"] == labels_of(source)


def test_empty_cells_are_no_tag_where_that_is_said(tmp_path: Path) -> None:
    columns = {"f": ["", "a b", "a", "b"]}

    assert ["", "a b", "a", "b"] == labels_of(read(tmp_path, columns, no_tag=""))
    with pytest.raises(SourceError, match=r"labels\.csv has an empty 'f': line 2"):
        read(tmp_path, columns, target="tags")


def test_a_column_for_none_is_no_tag(tmp_path: Path) -> None:
    columns = {"none": ["1", "0", "0"], "a": ["0", "1", "1"], "b": ["0", "1", "0"]}
    source = read(tmp_path, columns, no_tag="none")

    assert (("a", "b"), ["none", "a|b", "a"]) == (source.target.names, labels_of(source))


def test_combinations_are_classes_where_that_is_asked(tmp_path: Path) -> None:
    source = read(tmp_path, {"f": ["a b", "a", "b", "a b", "a", "b"]}, target="classes")

    assert ("classes", ("a", "a b", "b")) == (source.target.kind(), source.target.names)


def test_tags_are_renamed_one_by_one(tmp_path: Path) -> None:
    source = read(tmp_path, {"f": ["a b", "a", "b c", "c", "b"]}, classes=(("b", "c"),))

    assert (("a", "c"), ["a c", "a", "c", "c", "c"]) == (source.target.names, labels_of(source))


def test_a_sign_that_only_the_user_knows_splits_tags(tmp_path: Path) -> None:
    source = read(tmp_path, {"f": ["a+b", "a", "b", "b+c"]}, separator="+")

    assert Tags(names=("a", "b", "c"), separator="+") == source.target


# --- refused, with file, row and value


@pytest.mark.parametrize(
    ("columns", "sample", "options", "message"),
    [
        (
            {"v": ["1.5", "abc", "2.5"]},
            "",
            {"target": "values"},
            r"labels\.csv, line 3: 'abc' is no number; correct it, or leave the image out",
        ),
        (
            {"v": ["1,5", "2,5", "3,5"]},
            "",
            {"target": "values"},
            r"line 2: '1,5' is no number; write decimals with a po",
        ),
        ({"v": ["1.5", "inf", "2.5"]}, "", {"target": "values"}, r"line 3: 'inf' is no number"),
        ({"v": ["1.5", "1e39", "2.5"]}, "", {"target": "values"}, r"line 3: '1e39' is too large: .*; correct it, or"),
        (
            {"g": ["0", "1", "1.5", "2"] * 2},
            "",
            {"target": "grades"},
            r"labels\.csv, line 4: '1\.5' is a grade between grades \(0, 1, 2 \(3\)\); .*target='values'",
        ),
        (
            {"a": ["0", "1"] * 10, "b": ["1", "0"] * 9 + ["2", "1"]},
            "",
            {"label_column": "a,b"},
            r"labels\.csv, line 20: '2' in column b is neither 0 nor 1, as nearly all .*target='values'",
        ),
        ({"a": ["0", "1"], "b": ["1", "2"]}, "", {"target": "tags", "label_column": "a,b"}, r"line 3: '2' in column b"),
        ({"a": ["0", "1"], "b": ["1", "x"]}, "", {"label_column": "a,b"}, r"line 2: '0' in|line 3: 'x' in column b is"),
        (
            {"f": ["a b", "a", "b", "b a"]},
            "id,f\nt0,a\nt1,a q\n",
            {},
            r"sample\.csv, line 3: 'a q' in column f is a list w",
        ),
        ({"f": ["a b", "a", "b c", "c", "b"]}, "id,f\nt0,0.3\nt1,0.4\n", {}, r"line 2: '0\.3' in column f is a number"),
        (
            {"v": ["1.5", "2.5", "0.1"]},
            "id,v\nt0,1\nt1,high\n",
            {"target": "values"},
            r"line 3: 'high' in column v is n",
        ),
        (
            {"g": ["0", "1", "2"] * 2},
            "id,g\nt0,0\nt1,7\n",
            {"target": "grades"},
            r"line 3: '7' in column g is a number",
        ),
        ({"f": ["nan a", "a", "b", "a b"]}, "", {"target": "tags"}, r"line 2: 1 image labelled 'nan', which means"),
        (
            {"f": ["A b", "a", "b", "a b"]},
            "",
            {"target": "tags"},
            r"line \d: labels that differ in case .*'a' \(2 images\)",
        ),
        (
            {"f": ["a|none", "a", "none"]},
            "",
            {"no_tag": "none"},
            r"line 2: 'a\|none' has 'none', which means no tag, bes",
        ),
        ({"f": ["a|b", "a", "none"]}, "", {"no_tag": "nane"}, r"no_tag=: unknown label 'nane'; did you mean 'none'\?"),
        ({"f": ["a|b", "a", "b"]}, "", {"separator": ";"}, r"no label has separator=';' between tags"),
        ({"v": ["1.5", "1.5"]}, "", {"target": "values"}, r"found only value '1\.5'; nothing tells images apart"),
        ({"f": ["a", "b"]}, "", {"target": "words"}, r"unknown target 'words'\. Known: classes, grades, tags, values"),
        (
            {"f": ["a", "b"]},
            "",
            {"target": "values", "separator": ";"},
            r"separator=';' is for tags, not for target='val",
        ),
        (
            {"a": ["17", "3"], "b": ["1", "x"]},
            "",
            {"label_column": "a,b"},
            r"line 3: 'x' in column b is not 0, 1 or a number; correct it, or choose other columns with label_column=$",
        ),
        (
            {"a": ["0", "0"], "b": ["0", "0"]},
            "",
            {"label_column": "a,b"},
            r"labels\.csv: no image has a tag in columns a, b",
        ),
        (
            {"v": [*(f"{n}.5" for n in range(20)), "inf"]},
            "",
            {},
            r"line 22: 'inf' is no number; correct it, .*, or take all labels as names with target='classes'",
        ),
        (
            {"f": ["a", "b", "a,b"] * 2},
            "",
            {},
            r"labels\.csv: the 6 labels in column f may be classes or tags: 'a,b' joins others by ','",
        ),
        ({"a": ["1.5"], "b": ["2"]}, "", {"label_column": "a,b,a"}, r"label_column='a,b,a' names the column 'a' twice"),
        ({"v": ["3.5", "3.5"]}, "", {}, r"found only class '3\.5'"),
        (
            {"v": ["1.5", "", "2.5"]},
            "",
            {"target": "values"},
            r"labels\.csv has an empty 'v': line 3 \(1\); fill it, or remove the row$",
        ),
        ({"f": ["a b", "", "a", "b"]}, "", {}, r"line 3 \(1\); fill .*, or take empty cells for no tag with no_tag=''"),
        (
            {"g": ["0", "1", "2"] * 2},
            "id,g\nt0,9\nt1,9\n",
            {"target": "grades"},
            r"line 2: '9' in column g is a number",
        ),
        (
            {"w": ["a", "b", "c"] * 2},
            "id,w\nt0,a b c a\nt1,a c b a\n",
            {},
            r"sample\.csv, line 2: 'a b c a' asks for 4 guesses per image, and the dataset has 3 cl",
        ),
        (
            {"f": ["a b", "a", "b", "b a"]},
            "",
            {"target": "classes"},
            r"every class has one image: a, a b, b, … \(4\); it trains",
        ),
    ],
    ids=str,
)
def test_bad_labels_are_refused_by_file_row_and_value(
    tmp_path: Path, columns: dict[str, list[str]], sample: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises((SourceError, SpecError, SubmissionError), match=message) as refused:
        read(tmp_path, columns, sample, **options)
    assert "\n" not in str(refused.value)


def test_a_sign_for_tags_is_quoted_where_it_is_refused() -> None:
    with pytest.raises(SpecError) as refused:
        SourceSpec(folder="images", separator=" ", target="classes")

    assert "--separator ' ' is for tags, not for --target classes" == refused.value.as_options()


def test_the_line_says_where_grades_stand_at_uneven_distances(tmp_path: Path) -> None:
    source = read(tmp_path, {"g": ["0", "1", "3"] * 2}, target="grades")

    assert "labels: 3 grades in column g (0 < 1 < 3), of which 1 and 3 count as one step apart" == line_of(
        source, target="grades"
    )


def test_the_line_names_tags_where_classes_hold_a_sign(tmp_path: Path) -> None:
    source = read(tmp_path, {"t": ["a,b", "c,d", "e"] * 2})

    assert "labels: 3 classes in column t (a,b, c,d, e); --target tags splits them at a sign" == line_of(source)


def test_one_tag_is_counted_as_one(tmp_path: Path) -> None:
    source = read(tmp_path, {"t": ["a", "none", "a"]}, no_tag="none")

    assert line_of(source, no_tag="none").startswith("labels: 1 tag in column t (a), joined by")


def test_two_readings_are_refused_with_both_commands(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        read(tmp_path, {"score": [str(number % 30) for number in range(600)]})
    with pytest.raises(SourceError, match="may be classes or values") as refused:
        kit.shard(tmp_path / "images", name="x", labels=tmp_path / "labels.csv", workers=1, root=tmp_path)
    commands = refused.value.as_options().partition("; say which: ")[2].split(" - or ")

    assert [True, True] == [command.startswith("kit shard ") for command in commands]
    assert ["classes", "values"] == [re.search(r"--target (\w+)", command)[1] for command in commands]


def test_labels_that_a_dataset_has_as_classes_are_other_inputs_as_grades(tmp_path: Path) -> None:
    images, grades = np.random.default_rng(0).integers(0, 255, (12, 8, 8), np.uint8), [0, 1, 2] * 4
    kit.shard_arrays(images, grades, name="x", workers=1, root=tmp_path)

    with pytest.raises(KitError, match=r"target was none, is grades"):
        kit.shard_arrays(images, grades, name="x", target="grades", workers=1, root=tmp_path)


# --- ids that a table maps to files


def mapped(tmp_path: Path) -> dict[str, object]:
    """Lay out two views of six cases, of which the last two are to be predicted."""
    (tmp_path / "IMG").mkdir()
    for number in range(6):
        for view in ("left", "centre"):
            (tmp_path / "IMG" / f"{view}_{number}.png").write_bytes(b"")
    rows = [f"{number},left_{number}.png,centre_{number}.png" for number in range(6)]
    angles = (0, 0.5, -0.25, 0.125)
    labelled = [f"{row},{angle}" for row, angle in zip(rows, angles, strict=False)]
    (tmp_path / "train.csv").write_text("\n".join(["id,left,centre,angle", *labelled]))
    (tmp_path / "test.csv").write_text("\n".join(["id,left,centre", *rows[4:]]))
    (tmp_path / "sample.csv").write_text("id,angle\n5,0\n4,0\n")
    paths = {"labels": "train.csv", "test": "test.csv", "sample_submission": "sample.csv"}
    options = {name: str(tmp_path / path) for name, path in paths.items()}
    return {"folder": str(tmp_path / "IMG"), "path_column": "centre", "target": "values", **options}


def test_ids_find_their_files_in_a_column_of_both_tables(tmp_path: Path) -> None:
    source = read_source(SourceSpec(**mapped(tmp_path)))

    assert [("0", "centre_0.png"), ("5", "centre_5.png"), ("4", "centre_4.png")] == [
        (record.key, record.file.name) for record in source.records if record.key in "045"
    ]
    assert {False} == {reject.is_bad for reject in source.rejects}
    tables = {number: "train.csv" if number < 4 else "test.csv" for number in range(6)}
    assert {f"left_{number}.png": f"named in another column of {table}" for number, table in tables.items()} == {
        Path(reject.name).name: reject.reason for reject in source.rejects
    }


def test_a_table_orders_the_test_images_without_a_sample(tmp_path: Path) -> None:
    options = {**mapped(tmp_path), "sample_submission": None, "label_column": "angle"}
    records = read_source(SourceSpec(**options)).records

    assert ["4", "5"] == [record.key for record in records if record.split == "test"]


def test_test_images_lie_beside_the_table_as_well(tmp_path: Path) -> None:
    options = mapped(tmp_path)
    (tmp_path / "test_images").mkdir()
    for number in (4, 5):
        (tmp_path / "IMG" / f"left_{number}.png").unlink()
        (tmp_path / "IMG" / f"centre_{number}.png").rename(tmp_path / "test_images" / f"centre_{number}.png")
    source = read_source(SourceSpec(**options))

    assert ["5", "4"] == [record.key for record in source.records if record.split == "test"]
    assert not [reject for reject in source.rejects if reject.is_bad]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("4,l,centre_4.png\n4,l,centre_5.png\n", r"test\.csv repeats ids: 4 \(1\)"),
        ("4,l,centre_4.png\n,l,centre_5.png\n", r"test\.csv, line 3: an empty id; correct it"),
        ("4,l,nowhere.png\n", r"no column of .*test\.csv names an image in .*IMG.*: give path_column="),
        ("4,l,centre_0.png\n5,l,centre_5.png\n", r"names labelled images of .*: 4 \(1\); an image is for training or"),
    ],
)
def test_tables_of_test_images_that_cannot_be_are_refused(tmp_path: Path, rows: str, message: str) -> None:
    options = mapped(tmp_path)
    (tmp_path / "test.csv").write_text(f"id,left,centre\n{rows}")

    with pytest.raises(SourceError, match=message):
        read_source(SourceSpec(**options))


def test_a_table_of_test_images_with_two_columns_of_one_name_is_refused(tmp_path: Path) -> None:
    options = mapped(tmp_path)
    (tmp_path / "test.csv").write_text("id,centre,centre\n4,centre_4.png,centre_5.png\n")

    with pytest.raises(SourceError, match=r"test\.csv has several columns called 'centre'; give each a name"):
        read_source(SourceSpec(**options))


# --- arrays


@pytest.mark.parametrize(
    ("labels", "options", "kind", "names", "text"),
    [
        ([[1, 0, 1], [0, 0, 0], [0, 1, 1], [1, 0, 0]] * 3, {}, "tags", ("0", "1", "2"), "0|2"),
        ([[1, 0], [0, 1], [0, 1], [1, 0]] * 3, {"target": "tags", "class_names": ["a", "b"]}, "tags", ("a", "b"), "a"),
        ([[1, 0], [0, 1], [0, 1], [1, 0]] * 3, {}, "classes", ("0", "1"), "0"),
        ([[1], [0], [0], [1]] * 3, {"target": "tags"}, "tags", ("0",), "0"),
        ([[1], [0], [0], [1]] * 3, {"target": "tags", "class_names": ["sick"]}, "tags", ("sick",), "sick"),
        ([[1], [0], [0], [1]] * 3, {}, "classes", ("0", "1"), "1"),
        ([0.5, 1, 2, 3.25] * 3, {}, "values", ("value",), "0.5"),
        ([0.5, 1, 2, 3.25] * 3, {"class_names": ["angle"]}, "values", ("angle",), "0.5"),
        ([[7, 2], [8, 3], [9, 1], [4, 4]] * 3, {"class_names": ["red", "white"]}, "values", ("red", "white"), "7 2"),
        ([2, 0, 1, 1] * 3, {"target": "grades"}, "grades", ("0", "1", "2"), "2"),
        (list(range(4)) * 3, {}, "classes", ("0", "1", "2", "3"), "0"),
    ],
)
def test_arrays_have_every_target(
    tmp_path: Path, labels: list[object], options: dict[str, object], kind: str, names: tuple[str, ...], text: str
) -> None:
    images = np.zeros((len(labels), 4, 4), np.uint8)
    spec = source_spec("arrays", options)
    source = read_arrays(images, np.asarray(labels), ids=None, groups=None, spec=spec)
    np.savez(tmp_path / "a.npz", images=images, labels=np.asarray(labels))
    read_again = read_source(source_spec(tmp_path / "a.npz", options))

    assert (kind, names, text) == (source.target.kind(), source.target.names, source.records[0].label)
    assert source.target == read_again.target


def test_parts_of_an_npz_file_are_read_as_one_kind(tmp_path: Path) -> None:
    """A small validation part may have one tag an image by chance."""
    np.savez(
        tmp_path / "a.npz",
        train_images=np.zeros((4, 4, 4), np.uint8),
        train_labels=[[1, 1], [0, 1], [0, 0], [1, 0]],
        val_images=np.zeros((2, 4, 4), np.uint8),
        val_labels=[[1, 0], [0, 1]],
    )
    source = read_source(SourceSpec(folder=str(tmp_path / "a.npz")))

    assert ("tags", ["0|1", "1", "", "0", "0", "1"]) == (source.target.kind(), [r.label for r in source.records])


def test_an_array_of_marks_that_holds_2_is_refused() -> None:
    marks = np.eye(2)[np.arange(40) % 2]
    marks[7, 1] = 2

    with pytest.raises(
        SourceError, match=r"2 in row 7, column 1 is not 0 or 1; correct it, or state the meaning .* with target="
    ):
        kit.shard_arrays(np.zeros((40, 4, 4), np.uint8), marks, name="x", workers=1)


# --- real folders


@pytest.mark.parametrize(
    ("folder", "images", "labels", "options", "kind", "names", "line"),
    [
        ("plant_pathology_2021", "train_images", "train.csv", {}, "tags", 6, "6 tags in column labels"),
        ("knee_kl", "train", "train.csv", {}, "classes", 5, "5 classes in column diagnosis (0 to 4); --target grades"),
        ("knee_kl", "train", "train.csv", {"target": "grades"}, "grades", 5, "5 grades in column diagnosis (0 < 1 < 2"),
        (
            "nih_chest14_64px",
            "images",
            "Data_Entry_2017.csv",
            {"label_column": "Finding Labels", "no_tag": "No Finding"},
            "tags",
            13,
            "13 tags in column Finding Labels",
        ),
        ("nih_chest14_64px", "images", "train_multicolumn.csv", {}, "tags", 14, "14 tags in columns Atelectasis"),
        ("bccd_counting", "BCCD/JPEGImages", "counts.csv", {}, "values", 3, "3 numbers in columns RBC, WBC, Platelets"),
        ("driving_steering", "IMG", "train.csv", {"path_column": "center"}, "values", 1, "a number in column steering"),
        ("leaf_classification", "images", "train.csv", {}, "classes", 99, "99 classes in column species"),
    ],
)
def test_real_labels_are_what_their_competitions_ask_for(
    folder: str, images: str, labels: str, options: dict[str, str], kind: str, names: int, line: str
) -> None:
    top = SHARED / folder
    if not top.is_dir():
        pytest.skip("shared data are not here")
    sample, tests = top / "sample_submission.csv", ("test.csv", "test_images", "test")
    test = next((str(top / name) for name in tests if (top / name).exists() and folder != "leaf_classification"), None)
    given = {"test": test, "sample_submission": str(sample)} if sample.exists() else {}
    source = read_source(SourceSpec(folder=str(top / images), labels=str(top / labels), **given, **options))

    assert (kind, names) == (source.target.kind(), len(source.target.names))
    assert describe_labels(source.target, source.label_columns, SourceSpec(folder="x", labels="y")).startswith(
        f"labels: {line}"
    )
    assert source.target.encode([record.label for record in source.records]).shape[0] == len(source.records)
    assert not [reject for reject in source.rejects if reject.is_bad]


def long(tmp_path: Path, rows: str, *, images: int = 3, header: str = "ID,Label", **options: object) -> Source:
    """Read a label file with a row for each name of i_0, i_1 and so on."""
    (tmp_path / "images").mkdir()
    for index in range(images):
        (tmp_path / "images" / f"i_{index}.png").write_bytes(b"not looked into")
    (tmp_path / "labels.csv").write_text(f"{header}\n{rows}")
    spec = SourceSpec(folder=str(tmp_path / "images"), labels=str(tmp_path / "labels.csv"), **options)
    return read_source(spec)


LONG = "".join(
    f"i_{image}_{name},{image % 2 or int(name == 'any')}\n" for name in ("any", "of_any") for image in (2, 0, 1)
)


@pytest.mark.parametrize("header", ["ID,Label", "id,Label", "id,value"])
def test_rows_of_one_name_each_are_the_tags_of_an_image(tmp_path: Path, header: str) -> None:
    """As the intracranial hemorrhage competition's, whose submission has such rows too."""
    source = long(tmp_path, LONG, header=header)

    assert Tags(names=("any", "of_any"), separator="|", are_columns=True) == source.target
    assert ["any", "any|of_any", "any"] == labels_of(source)
    assert ("labels.csv: a row for each of 2 names of an image, as i_2_any; images: 3",) == source.notes
    assert not source.rejects


def test_rows_of_one_name_each_are_classes_or_values(tmp_path: Path) -> None:
    one_hot = "".join(f"i_{image}_{name},{int(image % 2 == name)}\n" for image in range(3) for name in (0, 1))
    numbers = "".join(f"i_{image}_{name},{image}.{name}\n" for image in range(3) for name in (0, 1))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    classes, values = long(tmp_path / "a", one_hot), long(tmp_path / "b", numbers)

    assert (("0", "1"), ["0", "1", "0"]) == (classes.target.names, labels_of(classes))
    assert Values.of(("0", "1"), ["0.0 0.1", "1.0 1.1", "2.0 2.1"]) == values.target


def test_rows_that_repeat_others_are_counted_and_images_without_a_file_rejected(tmp_path: Path) -> None:
    source = long(tmp_path, LONG + "i_0_any,1\n", images=2)

    assert ["i_0", "i_1"] == [record.key for record in source.records]
    assert ["i_2"] == [reject.name for reject in source.rejects]
    assert source.notes[0].endswith("; rows that repeat others: 1")


def test_rows_of_an_image_have_its_group(tmp_path: Path) -> None:
    rows = LONG.replace("\n", ",p\n")

    assert ["p"] * 3 == [r.group for r in long(tmp_path, rows, header="ID,Label,patient", group="patient").records]


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (LONG + "i_0_any,0\n", {}, r"labels\.csv, line 8: 'i_0_any' is 0, and 1 in line 3; keep one row"),
        (LONG.replace("i_1_of_any,1\n", ""), {}, r"labels\.csv, line 4: image i_1 has no row for 'of_any', .*'i_2_of"),
        (LONG.replace("i_1_any,1", "i_1_any,yes"), {}, r"labels\.csv, line 4: 'yes' in column Label is not a number"),
        (LONG.replace("i_1_any,1", "i_1_any,"), {}, r"labels\.csv, line 4: an empty cell in column Label is not a num"),
        (LONG.replace("i_1_of_any", "i_1_odd"), {}, r"labels\.csv, line 7: 'i_1_odd' ends with none of the names of"),
        (LONG.replace("i_1_any,1", "i_1_any,2"), {"target": "tags"}, r"labels\.csv, line 4: '2' in column any is not"),
        (LONG.replace("\n", ",1\n"), {"header": "ID,a,b"}, r"labels\.csv has a row for each .* label_column= .*: a, b"),
        (
            LONG.replace("1\n", "1,p\n", 1).replace("\n", ",q\n").replace("p,q", "p"),
            {"header": "ID,Label,patient", "group": "patient"},
            r"labels\.csv, line 5: groups 'q' and 'p' of the same image; keep one",
        ),
    ],
)
def test_rows_that_do_not_fit_each_other_are_refused_by_line(
    tmp_path: Path, rows: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        long(tmp_path, rows, **options)


# --- columns that nobody has named


def spread(values: int) -> list[str]:
    return [str(index * 11 % values) for index in range(60)]


GRADE = spread(5)
PATIENT = [str(1000 + index // 3) for index in range(60)]


@pytest.mark.parametrize(
    ("columns", "why", "choices"),
    [
        (
            {"patient": spread(7), "grade": GRADE},
            "patient is called as ids or groups are",
            ({"label_column": "grade", "group": "patient"}, {"label_column": "patient,grade"}),
        ),
        (
            {"grade": GRADE, "PatientID": PATIENT, "age": spread(40)},
            "PatientID is called as ids or groups are",
            ({"label_column": "grade"}, {"label_column": "grade,PatientID,age"}),
        ),
        (
            {"who": [str(index // 2) for index in range(60)], "grade": GRADE},
            "who has 2.0 images for each number",
            ({"label_column": "grade", "group": "who"}, {"label_column": "who,grade"}),
        ),
        (
            {"nr": [str(index) for index in range(60)], "grade": GRADE},
            "nr has a number of its own for nearly every image",
            ({"label_column": "grade"}, {"label_column": "nr,grade"}),
        ),
        (
            {"width": ["512"] * 60, "left": spread(6), "right": spread(9)},
            "width holds the same number for all images",
            ({"label_column": "left,right"}, {"label_column": "width,left,right"}),
        ),
        (
            {"x": spread(59), "y": spread(43)},
            "x has a number of its own",
            ({"label_column": "x"}, {"label_column": "y"}, {"label_column": "x,y"}),
        ),
    ],
)
def test_numbers_that_may_be_ids_are_refused_with_a_command_for_each_reading(
    tmp_path: Path, columns: dict[str, list[str]], why: str, choices: tuple[dict[str, str], ...]
) -> None:
    with pytest.raises(SourceError, match=rf"columns .* may be labels all, or not: {re.escape(why)}") as refused:
        read(tmp_path, columns)

    assert choices == refused.value.choices
    for choice in choices:
        assert choice["label_column"] == ",".join(read(tmp_path, columns, **choice).label_columns)


def test_numbers_of_which_none_looks_like_an_id_are_values(tmp_path: Path) -> None:
    columns = {"red": spread(20), "white": GRADE}

    assert ("red", "white") == read(tmp_path, columns).target.names
    assert ("classes", ("0", "1", "2", "3", "4")) == (
        (found := read(tmp_path, {"patient": PATIENT, "grade": GRADE}, group="patient").target).kind(),
        found.names,
    )


# --- readings that remain, and marks


@pytest.mark.parametrize(
    ("labels", "joined"),
    [(["a", "b", "a b", "c a"], "a b"), (["a", "b c", "a b c", "c", "b a"], "b c")],
    ids=["parts that are labels too", "parts that recur"],
)
def test_joined_labels_among_others_leave_two_readings(labels: list[str], joined: str, tmp_path: Path) -> None:
    columns = {"f": labels * 2}

    with pytest.raises(SourceError, match=f"may be classes or tags: '{joined}' joins others by ' '") as refused:
        read(tmp_path, columns)
    assert ({"target": "classes"}, {"target": "tags"}) == refused.value.choices
    assert ("a", "b", "c") == read(tmp_path, columns, target="tags").target.names


def test_many_whole_numbers_with_few_images_leave_two_readings(tmp_path: Path) -> None:
    """As the ids of hotels, of which some have one image; ages have as few."""
    columns = {"hotel": [str(number) for number in range(15) for _ in range(number % 4 + 1)]}

    with pytest.raises(SourceError, match="may be classes or values: 15 different numbers"):
        read(tmp_path, columns)
    assert 15 == len(read(tmp_path, columns, target="classes").target.names)


def test_a_column_of_marks_is_one_tag_where_tags_are_asked_for(tmp_path: Path) -> None:
    source = read(tmp_path, {"sick": ["0", "1", "1"]}, target="tags")

    assert (("sick",), True, ["", "sick", "sick"]) == (
        source.target.names,
        source.target.are_columns,
        labels_of(source),
    )


def test_true_and_false_in_several_columns_are_marks(tmp_path: Path) -> None:
    source = read(tmp_path, {"a": ["True", "False", "True"], "b": ["FALSE", "TRUE", "TRUE"]})

    assert (("a", "b"), ["a", "b", "a|b"]) == (source.target.names, labels_of(source))
    with pytest.raises(SourceError, match=r"labels\.csv has no column 'label'; it has id, a, b \(choose with label_"):
        read(tmp_path, {"a": ["x", "y"], "b": ["True", "False"]})


@pytest.mark.parametrize(
    ("numbers", "note"),
    [
        (["16777216", "20000000", "5", "0.1"], ()),
        (
            ["5", "-20000001", "16777217", "3"],
            ("labels.csv, line 3: -20000001 is stored as -20000000, as float32 holds whole numbers up to 16,777,216",),
        ),
    ],
)
def test_whole_numbers_that_lose_digits_are_told(tmp_path: Path, numbers: list[str], note: tuple[str, ...]) -> None:
    found = read(tmp_path, {"v": numbers}, target="values").notes

    assert note == tuple(told.partition(" exactly; numbers that are rounded: 2")[0] for told in found)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    read(tmp_path, {"label": ["a", "b"] * 2})
    table = tmp_path / "labels.csv"
    table.write_text("id,label, label\n" + "\n".join(f"{line},x" for line in table.read_text().splitlines()[1:]) + "\n")

    with pytest.raises(
        SourceError, match=r"labels\.csv has several columns called 'label'; give each a name of its own"
    ):
        read_source(SourceSpec(folder=str(tmp_path / "images"), labels=str(table)))


def test_a_table_of_test_images_never_names_images_of_class_folders(tmp_path: Path) -> None:
    for name in ("train/cat/1", "train/cat/2", "train/dog/3", "train/dog/4", "test/1", "test/3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.png").write_bytes(b"not looked into")
    (tmp_path / "test.csv").write_text("id\n1\n3\n")
    source = read_source(SourceSpec(folder=str(tmp_path / "train"), test=str(tmp_path / "test.csv")))

    tests = [record.file.path for record in source.records if record.split == "test"]
    assert [tmp_path / "test" / "1.png", tmp_path / "test" / "3.png"] == tests


def test_blanks_before_the_names_of_tag_columns_do_not_count(tmp_path: Path) -> None:
    source = read(tmp_path, {" cat": ["0", "1", "1"], " dog": ["1", "1", "0"]})

    assert ("cat", "dog") == source.target.names
    assert ["dog", "cat|dog", "cat"] == labels_of(source)


def test_a_tag_that_would_be_counted_with_unlabelled_images_is_refused(tmp_path: Path) -> None:
    labels = ["unlabelled", "a", "a unlabelled", "a"]

    with pytest.raises(SourceError, match=r"labels\.csv: a tag called 'unlabelled' would be counted .* another name"):
        read(tmp_path, {"label": labels}, target="tags")

    assert ("a", "none") == read(
        tmp_path, {"label": labels}, target="tags", classes=(("unlabelled", "none"),)
    ).target.names
